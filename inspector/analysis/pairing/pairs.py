"""Which node of one graph is which of another: by name where names agree, else by structure.

Names are no identity: a transform may rename nodes, and a number at the end of a name shifts when
a node is added. A name counts where the nodes around it agree as well. What is left is paired by
structure: nodes whose op, attributes and surroundings are found once in each graph are anchors,
pairs grow from them along edges, then past what only one graph has, and of what is still left those
are paired that have the same role next to the most pairs. There is no search: every step is linear
or sorts.

Example:
    >>> pairs = pair(before.graph, after.graph)
    >>> [(item.before, item.after) for item in pairs if item.by == STRUCTURE]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inspector.analysis.pairing.along_edges import Growth
from inspector.analysis.pairing.by_name import NamePairs
from inspector.analysis.pairing.colours import classes, colours, unique, with_weights
from inspector.analysis.pairing.labels import Hashes, Labels, Value, joined, labels
from inspector.analysis.pairing.landmarks import as_often, between, places
from inspector.analysis.pairing.two_graphs import Mask, Neighbours, TwoGraphs, mixed
from inspector.collector import collector_paused
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef, TensorProto

NAME, STRUCTURE = "name", "structure"

_FAR, _NEAR = 5, 2
"""Steps within which the surroundings of two nodes have to agree."""


@dataclass(frozen=True)
class Pairs:
    """Nodes of two graphs that are the same.

    Attributes:
        before: Per pair, the node of the first graph, in that graph's order.
        after: Per pair, the node of the second graph.
    """

    before: list[str]
    after: list[str]

    def __len__(self) -> int:
        return len(self.before)

    @cached_property
    def forward(self) -> Mapping[str, str]:
        """Node of the first graph to that of the second."""
        return dict(zip(self.before, self.after, strict=True))

    def by(self, name: str) -> str:
        """`NAME` or `STRUCTURE`, for a node of the first graph that has a partner."""
        return NAME if self.forward[name] == name else STRUCTURE


def value_in_node(node: NodeDef) -> TensorProto:
    """The value of a Const of a graph that is whole."""
    return node.attr["value"].tensor


@collector_paused()
def pair(
    before: Graph,
    after: Graph,
    values: tuple[Value, Value] = (value_in_node, value_in_node),
) -> Pairs:
    """The nodes of two graphs in pairs; deterministic.

    Args:
        values: Per graph, what reads the value of a Const; see `labels`.
    """
    graphs = TwoGraphs(before.columns(), after.columns())
    names = NamePairs(graphs)
    names.pair_certain()
    if graphs.are_left:
        one, other = (
            labels(graph, value) for graph, value in zip((before, after), values, strict=True)
        )
        label = joined(one, other, graphs.varying_inputs)
        names.pair_supported(label)
        _by_structure(graphs, label, names)
    return _answer(graphs)


def _by_structure(graphs: TwoGraphs, label: Labels, names: NamePairs) -> None:
    local = with_weights(graphs, label.loose, label.constant)
    for steps in (_FAR, _NEAR):
        for neighbours, free in _surroundings(graphs):
            for kind in _distinct(label.exact, local, label.loose):
                _anchors(graphs, neighbours, kind, free, steps, names)
                if graphs.are_left:
                    Growth(graphs, neighbours, kind, free).from_all()
        _grow(graphs, local, label.loose)
        if steps == _FAR:
            names.pair_rest()
            _ends(graphs, label)
            _grow(graphs, local, label.loose)
    _landmarks(graphs, label, local, names)
    _vote(graphs, label.op)
    _grow(graphs, local, label.loose)
    _moved(graphs, label.loose)
    _ties(graphs, label.loose)
    _ties_by_role(graphs, label.loose)
    if ((label.untyped != label.loose) & (graphs.partner < 0)).any():
        _ties(graphs, label.untyped)


def _landmarks(graphs: TwoGraphs, label: Labels, local: Hashes, names: NamePairs) -> None:
    """Pair nodes by what is next to them past all that a transform may have dropped."""
    inner = _surroundings(graphs)[2][1]
    heavy = _reads(graphs, label.weights)
    for chosen in (inner & heavy, inner):
        for kind in _distinct(local, label.loose, label.untyped):
            if not graphs.are_left:
                return
            landmarks = as_often(graphs, kind, chosen)
            # Without a landmark to pair, or another node to look past, there is nothing to learn.
            if not (landmarks & (graphs.partner < 0)).any() or not (inner & ~landmarks).any():
                continue
            neighbours = between(graphs, landmarks)
            _anchors(graphs, neighbours, kind, landmarks & inner, _FAR, names)
            Growth(graphs, neighbours, kind, landmarks & inner).from_all()
    for chosen in (inner, inner & heavy):
        if not graphs.are_left:
            return
        landmarks = (graphs.partner >= 0) & chosen
        if not landmarks.any():
            continue
        place = places(graphs, landmarks)
        for kind in (label.loose, label.bare_op):
            free = inner & (graphs.partner < 0) & (place != 0)
            one, other = unique(graphs, mixed(place ^ kind), free)
            graphs.partner[one], graphs.partner[other] = other, one
    _grow(graphs, local, label.loose)


def _moved(graphs: TwoGraphs, label: Hashes) -> None:
    """Pair a node before one of a pair with a node behind the other: what moved past it.

    Of several such before it, the one at the first input: a function of each part of a
    concatenation becomes that of the whole.
    """
    core, partner = graphs.core, graphs.partner
    free = graphs.eligible & (partner < 0)
    chosen = free[core.node] & (partner[core.owner] >= 0)
    read: dict[int, int] = {}
    readers: dict[int, set[int]] = {}
    for owner, node, is_up in zip(
        core.owner[chosen].tolist(),
        core.node[chosen].tolist(),
        core.is_up[chosen].tolist(),
        strict=True,
    ):
        if is_up:
            read.setdefault(owner, node)
        else:
            readers.setdefault(owner, set()).add(node)
    for owner, node in read.items():
        others = readers.get(int(partner[owner]), set())
        for other in others if len(others) == 1 else ():
            if label[node] == label[other] and partner[node] < 0 and partner[other] < 0:
                graphs.pair(node, other)


def _reads(graphs: TwoGraphs, constants: Mask) -> Mask:
    """The nodes that read one of these constants."""
    near = graphs.short
    reads = np.zeros(len(constants), np.bool_)
    reads[near.owner[near.is_up & constants[near.node]]] = True
    return reads


def _distinct(*kinds: Hashes) -> list[Hashes]:
    """These labels without those that tell no more than one before."""
    distinct: list[Hashes] = []
    for kind in kinds:
        if not any(np.array_equal(kind, other) for other in distinct):
            distinct.append(kind)
    return distinct


def _ends(graphs: TwoGraphs, label: Labels) -> None:
    """Pair constants that are equal and found once in each graph, inputs and last nodes alike."""
    free = graphs.eligible & (graphs.partner < 0)
    last = ~np.isin(np.arange(len(free)), graphs.full.owner[~graphs.full.is_up])
    for kind, chosen in ((label.exact, label.weights), (label.loose, graphs.inputs),
                         (label.loose, last)):  # fmt: skip
        one, other = unique(graphs, kind, free & chosen & (graphs.partner < 0))
        graphs.partner[one], graphs.partner[other] = other, one


def _surroundings(graphs: TwoGraphs) -> list[tuple[Neighbours, Mask]]:
    inner = graphs.eligible & ~graphs.passing
    return [
        (graphs.short, inner),
        (graphs.full, graphs.eligible),
        (graphs.core, inner & graphs.varies),
    ]


def _anchors(
    graphs: TwoGraphs,
    neighbours: Neighbours,
    label: Hashes,
    free: Mask,
    steps: int,
    names: NamePairs,
) -> None:
    """Pair the nodes whose colour is found once in each graph, and those of one name and colour."""
    if not graphs.are_left:
        return
    colour = colours(graphs, neighbours, label, steps)
    one, other = unique(graphs, colour, free & (graphs.partner < 0))
    graphs.partner[one], graphs.partner[other] = other, one
    names.pair_equal(colour)


def _grow(graphs: TwoGraphs, *labels_in_turn: Hashes) -> None:
    for label in _distinct(*labels_in_turn):
        for neighbours, free in _surroundings(graphs):
            if graphs.are_left:
                Growth(graphs, neighbours, label, free).from_all()


def _vote(graphs: TwoGraphs, op: Hashes) -> None:
    """Pair nodes of one op that share the most roles next to pairs, where no other shares as many.

    For nodes whose attributes or shapes differ: a layer with another number of classes.
    """
    for neighbours, free in _surroundings(graphs) if graphs.are_left else ():
        growth = Growth(graphs, neighbours, op, free)
        votes = growth.votes()
        best: dict[int, tuple[int, bool]] = {}
        for (one, other), count in votes.items():
            for node in (one, other):
                most, _ = best.get(node, (0, False))
                if count >= most:
                    best[node] = (count, count > most)
        new = [
            one
            for (one, other), count in votes.items()
            if best[one] == best[other] == (count, True) and growth.pair(one, other)
        ]
        growth.grow(new)


def _ties(graphs: TwoGraphs, label: Hashes) -> None:
    """Pair what surroundings cannot tell apart: one after the other, each with what hangs on it."""
    for neighbours, free in _surroundings(graphs) if graphs.are_left else ():
        colour = colours(graphs, neighbours, label, _NEAR)
        growth = Growth(graphs, neighbours, label, free)
        for ones, others in classes(graphs, colour, free & (graphs.partner < 0)):
            if len(ones) != len(others):
                continue
            for one, other in zip(ones.tolist(), others.tolist(), strict=True):
                if growth.pair(one, other):
                    growth.grow([one])


def _ties_by_role(graphs: TwoGraphs, label: Hashes) -> None:
    """Pair, in their order, as many neighbours of one role and label as the other side has."""
    for neighbours, free in _surroundings(graphs) if graphs.are_left else ():
        growth = Growth(graphs, neighbours, label, free)
        for seed in growth.seeds():
            for ones, others in growth.alike(seed):
                for one, other in zip(ones, others, strict=True):
                    growth.grown(one, other)


def _answer(graphs: TwoGraphs) -> Pairs:
    first, second = graphs.columns
    ones = np.flatnonzero(graphs.partner[: graphs.split] >= 0).tolist()
    others = (graphs.partner[ones] - graphs.split).tolist() if ones else []
    return Pairs([first.names[one] for one in ones], [second.names[other] for other in others])
