"""Builds the node table of a model: the columns of which the picture and the tables are made.

The graph is the one that describes the model: for TensorFlow 2 the serving function, its calls
inlined. The bodies of loops, branches and other calls are in it too, under names that
`inspector.freeze` takes as outputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from inspector.errors import InspectorError
from inspector.graph import opdefs, tensors
from inspector.graph.columns import CONTROL, Columns
from inspector.graph.graph import Graph, split_input
from inspector.graph.protos import NodeDef, OpDef
from inspector.graph.tensors import Shape
from inspector.graph.unfold import Unfolded
from inspector.model.model import Model
from inspector.model.serving import serving_graph
from inspector.view.table import attributes
from inspector.view.table.adjacency import Column, Inputs, column, starts
from inspector.view.table.node_table import NodeTable
from inspector.view.table.node_table import Shape as TableShape

MAX_OUTPUTS = 256
"""Outputs of a node in the table; a `Split` may have thousands."""


class NodeTableBuilder:
    """The graph of a model with function bodies expanded, the shapes of its tensors, its table.

    Attributes:
        warnings: One sentence each about what is not in the table.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        graph, why = drawn(model)
        self.unfolded: Unfolded = model.unfolded(graph)
        self.graph: Graph = self.unfolded.graph
        self.warnings: list[str] = [*([why] if why else []), *self.unfolded.notes]

    @cached_property
    def shapes(self) -> Mapping[str, Sequence[Shape | None]]:
        """Node name to the shape of each output."""
        return self.model.shapes(self.graph)

    def node_table(self) -> NodeTable:
        """The node table of the graph."""
        feeds, fetches = self.model.ends()
        return build_node_table(
            self.graph,
            shapes=self.shapes,
            weights=self.weights(),
            fetches=fetches,
            feeds=feeds,
            returns=self.unfolded.returns,
            again=self.unfolded.again,
            dtypes=self.model.declared_dtypes(),
        )

    def weights(self) -> dict[str, tuple[int, int]]:
        """Elements and bytes of each Const and variable, or of a layer's weights, by node name."""
        return self.model.node_sizes(self.graph, self.shapes)

    def output_dtypes(self, node: NodeDef, name: str) -> Sequence[str]:
        """The dtypes of the outputs of the node ``name``, whose op and attributes `node` has."""
        return self.model.output_dtypes(node, name, self.graph)


def drawn(model: Model) -> tuple[Graph, str]:
    """The graph to draw, and why it is not that of the serving function where it should be."""
    try:
        return serving_graph(model), ""
    except InspectorError as err:
        return model.outline, f"The main graph is shown as it is: {err}"


def build_node_table(
    graph: Graph,
    *,
    shapes: Mapping[str, Sequence[Shape | None]],
    weights: Mapping[str, tuple[int, int]],
    fetches: Iterable[str] = (),
    feeds: Iterable[str] = (),
    returns: Mapping[str, Sequence[str]] | None = None,
    again: Mapping[str, str] | None = None,
    dtypes: Mapping[str, Sequence[str]] | None = None,
) -> NodeTable:
    """The node table of a graph, in the graph's own order of nodes.

    Args:
        shapes: Node name to one shape per output, as `inspector.graph.shapes.infer.infer` gives.
        weights: Name of a Const or variable to (elements, bytes).
        fetches: Tensor or node names that are asked for: a signature's outputs, or picks.
        feeds: Tensor or node names that are given.
        returns, again: As in `inspector.graph.unfold.Unfolded`.
        dtypes: Node name to the dtypes of its outputs, where the nodes are no ops of TensorFlow.
    """
    columns = graph.columns()
    names = columns.names
    devices, attrs = _Distinct(), _Distinct()
    library = {item.signature.name: item.signature for item in reversed(graph.library.function)}
    kinds = [_Kind(node, library, devices, attrs) for node in columns.kinds]
    table = NodeTable(list(names), list(columns.ops), columns.op)
    table.devices, table.device = devices.values, _of_kinds(columns, [k.device for k in kinds])
    table.attrs, table.attr = attrs.values, _of_kinds(columns, [kind.attr for kind in kinds])
    table.inputs, table.missing = _inputs(columns)
    if dtypes is None:
        table.dtypes, numbers = _dtypes_of_ops(kinds, library)
        table.dtype = _of_kinds(columns, numbers)
    else:
        table.dtypes, table.dtype = _declared_dtypes(names, dtypes)
    table.shapes, table.shape = _shapes(names, shapes)
    index = columns.index
    rows = ((index[name], figures) for name, figures in weights.items() if name in index)
    table.weights = {
        node: (int(a), min(int(b), tensors.MOST_ELEMENTS)) for node, (a, b) in sorted(rows)
    }
    calls = _of_kinds(columns, [bool(kind.calls) for kind in kinds])
    kind_of_node = columns.kind
    table.calls = {node: kinds[kind_of_node[node]].calls for node in np.flatnonzero(calls).tolist()}
    table.again = _again(columns, again or {})
    waits = _waits(columns)
    table.returns = _returns(columns, returns or {}, waits)
    table.controls = {node: list(dict.fromkeys(waits[node])) for node in sorted(waits)}
    table.feeds = list(dict.fromkeys(feeds))
    table.fetches = list(dict.fromkeys(fetches))
    return table


