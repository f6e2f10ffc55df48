"""Across nodes that only one graph has: the nearest node of one op behind each node of a pair."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from inspector.analysis.pairing.labels import Hashes
from inspector.analysis.pairing.two_graphs import Neighbours, TwoGraphs

_STEPS = 5
_MOST_READERS = 8
"""Nodes with more readers are where branches begin; what comes next is not told by the op."""
_MOST_SEEN = 24
_MOST_STEPS = 200_000
"""Nodes that all walks together look at; what two unlike graphs cost is bounded by it."""


def across_gaps(
    graphs: TwoGraphs,
    neighbours: Neighbours,
    label: Hashes,
    seeds: Iterable[int],
    grown: Callable[[int, int], list[int]],
) -> None:
    """Pair, for each pair, the nearest of its descendants, and of its ancestors, of one label.

    A transform that drops or adds a node in a chain leaves a pair before and a pair behind it.

    Args:
        seeds: Pairs, by their node of the first graph.
        grown: Pairs two nodes and what hangs on them; returns the new pairs, by their first node.
    """
    walk = _Walk(graphs, neighbours, label)
    todo = deque(seeds)
    while todo:
        one = todo.popleft()
        other = int(graphs.partner[one])
        for up in (False, True):
            mine, theirs = walk.nearest(one, up), walk.nearest(other, up)
            for node, partner in _nearest_pairs(mine, theirs):
                todo.extend(grown(node, partner))


Nearest = dict[int, tuple[int, int | None]]
"""Label to the steps to its nearest node without a partner, and that node; None for several."""


def _nearest_pairs(mine: Nearest, theirs: Nearest) -> list[tuple[int, int]]:
    """The nodes of the labels that are nearest in total; none where their orders contradict."""
    both = [(mine[key][0] + theirs[key][0], mine[key][0], key) for key in mine if key in theirs]
    least = min(both, default=None)
    if least is None:
        return []
    closest = [item for item in both if item[0] == least[0]]
    if any(steps != least[1] for _, steps, _ in closest):
        return []
    nodes = [(mine[key][1], theirs[key][1]) for _, _, key in closest]
    return [(one, other) for one, other in nodes if one is not None and other is not None]


class _Walk:
    def __init__(self, graphs: TwoGraphs, neighbours: Neighbours, label: Hashes) -> None:
        self._graphs = graphs
        self._neighbours = neighbours
        self._budget = _MOST_STEPS
        self._is_up: list[bool] = neighbours.is_up.tolist()
        self._label: list[int] = label.tolist()

    def nearest(self, start: int, up: bool) -> Nearest:
        nearest: Nearest = {}
        visited, layer = {start}, [start]
        partner = self._graphs.partner
        for steps in range(1, _STEPS + 1):
            following: list[int] = []
            for node in layer:
                around = self._around(node, up)
                if not up and len(around) > _MOST_READERS:
                    continue
                following += [near for near in around if near not in visited and partner[near] < 0]
                visited.update(following)
            layer = list(dict.fromkeys(following))
            if len(visited) > _MOST_SEEN:
                break
            for node in layer:
                label = self._label[node]
                earlier = nearest.get(label)
                if earlier is None:
                    nearest[label] = (steps, node)
                elif earlier[0] == steps:
                    nearest[label] = (steps, None)
        return nearest

    def _around(self, node: int, up: bool) -> list[int]:
        span = self._neighbours.span(node)
        self._budget -= 1
        if len(span) > _MOST_SEEN or self._budget < 0:
            return []
        nodes = self._neighbours.nodes
        return [nodes[at] for at in span if self._is_up[at] == up]
