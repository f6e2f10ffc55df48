"""The node table: the data of a graph that the picture, the search and the node panel use.

A job builds it from a `Graph` (`builder`); the web process reads it from JSON and never opens the
model's file.
The JSON is columnar: one list per property, ops, devices, dtypes and shapes as numbers into a
table of distinct values. A model of 4,588 nodes is about 0.4 MB.

Example:
    >>> table = build_node_table(graph, shapes=shapes, weights=weights, fetches=["probs:0"])
    >>> table = NodeTable.from_json(table.to_json())
    >>> table.op_of(table.find("probs")), table.shapes_of(table.find("probs"))
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from inspector.errors import CorruptModel, UnknownNode, did_you_mean
from inspector.graph.graph import split_input
from inspector.graph.op_sets import MERGES, NEXT_ITERATIONS
from inspector.view.table import adjacency, element_types, table_bounds
from inspector.view.tree.paused import collector_paused

Shape = Sequence[int | None]
VERSION = 4
BOTH, BEFORE, AFTER = 0, 1, 2
"""Of `NodeTable.side`: which of two graphs has a node."""
_MALFORMED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


@dataclass
class NodeTable:
    """Columns over nodes; the row number is the node's index everywhere in `inspector.view`.

    Args:
        op: Per node, its op as a number into `ops`; likewise `device`, `dtype`, `shape`.
        inputs: Per node, ``[source, port, source, port, ...]`` of its data inputs; a source below
            zero is the name ``missing[-1 - source]``, which the graph does not have.
        controls: Node to the nodes it waits for.
        attrs: Distinct lists of what can be searched of attributes, e.g. ``padding=SAME``.
        dtypes: Distinct tuples of output dtypes, e.g. ``["float32", "int32"]``.
        shapes: Distinct tuples of output shapes; None is an unknown shape or size.
        weights: Node to (elements, bytes) of the Const or variable it is.
        calls: Node to the functions its attrs name, e.g. the body of a While.
        returns: Node that runs bodies which are in the table too, to ``[source, port, ...]`` of
            their results: edges of the picture, and no inputs of the node.
        again: Argument of a loop's body to (source, port) of its value in the next iteration: an
            edge back, and no input.
        side: Of a union of two graphs, per node `BOTH`, `BEFORE` or `AFTER`; else empty.
        former: Of a union, the weights of the first graph; `weights` are then those of the second.
        feeds, fetches: Tensor names of the signature, or those that the user picked.
    """

    names: list[str]
    ops: list[str]
    op: list[int]
    inputs: list[list[int]]
    missing: list[str] = field(default_factory=list)
    controls: dict[int, list[int]] = field(default_factory=dict)
    dtypes: list[list[str]] = field(default_factory=list)
    dtype: list[int] = field(default_factory=list)
    shapes: list[list[Shape | None]] = field(default_factory=list)
    shape: list[int] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    device: list[int] = field(default_factory=list)
    attrs: list[list[str]] = field(default_factory=list)
    attr: list[int] = field(default_factory=list)
    weights: dict[int, tuple[int, int]] = field(default_factory=dict)
    calls: dict[int, list[str]] = field(default_factory=dict)
    returns: dict[int, list[int]] = field(default_factory=dict)
    again: dict[int, tuple[int, int]] = field(default_factory=dict)
    side: list[int] = field(default_factory=list)
    former: dict[int, tuple[int, int]] = field(default_factory=dict)
    feeds: list[str] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Node name to index; where names repeat, the first."""
        return dict(zip(reversed(self.names), range(len(self.names) - 1, -1, -1), strict=True))

    def get(self, name: str) -> int | None:
        """The index of a node or tensor name, or None."""
        node = self.index.get(name)
        return self.index.get(split_input(name).name) if node is None else node

    def find(self, name: str) -> int:
        """The index of a node or tensor name. Raises: UnknownNode."""
        node = self.get(name)
        if node is None:
            raise UnknownNode("graph", name, "no such node" + did_you_mean(name, self.index))
        return node

    def op_of(self, node: int) -> str:
        """The op of a node."""
        return self.ops[self.op[node]]

    def dtypes_of(self, node: int) -> list[str]:
        """The dtype of each output tensor; empty where the op is not known."""
        return self.dtypes[self.dtype[node]]

    def shapes_of(self, node: int) -> list[Shape | None]:
        """The shape of each output tensor; may be shorter than the list of dtypes."""
        return self.shapes[self.shape[node]]

    def sources(self, node: int) -> Iterable[tuple[int, int]]:
        """(source node, port) of each data input in the graph, then of what its bodies return."""
        flat = self.inputs[node]
        if node in self.returns:
            flat = flat + self.returns[node]
        return ((flat[i], flat[i + 1]) for i in range(0, len(flat), 2) if flat[i] >= 0)

    def input_names(self, node: int) -> list[str]:
        """Tensor names of the data inputs, then ``^name`` of the control inputs."""
        flat = self.inputs[node]
        names = []
        for i in range(0, len(flat), 2):
            source = flat[i]
            name = self.names[source] if source >= 0 else self.missing[-1 - source]
            names.append(f"{name}:{flat[i + 1]}")
        return names + [f"^{self.names[source]}" for source in self.controls.get(node, ())]

    @cached_property
    def edges(self) -> tuple[adjacency.Ints, adjacency.Ints, adjacency.Ints]:
        """Source, port and consumer of each data edge, by consumer; those of `returns` too."""
        return adjacency.edges(self.inputs, self.returns)

    @cached_property
    def consumers(self) -> list[list[int]]:
        """Per node, the nodes that read one of its tensors, each once, in order."""
        source, _, consumer = self.edges
        count = max(len(self.names), 1)
        pairs = np.unique(source * count + consumer)
        return adjacency.runs(pairs % count, np.bincount(pairs // count, minlength=len(self.names)))

    @cached_property
    def needed(self) -> list[list[int]]:
        """Per node, the sources of its inputs and of its control inputs; without `returns`."""
        source, _, consumer = adjacency.edges(self.inputs)
        needed = adjacency.runs(source, np.bincount(consumer, minlength=len(self.names)))
        for node, others in self.controls.items():
            needed[node] += others
        return needed

    @cached_property
    def waiting(self) -> dict[int, list[int]]:
        """Node to the nodes that wait for it through a control input."""
        waiting: dict[int, list[int]] = {}
        for node, sources in self.controls.items():
            for source in sources:
                waiting.setdefault(source, []).append(node)
        return waiting

    def to_json(self) -> str:
        """The table as compact JSON text."""
        return json.dumps({"version": VERSION} | self.__dict_of_fields(), separators=(",", ":"))

    def __dict_of_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    @collector_paused()
    def from_json(cls, text: str | bytes) -> NodeTable:
        """Read `to_json` back. It comes from a job that read a stranger's file, so it is checked.

        Raises: CorruptModel.
        """
        try:
            data = json.loads(text)
            if data.pop("version") != VERSION:
                raise ValueError("written by another version")
            for key in ("controls", "weights", "former", "calls", "returns", "again"):
                data[key] = {int(node): value for node, value in data[key].items()}
            element_types.check_node_table(data)
            for key in ("weights", "former", "again"):
                data[key] = {node: (int(a), int(b)) for node, (a, b) in data[key].items()}
            table_bounds.check(data)
            table = cls(**data)
        except _MALFORMED as err:
            raise CorruptModel("node table", "JSON", str(err)) from err
        return table


def is_back_edge(table: NodeTable, source: int, node: int) -> bool:
    """Whether an edge closes a loop of TensorFlow 1 frames: a Merge reads the last iteration."""
    return table.op_of(source) in NEXT_ITERATIONS and table.op_of(node) in MERGES
