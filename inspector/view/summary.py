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

import itertools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from inspector import opdefs
from inspector.columns import CONTROL, Columns
from inspector.errors import CorruptModel, UnknownNode, did_you_mean
from inspector.graph import BACK_EDGES, MERGES, Graph, split_input
from inspector.protos import NodeDef, OpDef
from inspector.tensors import dtype_name
from inspector.view import attributes, neighbours
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
        return dict(zip(reversed(self.names), range(len(self.names) - 1, -1, -1), strict=True))

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
        source, reader = self._read
        given = [
            (other, node)
            for node, flat in self.returns.items()
            for other in flat[::2]
            if other >= 0
        ]
        more = np.array(given, dtype=np.int64).reshape(-1, 2)
        source, reader = np.append(source, more[:, 0]), np.append(reader, more[:, 1])
        count = max(len(self.names), 1)
        pairs = np.unique(source * count + reader)
        return neighbours.runs(
            pairs % count, np.bincount(pairs // count, minlength=len(self.names))
        )

    @cached_property
    def needed(self) -> list[list[int]]:
        """Per node, the nodes that it reads, and those that it waits for."""
        source, reader = self._read
        found = neighbours.runs(source, np.bincount(reader, minlength=len(self.names)))
        for node, others in self.controls.items():
            found[node] += others
        return found

    @cached_property
    def _read(self) -> tuple[neighbours.Ints, neighbours.Ints]:
        """Source and reader of each data input whose source is in the graph, by reader."""
        return neighbours.read(self.inputs)

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
    columns = graph.columns()
    index, names = columns.index, columns.names
    devices, attrs, dtype_table, shape_table = _Table(), _Table(), _Table(), _Table()
    table = Summary(list(names), list(columns.ops), columns.op.tolist(), [])
    table.devices, table.attrs = devices.values, attrs.values
    table.dtypes, table.shapes = dtype_table.values, shape_table.values
    library = {item.signature.name: item.signature for item in reversed(graph.library.function)}
    kinds = [_Kind(node, library, devices, attrs) for node in columns.kinds]
    of_node = columns.kind.tolist()
    table.device = [kinds[kind].device for kind in of_node]
    table.attr = [kinds[kind].attr for kind in of_node]
    table.inputs, table.missing = _inputs(columns)
    waits = _waits(columns)
    known: dict[int, int] = {}
    for number, name in enumerate(names):
        kind = kinds[of_node[number]]
        if again and name in again:
            next_turn, port, _ = split_input(again[name])
            if next_turn in index:
                table.again[number] = (index[next_turn], port)
        if returns and name in returns:
            given, after = _given_back(returns[name], index)
            if after:
                waits.setdefault(number, []).extend(after)
            if given:
                table.returns[number] = given
        if dtypes is None:
            if kind.dtype is None:
                named = kind.dtypes(library)
                kind.dtype = dtype_table.number(tuple(named), named)
            table.dtype.append(kind.dtype)
        else:
            named = list(dtypes.get(name, ()))[:MAX_OUTPUTS]
            table.dtype.append(dtype_table.number(tuple(named), named))
        shape = shapes.get(name, ())
        place = known.get(id(shape))
        if place is None:
            listed = [None if dims is None else list(dims) for dims in shape][:MAX_OUTPUTS]
            key = tuple(None if dims is None else tuple(dims) for dims in listed)
            place = known[id(shape)] = shape_table.number(key, listed)
        table.shape.append(place)
        if name in weights:
            elements, size = weights[name]
            table.weights[number] = (int(elements), int(size))
        if kind.calls:
            table.calls[number] = kind.calls
    table.controls = {number: list(dict.fromkeys(waits[number])) for number in sorted(waits)}
    table.feeds = list(dict.fromkeys(feeds))
    table.fetches = list(dict.fromkeys(fetches))
    return table


class _Kind:
    """What the table says of all nodes of one kind.

    Attributes:
        dtype: Number of the dtypes, once a node has asked for it.
        calls: Functions of the library that it runs.
    """

    __slots__ = ("attr", "calls", "device", "dtype", "node")

    def __init__(
        self, node: NodeDef, library: Mapping[str, OpDef], devices: _Table, attrs: _Table
    ) -> None:
        told = attributes.searchable(node)
        self.node = node
        self.device = devices.number(node.device, node.device)
        self.attr = attrs.number(tuple(told), told)
        self.calls = _called(node, library) if library else []
        self.dtype: int | None = None

    def dtypes(self, library: Mapping[str, OpDef]) -> list[str]:
        """Names of the dtypes of its outputs."""
        found = opdefs.output_dtypes(self.node, library) or []
        return [dtype_name(enum) for enum in found[:MAX_OUTPUTS]]


def _inputs(columns: Columns) -> tuple[list[list[int]], list[str]]:
    """``[source, port, ...]`` of each node's data inputs, and the names that no node has."""
    count = len(columns)
    data = columns.port != CONTROL
    source, port = columns.source[data].astype(np.int64), columns.port[data]
    lost = np.flatnonzero(source >= count).tolist()
    missing: dict[str, int] = {}
    for edge in lost:
        name = columns.name(int(source[edge]))
        source[edge] = -1 - missing.setdefault(name, len(missing))
    flat = np.stack([source, port], axis=1).ravel().tolist()
    stops = 2 * np.cumsum(np.bincount(columns.reader[data], minlength=count))
    places = itertools.pairwise([0, *stops.tolist()])
    return [flat[start:stop] for start, stop in places], list(missing)


def _waits(columns: Columns) -> dict[int, list[int]]:
    """Node to the nodes that it waits for by its control inputs."""
    found: dict[int, list[int]] = {}
    control = (columns.port == CONTROL) & (columns.source < len(columns))
    readers, sources = columns.reader[control].tolist(), columns.source[control].tolist()
    for reader, source in zip(readers, sources, strict=True):
        found.setdefault(reader, []).append(source)
    return found


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


def _called(node: NodeDef, functions: Collection[str]) -> list[str]:
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
