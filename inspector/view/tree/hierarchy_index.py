"""The index of a hierarchy: columns over its nodes, scopes and edges, computed once.

Drawn nodes are numbered in the order of the tree, so that every scope is a range of numbers; the
edges between them are numpy columns. Finding the box of every node, and the edges between boxes,
is then a handful of array operations, whatever is open: a view takes milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from inspector.collector import collector_paused
from inspector.graph.op_sets import MERGES, NEXT_ITERATIONS
from inspector.view.table.node_table import AFTER, BEFORE, NodeTable
from inspector.view.table.op_kinds import KINDS, kind_of
from inspector.view.tree import scopes
from inspector.view.tree.scopes import Tree

Ints = npt.NDArray[np.int64]
MAX_READERS = 64
"""Consumers of a shared weight that count; a tied embedding has two or three."""
_INDEX_DTYPE = re.compile(r"u?int(32|64)|string|bool|resource|variant")


class HierarchyIndex:
    """Columns over the drawn nodes and scopes of a hierarchy.

    Args:
        at: Per node, its number in tree order; folded nodes have that of their consumer.
        start, end: Per scope, the range of numbers of its nodes.
        kind: Per scope, the kind of most of its work.
        structure: Per scope, a number that scopes of equal structure share: the same ops, nested in
            the same way, with the same edges inside.
        nodes: Per drawn node, how many nodes it stands for; 0 for a folded one.
        weighed: Node to (elements, bytes) of those constants and variables that are weights.
        weights, parameters: Item to bytes, and elements, of the distinct weights its nodes read.
        former: As `weights`, of the first graph of a union, where `weights` has the second's.
        source, target, tensor: Data edges between drawn nodes; equal tensors have equal numbers.
        back: Per data edge, whether it closes a loop.
        wait_source, wait_target: Control edges between drawn nodes.
    """

    @collector_paused()
    def __init__(self, table: NodeTable, into: Sequence[int], tree: Tree) -> None:
        count, scope_count = len(table), len(tree.names)
        self._order = scopes.downward(tree)
        self._scope_of = scopes.scope_of_nodes(tree, count)
        self.start: list[int] = [0] * scope_count
        self.end: list[int] = [0] * scope_count
        self.at: Ints = np.zeros(count, dtype=np.int64)
        self._number(into, tree)
        self._into: Ints = np.array(into, dtype=np.int64)
        self._edges = table.edges
        drawn = np.where(self._into < 0, np.arange(count), self._into)
        self.nodes: list[int] = np.bincount(drawn, minlength=count).tolist()
        self.kind: list[int] = [0] * scope_count
        self.structure: list[int] = [0] * scope_count
        self._connect(table)
        self._describe(table, tree)
        self.all_nodes: list[int] = self._sums(tree)
        self.weighed: dict[int, tuple[int, int]] = {}
        self.weights: dict[int, int] = {}
        self.parameters: dict[int, int] = {}
        self.former: dict[int, int] = {}
        if len(table.side):
            added = set(np.flatnonzero(table.side == AFTER).tolist())
            self._weigh(table, into, tree, table.former, added)
            self.former = self.weights
            self.weighed, self.weights, self.parameters = {}, {}, {}
        removed = set(np.flatnonzero(table.side == BEFORE).tolist())
        self._weigh(table, into, tree, table.weights, removed)
        del self._into, self._edges, self._order, self._scope_of

    def ops(self, scope: int) -> int:
        """Drawn nodes in a scope."""
        return self.end[scope] - self.start[scope]

    def span(self, item: int) -> tuple[int, int]:
        """The range of numbers of a node, or of a scope."""
        if item >= 0:
            return int(self.at[item]), int(self.at[item]) + 1
        return self.start[~item], self.end[~item]

    def sums(self, per_node: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Running sums over the numbers: ``sums[last] - sums[first]`` is the sum in a `span`.

        Args:
            per_node: A figure per node of the table; that of a folded node counts for its consumer.
        """
        figures = per_node.astype(np.int64) if per_node.dtype == np.bool_ else per_node
        by_number = np.zeros(self.ops(0) + 1, dtype=figures.dtype)
        np.add.at(by_number, self.at + 1, figures)
        return np.cumsum(by_number)

    def _number(self, into: Sequence[int], tree: Tree) -> None:
        number = 0
        stack: list[int] = [~0]
        numbered: list[int] = []
        at = [0] * len(into)
        while stack:
            item = stack.pop()
            if item >= 0:
                at[item] = number
                number += 1
                continue
            self.start[~item] = number
            numbered.append(~item)
            stack.extend(reversed(tree.children[~item]))
        for scope in reversed(numbered):
            self.end[scope] = self.start[scope]
            for item in tree.children[scope]:
                self.end[scope] = max(
                    self.end[scope], at[item] + 1 if item >= 0 else self.end[~item]
                )
        for node, owner in enumerate(into):
            if owner >= 0:
                at[node] = at[owner]
        self.at = np.array(at, dtype=np.int64)

    def _describe(self, table: NodeTable, tree: Tree) -> None:
        """The main kind of each scope, and equal numbers for scopes of equal structure."""
        op = table.op.tolist()
        numbers: dict[tuple[Any, ...], int] = {}
        inner_edges = self._inner_edges(tree)
        drawn = np.flatnonzero(self._into < 0)
        op_kind = np.array([kind_of(name) for name in table.ops], dtype=np.int64)
        mass = np.zeros((len(tree.names), len(KINDS)), dtype=np.int64)
        homes = np.array(self._scope_of, dtype=np.int64)[drawn]
        np.add.at(mass, (homes, op_kind[np.array(op, dtype=np.int64)[drawn]]), 1)
        for scope in reversed(self._order):
            parts = [
                op[item] if item >= 0 else ~self.structure[~item] for item in tree.children[scope]
            ]
            # Numbered in the order of the tree, so that they are the same in every run.
            key = (*parts, inner_edges.get(scope))
            self.structure[scope] = numbers.setdefault(key, len(numbers))
            if scope:
                mass[tree.parents[scope]] += mass[scope]
        weights = np.array([kind.weight for kind in KINDS])
        self.kind = np.where(mass > 0, mass * weights, -1).argmax(axis=1).tolist()

    def _inner_edges(self, tree: Tree) -> dict[int, bytes]:
        """Per scope, the edges of which it is the innermost scope, relative to its first node."""
        homes = np.array(self._scope_of, dtype=np.int64)
        parents = np.array(tree.parents, dtype=np.int64)
        depth = np.zeros(len(tree.names), dtype=np.int64)
        for scope in self._order[1:]:
            depth[scope] = depth[tree.parents[scope]] + 1
        one, two = homes[self.source], homes[self.target]
        apart = np.flatnonzero(one != two)
        while apart.size:
            first, second = one[apart], two[apart]
            deep_one, deep_two = depth[first], depth[second]
            one[apart] = np.where(deep_one >= deep_two, parents[first], first)
            two[apart] = np.where(deep_two >= deep_one, parents[second], second)
            apart = apart[one[apart] != two[apart]]
        start = np.array(self.start, dtype=np.int64)[one]
        edges = np.stack(
            [self.at[self.source] - start, self.port, self.at[self.target] - start], axis=1
        )
        order = np.lexsort((edges[:, 1], edges[:, 0], edges[:, 2], one))
        edges, one = edges[order], one[order]
        cuts = np.flatnonzero(np.diff(one)) + 1
        firsts = [0, *cuts.tolist()] if one.size else []
        return {
            int(one[first]): edges[first:last].tobytes()
            for first, last in zip(firsts, [*cuts.tolist(), one.size], strict=False)
        }

    def _sums(self, tree: Tree) -> list[int]:
        """Per scope, the number of its nodes, folded ones included."""
        sums = [0] * len(tree.names)
        for scope in reversed(self._order):
            sums[scope] = sum(
                self.nodes[item] if item >= 0 else sums[~item] for item in tree.children[scope]
            )
        return sums

    def _weigh(
        self,
        table: NodeTable,
        into: Sequence[int],
        tree: Tree,
        weights: Mapping[int, tuple[int, int]],
        absent: AbstractSet[int],
    ) -> None:
        """Add up weights, each at the nodes that read it; ``absent`` nodes read nothing."""
        one_reader = self._one_reader()
        sizes, counts = [0] * len(tree.names), [0] * len(tree.names)
        for node, (elements, size) in weights.items():
            dtypes = table.dtypes_of(node)
            # Shapes, axes and epsilons are no weights worth a figure.
            if elements < 2 or (elements < 64 and dtypes and _INDEX_DTYPE.match(dtypes[0])):
                continue
            self.weighed[node] = (elements, size)
            owner = into[node]
            is_shared = owner < 0 or not one_reader[owner]
            readers = _readers(table, into, node, absent) if is_shared or absent else {owner}
            for reader in readers:
                self._add(reader, elements, size)
            if len(readers) == 1:
                home = self._scope_of[next(iter(readers))]
                counts[home] += elements
                sizes[home] += size
            else:
                homes = [self._scope_of[reader] for reader in readers]
                for scope in {scope for home in homes for scope in scopes.path(tree, home)}:
                    self._add(~scope, elements, size)
        for scope in reversed(self._order[1:]):
            if counts[scope]:
                self._add(~scope, counts[scope], sizes[scope])
                counts[tree.parents[scope]] += counts[scope]
                sizes[tree.parents[scope]] += sizes[scope]

    def _add(self, item: int, elements: int, size: int) -> None:
        self.weights[item] = self.weights.get(item, 0) + size
        self.parameters[item] = self.parameters.get(item, 0) + elements

    def _one_reader(self) -> npt.NDArray[np.bool_]:
        """Per drawn node, whether it alone reads all that is folded into it."""
        source, _, target = self._edges
        folded = self._into[source] >= 0
        owner, into = self._into[source[folded]], self._into[target[folded]]
        alone = np.ones(self._into.size, dtype=bool)
        alone[owner[np.where(into >= 0, into, target[folded]) != owner]] = False
        return alone

    def _connect(self, table: NodeTable) -> None:
        into = self._into
        source, port, target = self._edges
        op = np.array(table.op, dtype=np.int64)
        closes = np.array([name in NEXT_ITERATIONS for name in table.ops], dtype=bool)[op[source]]
        back = closes & np.array([name in MERGES for name in table.ops], dtype=bool)[op[target]]
        again: Ints = np.array(list(table.again.values()), dtype=np.int64).reshape(-1, 2)
        source, port = np.append(source, again[:, 0]), np.append(port, again[:, 1])
        target = np.append(target, np.fromiter(table.again, dtype=np.int64))
        back = np.append(back, np.ones(len(again), dtype=bool))
        drawn = (into[source] < 0) & (into[target] < 0) & (source != target)
        self.source: Ints = source[drawn]
        self.target: Ints = target[drawn]
        self.back: npt.NDArray[np.bool_] = back[drawn]
        self.port: Ints = np.minimum(port[drawn], 1 << 20)
        keys = self.source * (1 << 21) + self.port
        self.tensor: Ints = np.unique(keys, return_inverse=True)[1].astype(np.int64)
        waits = [
            (before, node) for node in sorted(table.controls) for before in table.controls[node]
        ]
        control: Ints = np.array(waits, dtype=np.int64).reshape(-1, 2)
        control = control[(into[control] < 0).all(axis=1) & (control[:, 0] != control[:, 1])]
        self.wait_source: Ints = control[:, 0]
        self.wait_target: Ints = control[:, 1]


def _readers(
    table: NodeTable, into: Sequence[int], node: int, absent: AbstractSet[int]
) -> set[int]:
    """The drawn nodes that read a weight, through other folded nodes or directly."""
    if into[node] < 0:
        return {node}
    readers: set[int] = set()
    visited, todo = {node}, [node]
    while todo and len(visited) < 4 * MAX_READERS and len(readers) < MAX_READERS:
        for reader in table.consumers[todo.pop()]:
            if reader in absent:
                continue
            if into[reader] < 0:
                readers.add(reader)
            elif reader not in visited:
                visited.add(reader)
                todo.append(reader)
    return readers or {into[node]} - absent
