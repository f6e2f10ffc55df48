"""Nodes of one name in both graphs, and how far their names are to be believed."""

from __future__ import annotations

import numpy as np

from inspector.analysis.pairing.labels import Hashes, Labels
from inspector.analysis.pairing.two_graphs import Ints, Mask, TwoGraphs

_TRUST = 0.5
"""Where more of the nodes with one name have an input in common, names mean something."""


class NamePairs:
    """The candidates: nodes of one name, and the evidence for them.

    A neighbour speaks for a candidate where it has the same name and op on both sides and plays the
    same role.
    """

    def __init__(self, graphs: TwoGraphs) -> None:
        self.graphs = graphs
        first, second = graphs.columns
        index = second.index
        pairs = [(one, index[name]) for name, one in first.index.items() if name in index]
        both = np.array(pairs, np.int64).reshape(-1, 2)
        self.one: Ints = both[:, 0]
        self.other: Ints = both[:, 1] + graphs.split
        numbers: dict[str, int] = {}
        ops = [[numbers.setdefault(op, len(numbers)) for op in side.ops] for side in graphs.columns]
        op_of = [np.array(table, np.int64)[side.op] if table else np.zeros(0, np.int64)
                 for table, side in zip(ops, graphs.columns, strict=True)]  # fmt: skip
        op = np.concatenate(op_of)
        self.same_op: Mask = op[self.one] == op[self.other]
        self._inputs: Mask = graphs.inputs[self.one] & graphs.inputs[self.other]
        self._weigh()

    def pair_certain(self) -> None:
        """Pair the inputs of the model; where names are to be believed, all with support."""
        certain = self.same_op & self._inputs
        if self.trusted:
            certain |= self.same_op & ((self.support > 0) | (self.most == 0))
        self._pair(certain)

    def pair_supported(self, label: Labels) -> None:
        """Pair nodes of one name and label for which at least half of the neighbours speak."""
        same = label.loose[self.one] == label.loose[self.other]
        self._pair(same & (self.support > 0) & (2 * self.support >= self.most))

    def pair_equal(self, colour: Hashes) -> None:
        """Pair nodes of one name and colour."""
        self._pair(colour[self.one] == colour[self.other])

    def pair_rest(self) -> None:
        """Pair all other nodes of one name, whatever their ops, where names are to be believed."""
        if self.trusted:
            self._pair(np.ones(len(self.one), np.bool_))

    def _pair(self, chosen: Mask) -> None:
        partner = self.graphs.partner
        chosen = chosen & (partner[self.one] < 0) & (partner[self.other] < 0)
        one, other = self.one[chosen], self.other[chosen]
        partner[one], partner[other] = other, one

    def _weigh(self) -> None:
        """Count per candidate the neighbours that speak for it, and those that could."""
        graphs, count = self.graphs, len(self.graphs.partner)
        candidate = np.full(count, -1, np.int64)
        for side in (self.one, self.other):
            candidate[side[self.same_op]] = np.flatnonzero(self.same_op)
        near = graphs.short
        owner, node = candidate[near.owner], candidate[near.node]
        degree = np.diff(near.start)
        self.most: Ints = np.maximum(degree[self.one], degree[self.other])
        both = (owner >= 0) & (node >= 0)
        # The same candidates in the same role, once in each graph.
        rows = np.stack([owner[both], node[both], near.role[both].view(np.int64)])
        in_second = near.owner[both] >= graphs.split
        order = np.lexsort((in_second, *rows))
        rows, in_second = rows[:, order], in_second[order]
        twice = (rows[:, 1:] == rows[:, :-1]).all(axis=0) & (in_second[1:] != in_second[:-1])
        self.support: Ints = np.bincount(rows[0, 1:][twice], minlength=len(self.one))
        has_neighbours = self.most > 0
        self.trusted: bool = not has_neighbours.any() or bool(
            (self.support[has_neighbours] > 0).mean() > _TRUST
        )