class _Kind:
    """What the table has of all nodes of one kind: those with the same op and attributes.

    Attributes:
        calls: Functions of the library that it runs.
    """

    __slots__ = ("attr", "calls", "device", "node")

    def __init__(
        self, node: NodeDef, library: Mapping[str, OpDef], devices: _Distinct, attrs: _Distinct
    ) -> None:
        searchable = attributes.searchable(node)
        self.node = node
        self.device = devices.number(node.device, node.device)
        self.attr = attrs.number(tuple(searchable), searchable)
        self.calls = _called(node, library) if library else []

    def dtypes(self, library: Mapping[str, OpDef]) -> list[str]:
        """Names of the dtypes of its outputs."""
        enums = opdefs.output_dtypes(self.node, library) or []
        return [tensors.dtype_name(enum) for enum in enums[:MAX_OUTPUTS]]


def _of_kinds(columns: Columns, of_kind: Sequence[int]) -> Column:
    """Per node, what its kind has."""
    numbers: Column = column(of_kind)
    return numbers[columns.kind] if len(numbers) else numbers


def _dtypes_of_ops(
    kinds: Sequence[_Kind], library: Mapping[str, OpDef]
) -> tuple[list[list[str]], list[int]]:
    """The distinct lists of dtypes, and each kind's number among them, by the ops' definitions."""
    distinct = _Distinct()
    numbers = []
    for kind in kinds:
        dtypes = kind.dtypes(library)
        numbers.append(distinct.number(tuple(dtypes), dtypes))
    return distinct.values, numbers


def _declared_dtypes(
    names: Sequence[str], dtypes: Mapping[str, Sequence[str]]
) -> tuple[list[list[str]], Column]:
    """Like `_dtypes_of_ops`, for nodes whose dtypes the model declares."""
    distinct = _Distinct()
    numbers = []
    for name in names:
        declared = list(dtypes.get(name, ()))[:MAX_OUTPUTS]
        numbers.append(distinct.number(tuple(declared), declared))
    return distinct.values, column(numbers)


def _shapes(
    names: Iterable[str], shapes: Mapping[str, Sequence[Shape | None]]
) -> tuple[list[list[TableShape | None]], Column]:
    """The distinct lists of output shapes, and each node's number among them."""
    distinct = _Distinct()
    # Nodes share lists of shapes; each list is converted once.
    number_of_list: dict[int, int] = {}
    numbers = []
    for name in names:
        outputs = shapes.get(name, ())
        number = number_of_list.get(id(outputs))
        if number is None:
            value: list[TableShape | None] = [
                None if dims is None else list(dims) for dims in outputs[:MAX_OUTPUTS]
            ]
            key = tuple(None if dims is None else tuple(dims) for dims in value)
            number = number_of_list[id(outputs)] = distinct.number(key, value)
        numbers.append(number)
    return distinct.values, column(numbers)


def _again(columns: Columns, again: Mapping[str, str]) -> dict[int, tuple[int, int]]:
    """Argument of a loop's body to the tensor that it is in the next iteration."""
    tensors: dict[int, tuple[int, int]] = {}
    for node, name in enumerate(columns.names) if again else ():
        if name in again:
            source, port, _ = split_input(again[name])
            if source in columns.index:
                tensors[node] = (columns.index[source], port)
    return tensors


def _returns(
    columns: Columns, returns: Mapping[str, Sequence[str]], waits: dict[int, list[int]]
) -> dict[int, list[int]]:
    """Node that runs bodies to ``[source, port, ...]`` of their results.

    Args:
        waits: Gains the nodes that a body's results name as control inputs.
    """
    tensors: dict[int, list[int]] = {}
    for node, name in enumerate(columns.names) if returns else ():
        for text in returns.get(name, ()):
            source, port, control = split_input(text)
            if source not in columns.index:
                continue
            if control:
                waits.setdefault(node, []).append(columns.index[source])
            else:
                tensors.setdefault(node, []).extend((columns.index[source], port))
    return tensors


def _inputs(columns: Columns) -> tuple[Inputs, list[str]]:
    """Each node's data inputs, and the names that no node has."""
    count = len(columns)
    data = columns.port != CONTROL
    source, port = columns.source[data].astype(np.int64), columns.port[data]
    missing: dict[str, int] = {}
    for edge in np.flatnonzero(source >= count).tolist():
        name = columns.name(int(source[edge]))
        source[edge] = -1 - missing.setdefault(name, len(missing))
    start = starts(np.bincount(columns.reader[data], minlength=count))
    return Inputs(start, column(source), column(port)), list(missing)


def _waits(columns: Columns) -> dict[int, list[int]]:
    """Node to the nodes that it waits for by its control inputs."""
    waits: dict[int, list[int]] = {}
    control = (columns.port == CONTROL) & (columns.source < len(columns))
    readers, sources = columns.reader[control].tolist(), columns.source[control].tolist()
    for reader, source in zip(readers, sources, strict=True):
        waits.setdefault(reader, []).append(source)
    return waits


class _Distinct:
    """Distinct values, numbered in the order of their first use."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, key: Any, value: Any) -> int:
        number = self._numbers.setdefault(key, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


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
