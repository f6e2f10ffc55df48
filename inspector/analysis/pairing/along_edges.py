"""From pairs to their neighbours: what plays the same role on both sides is paired too."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from inspector.analysis.pairing.labels import Hashes
from inspector.analysis.pairing.two_graphs import Mask, Neighbours, TwoGraphs, mixed

_MANY = -1
_MAX_VOTES = 64
"""Pairs of neighbours of one pair that vote; where there are more, the role tells too little."""


class Growth:
    """Pairs nodes along the edges of one set of neighbours, by a label that has to be equal."""

    def __init__(
        self, graphs: TwoGraphs, neighbours: Neighbours, label: Hashes, free: Mask
    ) -> None:
        self.graphs = graphs
        self._neighbours = neighbours
        self._keys = mixed(neighbours.role ^ label[neighbours.node])
        self._eligible = free

    def from_all(self) -> None:
        """Grow from all pairs."""
        new = self._round()
        if len(new):
            self.grow(new)

    def seeds(self) -> list[int]:
        """The pairs where both nodes are next to one without a partner, by the first graph's."""
        near, partner = self._neighbours, self.graphs.partner
        next_to_free = np.zeros(len(partner), np.bool_)
        next_to_free[near.owner[self._is_free[near.node]]] = True
        seeds = (partner >= 0) & next_to_free & next_to_free[partner]
        return list(np.flatnonzero(seeds[: self.graphs.split]).tolist())

    def _round(self) -> list[int]:
        """Pair what one role next to some pair tells, all at once; the new pairs by their first."""
        graphs, near = self.graphs, self._neighbours
        partner, split = graphs.partner, graphs.split
        chosen = np.flatnonzero(self._is_free[near.node] & (partner[near.owner] >= 0))
        node, owner = near.node[chosen], near.owner[chosen]
        place = mixed(np.maximum(owner, partner[owner]).astype(np.uint64)) ^ self._keys[chosen]
        order = np.lexsort((node, place))
        place, node = place[order], node[order]
        # A node that has one role twice, as in x * x, counts once.
        once = np.concatenate([[True], (place[1:] != place[:-1]) | (node[1:] != node[:-1])])
        place, node = place[once[: len(place)]], node[once[: len(node)]]
        change = np.concatenate([[True], place[1:] != place[:-1], [True]])
        starts = np.flatnonzero(change[: len(place) + 1])
        starts = starts[:-1][np.diff(starts) == 2]
        one, other = node[starts], node[starts + 1]
        apart = (one < split) & (other >= split)
        one, other = one[apart], other[apart]
        # Where roles disagree, the first one counts.
        _, first = np.unique(one, return_index=True)
        one, other = one[first], other[first]
        _, first = np.unique(other, return_index=True)
        one, other = one[first], other[first]
        partner[one], partner[other] = other, one
        return list(one.tolist())

    @property
    def _is_free(self) -> Mask:
        return self._eligible & (self.graphs.partner < 0)

    @cached_property
    def _free(self) -> bytearray:
        return bytearray(self._is_free.tobytes())

    @cached_property
    def _key(self) -> memoryview:
        # Most growths look at few entries: a list of all keys would take longer than the growth.
        return self._keys.data

    def grown(self, one: int, other: int) -> list[int]:
        """Pair two nodes unless one has a partner, and grow; all new pairs, by their first node."""
        return self.grow([one]) if self.pair(one, other) else []

    def grow(self, seeds: Iterable[int]) -> list[int]:
        """Grow from pairs, named by their node of the first graph; returns these and the new."""
        todo = list(seeds)
        partner = self.graphs.partner
        # The list grows while it is read.
        for one in todo:
            mine = self._by_role(one)
            if not mine:
                continue
            theirs = self._by_role(int(partner[one]))
            for key, node in mine.items():
                other = theirs.get(key, _MANY)
                if node != _MANY and other != _MANY and self.pair(node, other):
                    todo.append(node)
        return todo

    def pair(self, one: int, other: int) -> bool:
        """Pair two nodes unless one of them has a partner; true where it did."""
        if not (self._free[one] and self._free[other]):
            return False
        self.graphs.pair(one, other)
        self._free[one] = self._free[other] = False
        return True

    def votes(self) -> dict[tuple[int, int], int]:
        """Two nodes without a partner to the number of roles that they share next to pairs."""
        votes: dict[tuple[int, int], int] = {}
        partner = self.graphs.partner
        for one in np.flatnonzero(partner[: self.graphs.split] >= 0).tolist():
            mine = self._groups(one)
            if not mine:
                continue
            theirs = self._groups(int(partner[one]))
            for key, nodes in mine.items():
                others = theirs.get(key, ())
                if len(nodes) * len(others) > _MAX_VOTES:
                    continue
                for node in nodes:
                    for other in others:
                        votes[node, other] = votes.get((node, other), 0) + 1
        return votes

    def alike(self, one: int) -> list[tuple[list[int], list[int]]]:
        """The neighbours of a pair that have one role and label, as many on both sides."""
        mine = self._groups(one)
        theirs = self._groups(int(self.graphs.partner[one])) if mine else {}
        both = [(nodes, theirs.get(key, [])) for key, nodes in mine.items()]
        return [(nodes, others) for nodes, others in both if len(nodes) == len(others)]

    def _by_role(self, owner: int) -> dict[int, int]:
        """Role and label to the neighbour without a partner, `_MANY` where there are several."""
        by_role: dict[int, int] = {}
        free, nodes, keys = self._free, self._neighbours.nodes, self._key
        for at in self._neighbours.span(owner):
            node = nodes[at]
            if free[node] and by_role.setdefault(keys[at], node) != node:
                by_role[keys[at]] = _MANY
        return by_role

    def _groups(self, owner: int) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        nodes = self._neighbours.nodes
        for at in self._neighbours.span(owner):
            if self._free[nodes[at]]:
                groups.setdefault(self._key[at], []).append(nodes[at])
        return groups
