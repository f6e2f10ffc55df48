"""The node table: the data of a graph that the picture, the search and the node panel use.

A job builds it from a `Graph` (`builder`); the web process reads it from JSON and never opens the
model's file.
The JSON is columnar: ops, devices, dtypes and shapes are numbers into a list of distinct values.
Columns of numbers are arrays in memory and Base64 in the JSON. A model of 4,588 nodes is about
0.4 MB.

Example:
    >>> table = build_node_table(graph, shapes=shapes, weights=weights, fetches=["probs:0"])
    >>> table = NodeTable.from_json(table.to_json())
    >>> table.op_of(table.find("probs")), table.shapes_of(table.find("probs"))
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from inspector.collector import collector_paused
from inspector.errors import CorruptModel, UnknownNode, did_you_mean
from inspector.graph.graph import split_input
from inspector.graph.op_sets import MERGES, NEXT_ITERATIONS, PLACEHOLDERS
from inspector.view.table import adjacency, element_types, number_text, table_bounds
from inspector.view.table.adjacency import Column, Inputs, Lists

Shape = Sequence[int | None]
VERSION = 5
BOTH, BEFORE, AFTER = 0, 1, 2
"""Of `NodeTable.side`: which of two graphs has a node."""


def _empty() -> Column:
    return np.zeros(0, np.int32)


def _no_inputs() -> Inputs:
    return Inputs.of([])


_MALFORMED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


_NUMBERS = ("op", "dtype", "shape", "device", "attr", "side")
_WEIGHTS = ("weights", "former")
_SPARSE = ("controls", "calls", "returns", "again")


@dataclass(eq=False)
class NodeTable:
    """Columns over nodes; the row number is the node's index everywhere in `inspector.view`.

    Args:
        op: Per node, its op as a number into `ops`; likewise `device`, `dtype`, `shape`.
        inputs: Per node, ``[source, port, source, port, ...]`` of its data inputs; a source below
            zero is the name ``missing[-1 - source]``, which the graph does not have. Lists, as
            for the columns of numbers, are turned into arrays.
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
    op: Column = field(default_factory=_empty)
    inputs: Inputs = field(default_factory=_no_inputs)
    missing: list[str] = field(default_factory=list)
    controls: dict[int, list[int]] = field(default_factory=dict)
    dtypes: list[list[str]] = field(default_factory=list)
    dtype: Column = field(default_factory=_empty)
    shapes: list[list[Shape | None]] = field(default_factory=list)
    shape: Column = field(default_factory=_empty)
    devices: list[str] = field(default_factory=list)
    device: Column = field(default_factory=_empty)
    attrs: list[list[str]] = field(default_factory=list)
    attr: Column = field(default_factory=_empty)
    weights: dict[int, tuple[int, int]] = field(default_factory=dict)
    calls: dict[int, list[str]] = field(default_factory=dict)
    returns: dict[int, list[int]] = field(default_factory=dict)
    again: dict[int, tuple[int, int]] = field(default_factory=dict)
    side: Column = field(default_factory=_empty)
    former: dict[int, tuple[int, int]] = field(default_factory=dict)
    feeds: list[str] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            setattr(self, name, adjacency.column(getattr(self, name)))
        self.inputs = Inputs.of(self.inputs)

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeTable) and self.to_json() == other.to_json()

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

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
        op: str = self.ops[self.op[node]]
        return op

    def of_ops(self, ops: Collection[str]) -> npt.NDArray[np.bool_]:
        """Per node, whether its op is one of these."""
        chosen = np.fromiter((op in ops for op in self.ops), np.bool_, len(self.ops))
        return chosen[self.op] if len(self.op) else np.zeros(0, np.bool_)

    def dtypes_of(self, node: int) -> list[str]:
        """The dtype of each output tensor; empty where the op is not known."""
        return self.dtypes[self.dtype[node]]

    def shapes_of(self, node: int) -> list[Shape | None]:
        """The shape of each output tensor; may be shorter than the list of dtypes."""
        return self.shapes[self.shape[node]]

    def sources(self, node: int) -> Iterable[tuple[int, int]]:
        """(source node, port) of each data input in the graph, then of what its bodies return."""
        flat = self.inputs[node] + list(self.returns.get(node, ()))
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
    def consumers(self) -> Lists:
        """Per node, the nodes that read one of its tensors, each once, in order."""
        source, _, consumer = self.edges
        count = max(len(self.names), 1)
        pairs = np.unique(source * count + consumer)
        return Lists.of(pairs // count, (pairs % count).astype(np.int32), len(self.names))

    @cached_property
    def data_sources(self) -> Lists:
        """Per node, the sources of its inputs in the graph, then of what its bodies return."""
        source, _, consumer = self.edges
        return Lists.of(consumer, source.astype(np.int32), len(self.names))

    @cached_property
    def fed(self) -> bytearray:
        """Per node, whether it computes from a placeholder, or is one."""
        inputs = {number for number, op in enumerate(self.ops) if op in PLACEHOLDERS}
        starts = [node for node, op in enumerate(self.op) if op in inputs]
        return adjacency.reached(starts, self.consumers)

    @cached_property
    def needed(self) -> Lists:
        """Per node, the sources of its inputs and of its control inputs; without `returns`."""
        source, _, consumer = adjacency.edges(self.inputs)
        waits, waiting = adjacency.pairs(self.controls)
        return adjacency.grouped(
            np.append(consumer, waiting), np.append(source, waits), len(self.names)
        )

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
        data = {"version": VERSION} | {name: getattr(self, name) for name in _FIELDS}
        data |= {name: number_text.text(data[name]) for name in _NUMBERS}
        data["inputs"] = [
            number_text.text(np.diff(self.inputs.start)),
            number_text.text(self.inputs.source),
            number_text.text(self.inputs.port),
        ]
        data |= {key: _weights_text(data[key]) for key in _WEIGHTS}
        return json.dumps(data, separators=(",", ":"))

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
            for key in _SPARSE:
                data[key] = {int(node): value for node, value in data[key].items()}
            for key in _NUMBERS:
                data[key] = number_text.numbers(key, data[key])
            counts, source, port = (number_text.numbers("inputs", part) for part in data["inputs"])
            data["inputs"] = Inputs(adjacency.starts(counts), source, port)
            data |= {key: _read_weights(key, data[key]) for key in _WEIGHTS}
            element_types.check_node_table(data)
            data["again"] = {node: (int(a), int(b)) for node, (a, b) in data["again"].items()}
            table_bounds.check(data)
            table = cls(**data)
        except _MALFORMED as err:
            raise CorruptModel("node table", "JSON", str(err)) from err
        return table


def _weights_text(weights: Mapping[int, tuple[int, int]]) -> list[str]:
    nodes = np.fromiter(weights, np.int64, len(weights))
    figures = np.array(list(weights.values()), np.int64).reshape(-1, 2)
    return [number_text.text(part, np.int64) for part in (nodes, *figures.T)]


def _read_weights(name: str, texts: list[str]) -> dict[int, tuple[int, int]]:
    nodes, *figures = (number_text.numbers(name, part, np.int64).tolist() for part in texts)
    pairs = zip(*figures, strict=True)
    return {node: (a, b) for node, (a, b) in zip(nodes, pairs, strict=True)}


_FIELDS = tuple(column.name for column in fields(NodeTable))


def is_back_edge(table: NodeTable, source: int, node: int) -> bool:
    """Whether an edge closes a loop of TensorFlow 1 frames: a Merge reads the last iteration."""
    return table.op_of(source) in NEXT_ITERATIONS and table.op_of(node) in MERGES
