"""The graph between landmarks: nodes that both graphs have as often, past all the others.

A transform that drops, adds or moves many small nodes leaves little of the surroundings of a node.
What it leaves are the nodes of which both graphs have as many: convolutions by the shapes of their
weights, poolings. Past all nodes between them, both graphs are often the same again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inspector.analysis.pairing.labels import Hashes
from inspector.analysis.pairing.two_graphs import (
    Mask,
    Neighbours,
    TwoGraphs,
    mixed,
    neighbours_of,
)

_MOST = 64
"""Landmarks next to one node; where there are more, it is next to none."""
_PORTS = 1 << 10
_BITS = (1 << 64) - 1

Nearest = frozenset[int] | None
"""Tensors of landmarks as numbers, `_PORTS` for each node; None for more than `_MOST`."""
_NONE: Nearest = frozenset()


def as_often(graphs: TwoGraphs, label: Hashes, among: Mask) -> Mask:
    """Of these nodes those whose label both graphs have as often without a partner, and pairs."""
    chosen = among & (graphs.partner < 0)
    values, number = np.unique(label[chosen], return_inverse=True)
    in_first = np.flatnonzero(chosen) < graphs.split
    counts = [np.bincount(number[side], minlength=len(values)) for side in (in_first, ~in_first)]
    landmarks = among & (graphs.partner >= 0)
    landmarks[chosen] = (counts[0] == counts[1])[number]
    return landmarks


def between(graphs: TwoGraphs, landmarks: Mask) -> Neighbours:
    """The landmarks as neighbours, past all other nodes."""
    core = graphs.core
    above = nearest(graphs, landmarks, up=True)
    owner = core.owner
    chosen = np.flatnonzero(core.is_up & landmarks[owner])
    sources, readers, slots = [], [], []
    for reader, node, slot, port in zip(
        owner[chosen].tolist(),
        core.node[chosen].tolist(),
        core.slot[chosen].tolist(),
        core.port[chosen].tolist(),
        strict=True,
    ):
        tensors = (node * _PORTS + min(port, _PORTS - 1),) if landmarks[node] else above[node]
        for tensor in tensors or ():
            sources.append(tensor)
            readers.append(reader)
            slots.append(slot)
    source = np.array(sources, np.int64)
    return neighbours_of(
        source // _PORTS,
        np.array(readers, np.int64),
        np.array(slots, np.int64),
        source % _PORTS,
        len(landmarks),
    )


def places(graphs: TwoGraphs, landmarks: Mask) -> Hashes:
    """Per node without a partner, a number of the pairs next to it; 0 where that tells nothing.

    Args:
        landmarks: The pairs that count.
    """
    partner = graphs.partner
    number = np.maximum(np.arange(len(partner)), partner).tolist()
    place = np.zeros(len(partner), np.uint64)
    free = np.flatnonzero((partner < 0) & graphs.eligible).tolist()
    for up in (True, False):
        near = nearest(graphs, landmarks, up)
        keys: dict[Nearest, int] = {None: 0, _NONE: 0}
        for node in free:
            tensors = near[node]
            if tensors not in keys:
                pairs = frozenset(number[t // _PORTS] * _PORTS + t % _PORTS for t in tensors or ())
                keys[tensors] = hash(pairs) & _BITS
        place[free] = mixed(place[free] ^ np.array([keys[near[node]] for node in free], np.uint64))
    return place


def nearest(graphs: TwoGraphs, landmarks: Mask, up: bool) -> Sequence[Nearest]:
    """Per node, the tensors of the landmarks behind it, or before it for ``up``."""
    core = graphs.core
    order = graphs.order if up else reversed(graphs.order)
    nodes, is_up = core.nodes, core.is_up.tolist()
    tensors = core.node * _PORTS + (np.minimum(core.port, _PORTS - 1) if up else 0)
    tensor = tensors.tolist()
    is_landmark = landmarks.tolist()
    near: list[Nearest] = [_NONE] * len(is_landmark)
    for owner in order:
        if is_landmark[owner]:
            continue
        sets: list[frozenset[int]] = []
        for at in core.span(owner):
            if is_up[at] == up:
                node = nodes[at]
                beside = frozenset((tensor[at],)) if is_landmark[node] else near[node]
                if beside is None:
                    near[owner] = None
                    break
                if beside:
                    sets.append(beside)
        else:
            near[owner] = _union(sets)
    return near


def _union(sets: list[frozenset[int]]) -> Nearest:
    if len(sets) < 2:
        return sets[0] if sets else _NONE
    union = sets[0].union(*sets[1:])
    return union if len(union) <= _MOST else None
