"""What is counted once over a hierarchy so that a view of it takes milliseconds.

Drawn nodes are numbered in the order of the tree, so that every scope is a run of numbers; the
edges between them are numpy columns. Finding the box of every node, and the edges between boxes,
is then a handful of array operations, whatever is open.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from inspector.view.hierarchy import Hierarchy
from inspector.view.kinds import KINDS, kind_of
from inspector.view.paused import collector_paused
from inspector.view.summary import is_back_edge

Ints = npt.NDArray[np.int64]
MAX_READERS = 64
"""Readers of a shared weight that are looked for; a tied embedding has two or three."""
_INDEX_DTYPE = re.compile(r"u?int(32|64)|string|bool|resource|variant")


class Tally:
    """Columns over the drawn nodes and scopes of a hierarchy.

    Args:
        at: Per node, its number in tree order; folded nodes have that of their reader.
        start, end: Per scope, the run of numbers it spans.
        kind: Per scope, the kind that says most about it.
        structure: Per scope, a number that scopes of equal structure share: the same ops, nested in
            the same way, with the same edges inside.
        weighed: Node to (elements, bytes) of those constants and variables that are weights.
        weights, parameters: Item to bytes, and elements, of the distinct weights its nodes read.
        source, target, tensor: Data edges between drawn nodes; equal tensors have equal numbers.
        back: Per data edge, whether it closes a loop.
        wait_source, wait_target: Control edges between drawn nodes.
    """

    @collector_paused()
    def __init__(self, tree: Hierarchy) -> None:
        count, scopes = len(tree.table), len(tree.names)
        self.start, self.end = [0] * scopes, [0] * scopes
        self.at: Ints = np.zeros(count, dtype=np.int64)
        self._number(tree)
        self.nodes = Counter(tree.drawn(node) for node in range(count))
        self.kind, self.structure = [0] * scopes, [0] * scopes
        self._connect(tree)
        self._describe(tree)
        self.all_nodes = self._sums(tree)
        self.weighed: dict[int, tuple[int, int]] = {}
        self.weights: dict[int, int] = {}
        self.parameters: dict[int, int] = {}
        self._weigh(tree)

    def ops(self, scope: int) -> int:
        """Drawn nodes in a scope."""
        return self.end[scope] - self.start[scope]

    def span(self, item: int) -> tuple[int, int]:
        """The run of numbers of a node, or of a scope."""
        if item >= 0:
            return int(self.at[item]), int(self.at[item]) + 1
        return self.start[~item], self.end[~item]

    def sums(self, per_node: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Running sums over the numbers: ``sums[last] - sums[first]`` is the sum in a `span`.

        Args:
            per_node: A figure per node of the table; what is folded counts for its reader.
        """
        figures = per_node.astype(np.int64) if per_node.dtype == np.bool_ else per_node
        by_number = np.zeros(self.ops(0) + 1, dtype=figures.dtype)
        np.add.at(by_number, self.at + 1, figures)
        return np.cumsum(by_number)

    def _number(self, tree: Hierarchy) -> None:
        number = 0
        stack: list[int] = [~0]
        done: list[int] = []
        at = [0] * len(tree.table)
        while stack:
            item = stack.pop()
            if item >= 0:
                at[item] = number
                number += 1
                continue
            self.start[~item] = number
            done.append(~item)
            stack.extend(reversed(tree.children[~item]))
        for scope in reversed(done):
            self.end[scope] = self.start[scope]
            for item in tree.children[scope]:
                self.end[scope] = max(
                    self.end[scope], at[item] + 1 if item >= 0 else self.end[~item]
                )
        for node, owner in enumerate(tree.into):
            if owner >= 0:
                at[node] = at[owner]
        self.at = np.array(at, dtype=np.int64)

    def _describe(self, tree: Hierarchy) -> None:
        """The main kind of each scope, and equal numbers for scopes of equal structure."""
        table = tree.table
        op_kind = [kind_of(op) for op in table.ops]
        known: dict[tuple[Any, ...], int] = {}
        wires = self._wires(tree)
        mass: list[Counter[int]] = [Counter() for _ in tree.names]
        for scope in reversed(tree.order):
            parts: list[int] = []
            for item in tree.children[scope]:
                if item >= 0:
                    parts.append(table.op[item])
                    mass[scope][op_kind[table.op[item]]] += 1
                else:
                    parts.append(~self.structure[~item])
                    mass[scope].update(mass[~item])
            # Numbers are given in the order they come, so they are the same in every run.
            self.structure[scope] = known.setdefault((*parts, wires.get(scope)), len(known))
            says = [(-count * KINDS[kind].weight, kind) for kind, count in mass[scope].items()]
            self.kind[scope] = min(says, default=(0, 0))[1]

    def _wires(self, tree: Hierarchy) -> dict[int, bytes]:
        """Per scope, the edges that it is the innermost around of, told from its first node on."""
        homes = np.array(tree.scope_of, dtype=np.int64)
        parents = np.array(tree.parents, dtype=np.int64)
        depth = np.zeros(len(tree.names), dtype=np.int64)
        for scope in tree.order[1:]:
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
        told = np.stack(
            [self.at[self.source] - start, self.port, self.at[self.target] - start], axis=1
        )
        order = np.lexsort((told[:, 1], told[:, 0], told[:, 2], one))
        told, one = told[order], one[order]
        cuts = np.flatnonzero(np.diff(one)) + 1
        firsts = [0, *cuts.tolist()] if one.size else []
        return {
            int(one[first]): told[first:last].tobytes()
            for first, last in zip(firsts, [*cuts.tolist(), one.size], strict=False)
        }

    def _sums(self, tree: Hierarchy) -> list[int]:
        """Per scope, its nodes with all that is folded into them."""
        sums = [0] * len(tree.names)
        for scope in reversed(tree.order):
            sums[scope] = sum(
                self.nodes[item] if item >= 0 else sums[~item] for item in tree.children[scope]
            )
        return sums

    def _weigh(self, tree: Hierarchy) -> None:
        table = tree.table
        for node, (elements, size) in table.weights.items():
            dtypes = table.dtypes_of(node)
            # Shapes, axes and epsilons are no weights worth a figure.
            if elements < 2 or (elements < 64 and dtypes and _INDEX_DTYPE.match(dtypes[0])):
                continue
            self.weighed[node] = (elements, size)
            items: set[int] = set()
            for reader in self._readers(tree, node):
                items.add(reader)
                items.update(~scope for scope in tree.path(reader))
            for item in items:
                self.weights[item] = self.weights.get(item, 0) + size
                self.parameters[item] = self.parameters.get(item, 0) + elements

    @staticmethod
    def _readers(tree: Hierarchy, node: int) -> set[int]:
        """The drawn nodes that read a weight, through other folded nodes or directly."""
        if tree.into[node] < 0:
            return {node}
        found: set[int] = set()
        seen, todo = {node}, [node]
        while todo and len(seen) < 4 * MAX_READERS and len(found) < MAX_READERS:
            for reader in tree.table.consumers[todo.pop()]:
                if tree.into[reader] < 0:
                    found.add(reader)
                elif reader not in seen:
                    seen.add(reader)
                    todo.append(reader)
        return found or {tree.into[node]}

    def _connect(self, tree: Hierarchy) -> None:
        table, into = tree.table, tree.into
        edges: list[tuple[int, int, int]] = []
        waits: list[tuple[int, int]] = []
        for node in range(len(table)):
            if into[node] >= 0:
                continue
            edges += [
                (source, port, node)
                for source, port in table.sources(node)
                if into[source] < 0 and source != node
            ]
            waits += [
                (source, node)
                for source in table.controls.get(node, ())
                if into[source] < 0 and source != node
            ]
        back = [is_back_edge(table, source, node) for source, _, node in edges]
        for node, (source, port) in table.again.items():
            if into[node] < 0 and into[source] < 0 and source != node:
                edges.append((source, port, node))
                back.append(True)
        self.back = np.array(back, dtype=bool)
        columns: Ints = np.array(edges, dtype=np.int64).reshape(-1, 3)
        self.source, self.target = columns[:, 0], columns[:, 2]
        self.port = np.minimum(columns[:, 1], 1 << 20)
        keys = self.source * (1 << 21) + self.port
        self.tensor = np.unique(keys, return_inverse=True)[1].astype(np.int64)
        control: Ints = np.array(waits, dtype=np.int64).reshape(-1, 2)
        self.wait_source, self.wait_target = control[:, 0], control[:, 1]


_KNOWN: WeakKeyDictionary[Hierarchy, Tally] = WeakKeyDictionary()
_LOCK = threading.Lock()


def tally(tree: Hierarchy) -> Tally:
    """The tally of a hierarchy, made once and kept as long as the hierarchy lives."""
    with _LOCK:
        found = _KNOWN.get(tree)
    if found is None:
        found = Tally(tree)
        with _LOCK:
            _KNOWN[tree] = found
    return found
