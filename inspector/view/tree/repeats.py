"""Repetition in a level: repeated blocks, and neighbours that are equal."""

from __future__ import annotations

import math

import numpy as np

from inspector.view.tree.levels import Group, Level, crossing, span_label

PERIOD, TIMES, RUN = 512, 3, 5
"""Longest repeated block, least repetitions, and least equal neighbours that form a group."""
PIECE = 12
"""Equal items in one piece, or a few more."""
MOST_RUNS = 64
"""Stretches of one period that are examined."""
SECTION = (3, 22)


def blocks(level: Level) -> list[Group]:
    """The longest stretches of the order in which a block repeats, cut into its repetitions.

    A block is cut where the fewest tensors cross.
    """
    sorts = np.array(level.sorts, dtype=np.int64)
    count = len(sorts)
    stretches: list[tuple[int, int, int]] = []  # covered, period, start
    for period in range(2, min(PERIOD, count // TIMES) + 1):
        differing = np.flatnonzero(sorts[:-period] != sorts[period:])
        edges = np.concatenate(([-1], differing, [count - period]))
        long = np.flatnonzero(np.diff(edges) - 1 >= period * (TIMES - 1))
        for place in long[:MOST_RUNS]:
            start, end = int(edges[place]) + 1, int(edges[place + 1])
            stretches.append((end + period - start, period, start))
    stretches.sort(key=lambda run: (-run[0], run[1], run[2]))
    alive = crossing(level)
    taken = bytearray(count)
    groups: list[Group] = []
    for covered, period, start in stretches:
        if any(taken[start : start + covered]):
            continue
        pattern = level.sorts[start : start + period]
        if len(set(pattern)) == 1:
            continue
        spare = covered % period
        shift = min(range(spare + 1), key=lambda by: alive[start + by])
        for first in range(start + shift, start + covered - period + 1, period):
            members = list(range(first, first + period))
            taken[first : first + period] = b"\1" * period
            groups.append(Group("block", span_label(level.labels, members), members))
    groups.sort(key=lambda group: group.members[0])
    return groups


def equal_neighbours(level: Level) -> list[Group]:
    """Groups of neighbours of equal structure, or whose names differ in digits only."""
    groups: list[Group] = []
    count = len(level.items)
    start = 0
    while start < count:
        end = start + 1
        first = level.runs[start]
        while end < count and (
            level.sorts[end] == level.sorts[start]
            or (first.stem and level.runs[end].stem == first.stem)
        ):
            end += 1
        if RUN <= end - start < count:
            members = list(range(start, end))
            groups.append(Group("section", span_label(level.labels, members), members))
        start = end
    return groups


def is_even(level: Level) -> bool:
    """Whether all items are equal; the last may be a shorter piece."""
    return len(set(level.sorts[:-1])) == 1


def evenly(level: Level) -> list[Group]:
    """Groups of one size for a level of equal items, so that the groups are equal too."""
    count = len(level.items)
    size = max(SECTION[0], math.ceil(count ** (1 / math.ceil(math.log(count, PIECE)))))
    pieces = [list(range(start, min(start + size, count))) for start in range(0, count, size)]
    return [Group("section", span_label(level.labels, piece), piece) for piece in pieces]
