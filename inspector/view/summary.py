"""The node table: what the picture, the search and the node panel know of a graph.

A job makes it from a `Graph`; the web process reads it back from JSON and never sees the file.
The JSON is columnar: one list per property, ops, devices, dtypes and shapes as numbers into a
table of distinct values. A model of 4,588 nodes is about 0.4 MB.

Example:
    >>> table = summarise(graph, shapes=shapes, weights=weights, fetches=["probs:0"], feeds=["x:0"])
    >>> table = Summary.from_json(table.to_json())
    >>> table.op_of(table.find("probs")), table.shapes_of(table.find("probs"))
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from inspector import opdefs
from inspector.errors import CorruptModel, UnknownNode, did_you_mean
from inspector.graph import BACK_EDGES, MERGES, Graph, split_input
from inspector.tensors import dtype_name
from inspector.view import attributes
from inspector.view.paused import collector_paused

Shape = Sequence[int | None]
VERSION = 3
MAX_OUTPUTS = 256
"""Outputs kept per node; `Split` into thousands is told by its count elsewhere."""


@dataclass
class Summary:
    """Columns over nodes; the row number is the node's index everywhere in `inspector.view`.

    Args:
        op: Per node, its op as a number into `ops`; likewise `device`, `dtype`, `shape`.
        inputs: Per node, ``[source, port, source, port, ...]`` of its data inputs; a source below
            zero is the name ``missing[-1 - source]``, which the graph does not have.
        controls: Node to the nodes it waits for.
        attrs: Distinct lists of what can be searched of attributes, e.g. ``padding=SAME``.
        dtypes: Distinct tuples of output dtypes, e.g. ``["float32", "int32"]``.
        shapes: Distinct tuples of output shapes; None is a shape, or a dimension, nobody knows.
        weights: Node to (elements, bytes) of the Const or variable it is.
        calls: Node to the functions its attrs name, e.g. the body of a While.
        returns: Node that runs bodies which are in the table too, to ``[source, port, ...]`` of
            what they give back to it: edges of the picture, and no inputs of the node.
        again: Argument of a loop's body to (source, port) of what it is in the next turn: an edge
            back, and no input.
        feeds, fetches: Tensor names of the signature, or what the user picked.
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
    feeds: list[str] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Node name to index; where names repeat, the first."""
        return {name: number for number, name in reversed(list(enumerate(self.names)))}

    def get(self, name: str) -> int | None:
        """The index of a node or tensor name, or None."""
        found = self.index.get(name)
        return self.index.get(split_input(name).name) if found is None else found

    def find(self, name: str) -> int:
        """The index of a node or tensor name. Raises: UnknownNode."""
        found = self.get(name)
        if found is None:
            raise UnknownNode("graph", name, "no such node" + did_you_mean(name, self.index))
        return found

    def op_of(self, node: int) -> str:
        """The op of a node."""
        return self.ops[self.op[node]]

    def dtypes_of(self, node: int) -> list[str]:
        """The dtype of each output tensor; empty where the op is not known."""
        return self.dtypes[self.dtype[node]]

    def shapes_of(self, node: int) -> list[Shape | None]:
        """The shape of each output tensor that has one known to us."""
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
    def consumers(self) -> list[list[int]]:
        """Per node, the nodes that read one of its tensors, each once, in order."""
        readers: list[list[int]] = [[] for _ in self.names]
        for node in range(len(self.names)):
            for source, _ in self.sources(node):
                if not readers[source] or readers[source][-1] != node:
                    readers[source].append(node)
        return readers

    @cached_property
    def waiting(self) -> dict[int, list[int]]:
        """Node to the nodes that wait for it through a control input."""
        found: dict[int, list[int]] = {}
        for node, sources in self.controls.items():
            for source in sources:
                found.setdefault(source, []).append(node)
        return found

    def to_json(self) -> str:
        """The table as compact JSON text."""
        return json.dumps({"version": VERSION} | self.__dict_of_fields(), separators=(",", ":"))

    def __dict_of_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    @collector_paused()
    def from_json(cls, text: str | bytes) -> Summary:
        """Read `to_json` back. It comes from a job that read a stranger's file, so it is checked.

        Raises: CorruptModel.
        """
        try:
            data = json.loads(text)
            if data.pop("version") != VERSION:
                raise ValueError("written by another version")
            for key in ("controls", "weights", "calls", "returns", "again"):
                data[key] = {int(node): value for node, value in data[key].items()}
            data["weights"] = {node: (int(a), int(b)) for node, (a, b) in data["weights"].items()}
            data["again"] = {node: (int(a), int(b)) for node, (a, b) in data["again"].items()}
            table = cls(**data)
            _check(table)
        except (ValueError, TypeError, KeyError, AttributeError) as err:
            raise CorruptModel("node table", "JSON", str(err)) from err
        return table


def summarise(
    graph: Graph,
    *,
    shapes: Mapping[str, Sequence[Shape | None]],
    weights: Mapping[str, tuple[int, int]],
    fetches: Iterable[str] = (),
    feeds: Iterable[str] = (),
    returns: Mapping[str, Sequence[str]] | None = None,
    again: Mapping[str, str] | None = None,
    dtypes: Mapping[str, Sequence[str]] | None = None,
) -> Summary:
    """The node table of a graph, in the graph's own order of nodes.

    Args:
        shapes: Node name to one shape per output, as `inspector.shapes.infer` gives.
        weights: Name of a Const or variable to (elements, bytes).
        fetches: Tensor or node names that are asked for: a signature's outputs, or picks.
        feeds: Tensor or node names that are given.
        returns, again: As in `inspector.unfolding.Unfolded`.
        dtypes: Node name to the dtypes of its outputs, where the nodes are no ops of TensorFlow.
    """
    index: dict[str, int] = {}
    for number, node in enumerate(graph.nodes):
        index.setdefault(node.name, number)
    missing: dict[str, int] = {}
    ops, devices = _Table(), _Table()
    dtype_table, shape_table = _Table(), _Table()
    table = Summary([], ops.values, [], [], dtypes=dtype_table.values, shapes=shape_table.values)
    table.devices = devices.values
    attrs = _Table()
    table.attrs = attrs.values
    functions = {function.signature.name for function in graph.library.function}
    for number, node in enumerate(graph.nodes):
        flat: list[int] = []
        waits: list[int] = []
        for text in node.input:
            name, port, control = split_input(text)
            source = index.get(name)
            if not control:
                flat += (
                    -1 - missing.setdefault(name, len(missing)) if source is None else source,
                    port,
                )
            elif source is not None:
                waits.append(source)
        if again and node.name in again:
            next_turn, port, _ = split_input(again[node.name])
            if next_turn in index:
                table.again[number] = (index[next_turn], port)
        if returns and node.name in returns:
            given, after = _given_back(returns[node.name], index)
            waits += after
            if given:
                table.returns[number] = given
        if dtypes is None:
            found = opdefs.output_dtypes(node, graph.library) or []
            named = [dtype_name(enum) for enum in found[:MAX_OUTPUTS]]
        else:
            named = list(dtypes.get(node.name, ()))[:MAX_OUTPUTS]
        known = [None if shape is None else list(shape) for shape in shapes.get(node.name, ())]
        table.names.append(node.name)
        table.op.append(ops.number(node.op, node.op))
        table.inputs.append(flat)
        table.device.append(devices.number(node.device, node.device))
        told = attributes.searchable(node)
        table.attr.append(attrs.number(tuple(told), told))
        table.dtype.append(dtype_table.number(tuple(named), named))
        known = known[:MAX_OUTPUTS]
        key = tuple(None if shape is None else tuple(shape) for shape in known)
        table.shape.append(shape_table.number(key, known))
        if waits:
            table.controls[number] = list(dict.fromkeys(waits))
        if node.name in weights:
            elements, size = weights[node.name]
            table.weights[number] = (int(elements), int(size))
        if functions:
            called = _called(node, functions)
            if called:
                table.calls[number] = called
    table.missing = list(missing)
    table.feeds = list(dict.fromkeys(feeds))
    table.fetches = list(dict.fromkeys(fetches))
    return table


def _given_back(texts: Sequence[str], index: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """``[source, port, ...]`` of input strings that are tensors, and the nodes of the others."""
    given: list[int] = []
    after: list[int] = []
    for text in texts:
        name, port, control = split_input(text)
        if name in index:
            given += () if control else (index[name], port)
            after += (index[name],) if control else ()
    return given, after


def is_back_edge(table: Summary, source: int, node: int) -> bool:
    """True where what a node reads is of the turn before: the edge that closes a loop of frames."""
    return table.op_of(source) in BACK_EDGES and table.op_of(node) in MERGES


class _Table:
    """Distinct values, numbered in the order they come."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, key: Any, value: Any) -> int:
        found = self._numbers.setdefault(key, len(self.values))
        if found == len(self.values):
            self.values.append(value)
        return found


