"""The tensors of two graphs that can be compared, in the order in which they are computed.

A cut is a pair of tensors through which everything later passes: comparing the cuts first tells in
which part of the graph two models start to differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inspector.analysis.pairing.operator_pairs import pair_operators
from inspector.analysis.pairing.pairs import NAME, STRUCTURE, pair
from inspector.formats.tflite.lite_model import LiteModel
from inspector.graph import opdefs, tensors
from inspector.graph.columns import Columns
from inspector.graph.graph import Graph, split_input, with_inputs
from inspector.graph.op_sets import CONTROL_FLOW, PLACEHOLDERS, VARIABLES
from inspector.graph.protos import NodeDef
from inspector.graph.topology import topological_order
from inspector.model.model import Model

REFERENCE = "inspector_reference"
_NO_VALUES = frozenset(("resource", "variant"))


@dataclass(frozen=True)
class Row:
    """A node of A and the node of B that is the same.

    Attributes:
        by: `NAME` or `STRUCTURE`, how they were paired.
        is_cut: Whether all that is computed later depends on the graph before it by it alone.
    """

    before: str
    after: str
    op: str
    by: str
    is_cut: bool


class PairedTensors:
    """The rows of two models that hold what runs: no variables and no calls.

    Attributes:
        rows: Of nodes that depend on an input, and that the outputs need; in A's order.
        partner: Node of A to node of B, of all nodes.
    """

    def __init__(self, before: Model, after: Model, outputs: Iterable[str]) -> None:
        graphs = (before.outline, after.outline)
        columns, other = graphs[0].columns(), graphs[1].columns()
        self.varying: Collection[str] = _varying(columns)
        self.varying_after: Collection[str] = _varying(other)
        self.partner: dict[str, str]
        self.partner, named = self._pair(before, after)
        needed = columns.needed([columns.index[name] for name in outputs if name in columns.index])
        order = _order(columns)
        width = _width(columns, order, needed)
        self.rows: list[Row] = []
        for node, crossing in zip(order, width, strict=True):
            name = columns.names[node]
            partner = self.partner.get(name)
            if not needed[node] or partner is None:
                continue
            if (
                name in self.varying
                and partner in self.varying_after
                and _has_value(graphs[0], name)
            ):
                by = NAME if name == partner or name in named else STRUCTURE
                self.rows.append(Row(name, partner, columns.op_of(node), by, crossing == 1))

    def _pair(self, before: Model, after: Model) -> tuple[dict[str, str], set[str]]:
        """Node of A to node of B, and those of A whose name says it."""
        if isinstance(before, LiteModel) is isinstance(after, LiteModel):
            pairs = pair(before.outline, after.outline, (before.value, after.value))
            return dict(pairs.forward), set()
        if isinstance(after, LiteModel):
            operators = pair_operators(before, after, (self.varying, self.varying_after))
            return operators.operator_of, operators.named
        assert isinstance(before, LiteModel)
        operators = pair_operators(after, before, (self.varying_after, self.varying))
        partner = {operator: node for node, operator in operators.operator_of.items()}
        return partner, {
            partner_of for partner_of, node in partner.items() if node in operators.named
        }


def cut_graph(
    graph: Graph, names: Iterable[str], tensor_of: Mapping[str, str]
) -> tuple[Graph, dict[str, str]]:
    """A graph in which nodes read placeholders, and the tensors of A to feed.

    What lies between a node and those with values of A is computed from placeholders as well.

    Args:
        tensor_of: Node of B that has a partner with values, to that node of A.
    Returns: the graph; placeholder to the tensor of A.
    """
    fed: dict[str, str] = {}
    placeholders: dict[str, NodeDef] = {}
    nodes = []
    dtypes: dict[str, Sequence[int]] = {}
    for node in graph:
        texts = []
        for text in node.input:
            source, port, is_control = split_input(text)
            if is_control or source not in tensor_of:
                texts.append(text)
                continue
            name = f"{REFERENCE}/{source}/{port}"
            if name not in placeholders:
                if source not in dtypes:
                    dtypes[source] = opdefs.output_dtypes(graph.node(source), graph.library) or ()
                if port >= len(dtypes[source]):
                    texts.append(text)
                    continue
                placeholders[name] = NodeDef(name=name, op="Placeholder")
                placeholders[name].attr["dtype"].type = tensors.base_dtype(dtypes[source][port])
                fed[name] = f"{tensor_of[source]}:{port}"
            texts.append(name)
        nodes.append(with_inputs(node, texts))
    cut = graph.with_nodes([*placeholders.values(), *nodes])
    needed = cut.ancestors(names)
    return (
        graph.with_nodes(node for node in cut if node.name in needed),
        {name: tensor for name, tensor in fed.items() if name in needed},
    )


def _varying(columns: Columns) -> Collection[str]:
    """The nodes that depend on more than constants."""
    fixed = columns.of_ops(VARIABLES | {"Const"})
    starts = np.flatnonzero((np.diff(columns.start) == 0) & ~fixed)
    return columns.picked(columns.behind(starts.tolist()))


def _order(columns: Columns) -> list[int]:
    inner = columns.source < len(columns)
    return topological_order(columns.source[inner], columns.reader[inner], len(columns))


def _width(columns: Columns, order: Sequence[int], needed: Sequence[int]) -> list[int]:
    """Per place in the order, how many varying nodes before it are read after it."""
    varying = _varying(columns)
    place = {node: at for at, node in enumerate(order)}
    last = {node: at for node, at in place.items() if columns.names[node] in varying}
    for node, at in place.items():
        if needed[node]:
            for source in columns.data(node):
                if source in last:
                    last[source] = max(last[source], at)
    change = np.zeros(len(order) + 1, np.int64)
    for node, end in last.items():
        if needed[node]:
            # An end of the graph is read by the caller.
            change[place[node]] += 1
            change[max(end, place[node] + 1)] -= 1
    return list(np.cumsum(change)[: len(order)].tolist())


def _has_value(graph: Graph, name: str) -> bool:
    node = graph.node(name)
    if node.op in CONTROL_FLOW or node.op in PLACEHOLDERS:
        return False
    dtypes = opdefs.output_dtypes(node, graph.library)
    return not dtypes or tensors.dtype_name(dtypes[0]) not in _NO_VALUES
