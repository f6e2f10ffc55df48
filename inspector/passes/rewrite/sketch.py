"""A graph that a pass changes as columns of numbers, where it adds more nodes than there were.

New nodes are like templates: they have an op and attributes in common, and a name and inputs of
their own. Messages are made of them at the end, when those that were added in vain are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from inspector.errors import InvalidGraph
from inspector.graph.columns import Columns, Edge, Mask
from inspector.graph.graph import Graph, Names, named_copy, with_inputs
from inspector.graph.protos import NodeDef
from inspector.graph.topology import execution_order


class Sketch:
    """Nodes by number: those of the graph, then those that are added, until `settle`.

    Attributes:
        graph: What was given in.
        columns: Its nodes, then those after `settle`. The first kinds are the nodes of the graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.columns: Columns = graph.columns()
        if not self.columns.each:
            each = np.arange(len(graph), dtype=np.int32)
            self.columns = replace(self.columns, kinds=graph.nodes, kind=each, each=True)
        self._kinds: list[NodeDef] = list(graph.nodes)
        self._ops: dict[str, int] = {op: number for number, op in enumerate(self.columns.ops)}
        self._op_of_kind: list[int] = self.columns.op.tolist()
        self._taken = Names(self.columns.names)
        self._first = len(self.columns) + len(self.columns.missing)
        self._names: list[str] = []
        self._kind: list[int] = []
        self._row: list[int] = []  # per new node, where its inputs are
        self._width: list[int] = []  # per row, how many inputs it has
        self._source: list[int] = []
        self._port: list[int] = []
        self._spelled: dict[int, str] = {}
        self._front: dict[int, list[int]] = {}
        self._replaced: dict[int, tuple[int, int]] = {}

    @property
    def changed(self) -> bool:
        """True once a node was added or replaced."""
        return bool(self._row or self._replaced)

    def template(self, node: NodeDef) -> int:
        """The kind of nodes that are like this one, but for name and inputs."""
        self._op_of_kind.append(self._ops.setdefault(node.op, len(self._ops)))
        self._kinds.append(node)
        return len(self._kinds) - 1

    def add(self, kind: int, name: str, inputs: Sequence[Edge], before: int) -> int:
        """A new node in front of one of the graph's, of this name or one made from it."""
        number = self._first + len(self._names)
        self._names.append(self._taken.free(name))
        self._kind.append(kind)
        self._row.append(self._inputs(inputs))
        self._front.setdefault(before, []).append(number)
        return number

    def put(self, node: int, kind: int, inputs: Sequence[Edge]) -> None:
        """Make one of the graph's nodes one of this kind, with these inputs."""
        self._replaced[node] = kind, self._inputs(inputs)

    def spell(self, place: int, text: str) -> None:
        """Write an input of the node that was added or put last in another way: ``a:0``."""
        self._spelled[len(self._source) - self._width[-1] + place] = text

    def name(self, number: int) -> str:
        """The name of a node."""
        new = number - self._first
        return self.columns.name(number) if new < 0 else self._names[new]

    def settle(self) -> None:
        """Give all nodes their places and new numbers."""
        columns, count, first = self.columns, len(self.columns), self._first
        order = np.fromiter(self._order(), np.int64)
        number = np.zeros(first + len(self._names), np.int64)
        number[order] = np.arange(len(order))
        number[count:first] = len(order) + np.arange(first - count)
        kind = np.concatenate([columns.kind, np.zeros(first - count), self._kind]).astype(np.int32)
        row = np.concatenate([np.arange(first), np.array(self._row, np.int64) + count])
        for node, (like, new_row) in self._replaced.items():
            kind[node], row[node] = like, count + new_row
        width = np.concatenate([np.diff(columns.start), self._width]).astype(np.int64)
        begin = np.cumsum(width) - width
        width, begin = width[row[order]], begin[row[order]]
        start = np.concatenate([[0], np.cumsum(width)])
        edges = np.repeat(begin - start[:-1], width) + np.arange(start[-1])
        source = np.concatenate([columns.source, np.array(self._source, np.int64)])
        port = np.concatenate([columns.port, np.array(self._port, np.int32)])
        old = len(columns.source)
        spelled = {**columns.spelled, **{old + at: text for at, text in self._spelled.items()}}
        odd = np.flatnonzero(np.isin(edges, list(spelled))).tolist() if spelled else []
        names = [self.name(at) for at in order.tolist()]
        self.columns = Columns(
            names,
            list(self._ops),
            np.array(self._op_of_kind, np.int32)[kind[order]],
            self._kinds,
            kind[order],
            start.astype(np.int32),
            number[source[edges]].astype(np.int32),
            port[edges],
            columns.missing,
            dict(zip(names, range(len(names)), strict=True)),
            {at: spelled[int(edges[at])] for at in odd},
        )

    def nodes(self) -> list[NodeDef]:
        """The nodes as messages: those of the graph themselves, where nothing changed in them."""
        before = self.graph.columns().inputs()
        count, kinds = len(self.graph), self._kinds
        columns = self.columns
        rows = zip(columns.names, columns.kind.tolist(), columns.inputs(), strict=True)
        return [
            named_copy(kinds[kind], name, inputs)
            if kind >= count
            else kinds[kind]
            if inputs == before[kind]
            else with_inputs(kinds[kind], inputs)
            for name, kind, inputs in rows
        ]

    def _inputs(self, inputs: Sequence[Edge]) -> int:
        self._width.append(len(inputs))
        for source, port in inputs:
            self._source.append(source)
            self._port.append(port)
        return len(self._width) - 1

    def _order(self) -> Iterator[int]:
        for node in range(len(self.columns)):
            yield from self._front.get(node, ())
            yield node


def in_rows(columns: Columns, chosen: Mask) -> list[int]:
    """The chosen nodes in topological order, as they stand where there is none."""
    numbers = np.flatnonzero(chosen)
    if not len(numbers):
        return []
    try:
        order = execution_order(columns)
    except InvalidGraph:
        return list(numbers.tolist())
    in_order = np.asarray(order, np.int64)
    return list(in_order[chosen[in_order]].tolist())


def ports(number: int) -> list[Edge]:
    """The three outputs of a quantized op: values, min, max."""
    return [(number, 0), (number, 1), (number, 2)]