def _called(node: Any, functions: set[str]) -> list[str]:
    names = [node.op] if node.op in functions else []
    for key in sorted(node.attr):
        value = node.attr[key]
        kind = value.WhichOneof("value")
        if kind == "func":
            names.append(value.func.name)
        elif kind == "list":
            names += [function.name for function in value.list.func]
    return names


def _check(table: Summary) -> None:
    """Every number is a row of the table it points into. Raises: ValueError."""
    count = len(table.names)
    for column, values in (
        ("op", table.ops),
        ("device", table.devices),
        ("dtype", table.dtypes),
        ("shape", table.shapes),
    ):
        numbers = getattr(table, column)
        if len(numbers) != count or (count and not 0 <= min(numbers) <= max(numbers) < len(values)):
            raise ValueError(f"column {column} does not fit the {count} nodes")
    if len(table.inputs) != count:
        raise ValueError(f"column inputs does not fit the {count} nodes")
    low = -len(table.missing)
    for flat in table.inputs:
        if flat and (len(flat) % 2 or not low <= min(flat[::2]) <= max(flat[::2]) < count):
            raise ValueError("an input points outside of the table")
    if any(not 0 <= source < count for source, _ in table.again.values()):
        raise ValueError("a loop's edge back points outside of the table")
    for key in ("controls", "weights", "calls", "returns", "again"):
        sparse: dict[int, Any] = getattr(table, key)
        if sparse and not 0 <= min(sparse) <= max(sparse) < count:
            raise ValueError(f"{key} points outside of the table")
    for flat in table.returns.values():
        if len(flat) % 2 or (flat and not 0 <= min(flat[::2]) <= max(flat[::2]) < count):
            raise ValueError("what a body returns points outside of the table")
    for waits in table.controls.values():
        if waits and not 0 <= min(waits) <= max(waits) < count:
            raise ValueError("a control input points outside of the table")
