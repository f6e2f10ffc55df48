"""Colours of nodes: equal where labels and surroundings are equal up to a number of steps.

A paired node has a colour of its own, which its partner shares: what is next to it is told apart
by it.
"""

from __future__ import annotations

import numpy as np

from inspector.analysis.pairing.labels import Hashes
from inspector.analysis.pairing.two_graphs import Ints, Mask, Neighbours, TwoGraphs, mixed

_PAIRED = np.uint64(0xA0761D6478BD642F)


def colours(graphs: TwoGraphs, neighbours: Neighbours, label: Hashes, steps: int) -> Hashes:
    """The colour of each node of both graphs.

    Args:
        label: Per node, what it starts from; of nodes that are paired it does not count.
        steps: How far the surroundings count, in both directions.
    """
    partner = graphs.partner
    number = np.maximum(np.arange(len(partner)), partner).astype(np.uint64)
    start = np.where(partner >= 0, mixed(number ^ _PAIRED), label)
    colour = start
    occupied = np.flatnonzero(np.diff(neighbours.start))
    first = neighbours.start[occupied]
    for _ in range(steps if len(first) else 0):
        around = np.zeros(len(colour), np.uint64)
        terms = mixed(neighbours.role ^ colour[neighbours.node])
        around[occupied] = np.add.reduceat(terms, first)
        colour = np.where(partner >= 0, start, mixed(colour + mixed(around)))
    return colour


def classes(graphs: TwoGraphs, colour: Hashes, free: Mask) -> list[tuple[Ints, Ints]]:
    """The nodes of each colour that both graphs have among `free`: of the first, of the second."""
    chosen = np.flatnonzero(free)
    order = chosen[np.argsort(colour[chosen], kind="stable")]
    ordered = colour[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(order)])
    stops = np.append(starts[1:], len(order))
    of_first = np.concatenate([[0], np.cumsum(order < graphs.split)])
    counts = of_first[stops] - of_first[starts]
    both = (counts > 0) & (counts < stops - starts)
    return [
        (order[start : start + count], order[start + count : stop])
        for start, stop, count in zip(
            starts[both].tolist(), stops[both].tolist(), counts[both].tolist(), strict=True
        )
    ]


def unique(graphs: TwoGraphs, colour: Hashes, free: Mask) -> tuple[Ints, Ints]:
    """The nodes whose colour one node of each graph has: those of the first, of the second."""
    chosen = np.flatnonzero(free)
    order = chosen[np.argsort(colour[chosen], kind="stable")]
    ordered = colour[order]
    if len(order) < 2:
        return order[:0], order[:0]
    change = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])
    starts = np.flatnonzero(change)
    starts = starts[:-1][np.diff(starts) == 2]
    one, other = order[starts], order[starts + 1]
    apart = (one < graphs.split) & (other >= graphs.split)
    return one[apart], other[apart]


def with_weights(graphs: TwoGraphs, label: Hashes, constant: Mask) -> Hashes:
    """Labels that also tell nodes apart by the labels of the constants that they read."""
    short = graphs.short
    reads = short.is_up & constant[short.node]
    terms = mixed(short.role[reads] ^ label[short.node[reads]])
    sums = np.zeros(len(label), np.uint64)
    np.add.at(sums, short.owner[reads], terms)
    return label + mixed(sums)
