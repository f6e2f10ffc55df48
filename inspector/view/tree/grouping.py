"""Groups for levels that are too wide to read: by name, repetition, chain, and cheapest cut.

`arrange` works on one level at a time, on the graph of its items. Every group is convex: no path
leaves it and comes back, so closing it draws no cycle that the model does not have. Without this
test, Inception's ``conv2d_*`` would be one group of nearly the whole network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import add

import numpy as np

from inspector.graph.topology import lowest_first_order
from inspector.view.tree.levels import (
    Edges,
    Group,
    Level,
    crossing,
    run_of,
    run_text,
    span_label,
    together,
)
from inspector.view.tree.repeats import SECTION, blocks, equal_neighbours, evenly, is_even

WIDE = 14
"""More items than this, and names are tried as groups."""
TOO_WIDE = 24
"""More than this still, and chains fold and sections are cut."""
SHARE = 0.6
"""A group of this much of its level only adds a click."""
CHAIN = 8
MAX_TOKENS = 12

MACHINERY = ("Enter", "Merge", "Switch", "NextIteration", "Exit")
"""A loop has one of each per variable; a group by these names would mix its variables."""
_TOKEN = re.compile(r"[_.:\-/ ]+")


MakeItem = Callable[[Group, Level], int]
"""Takes a group and the level inside of it; returns the item that stands for the group."""


def arrange(level: Level, make: MakeItem) -> Level:
    """Group a level until it is narrow enough; the caller arranges the levels inside of groups.

    Returns: The level with groups in the place of their items, sources before consumers.
    """
    level = _sorted(level)
    if len(level.items) > WIDE:
        level = _contract(level, _name_groups(level), make)
    if len(level.items) > TOO_WIDE:
        level = _contract(level, blocks(level), make)
    if len(level.items) > TOO_WIDE:
        level = _contract(level, equal_neighbours(level), make)
    if len(level.items) > TOO_WIDE and not is_even(level):
        level = _contract(level, _chains(level), make)
    while len(level.items) > TOO_WIDE:
        level = _contract(level, _sections(level), make)
    return level


def _sorted(level: Level) -> Level:
    """Number the places in topological order; edges that close a loop are left out."""
    count = len(level.items)
    order, _ = _ordered(count, level.edges)
    place = [0] * count
    for number, old in enumerate(order):
        place[old] = number
    return Level(
        [level.items[old] for old in order],
        [level.labels[old] for old in order],
        {(place[a], place[b]) for a, b in level.edges if place[a] < place[b]},
        [level.sorts[old] for old in order],
        [level.runs[old] for old in order],
    )


def _contract(level: Level, groups: list[Group], make: MakeItem) -> Level:
    """Replace each group by one item; groups that together would close a cycle are dropped."""
    count = len(level.items)
    while True:
        home = list(range(count))
        for group in groups:
            for member in group.members:
                home[member] = group.members[0]
        edges = {(home[a], home[b]) for a, b in level.edges if home[a] != home[b]}
        order, stuck = _ordered(count, edges)
        if not stuck:
            break
        groups = [group for group in groups if group.members[0] not in stuck]
    order = [place for place in order if home[place] == place]
    heads = {group.members[0]: group for group in groups}
    inside: dict[int, Level] = {
        head: Level(
            [level.items[place] for place in group.members],
            [level.labels[place] for place in group.members],
            set(),
            [level.sorts[place] for place in group.members],
            [level.runs[place] for place in group.members],
        )
        for head, group in heads.items()
    }
    local = [0] * count
    for group in groups:
        for number, place in enumerate(group.members):
            local[place] = number
    for a, b in level.edges:
        if home[a] == home[b]:
            inside[home[a]].edges.add((local[a], local[b]))
    new = {old: number for number, old in enumerate(order)}
    top = Level([], [], {(new[a], new[b]) for a, b in edges}, [], [])
    numbers: dict[object, int] = {}
    for old in order:
        headed = heads.get(old)
        if not headed:
            top.items.append(level.items[old])
            top.labels.append(level.labels[old])
            top.sorts.append(level.sorts[old])
            top.runs.append(level.runs[old])
            continue
        within = inside[old]
        run = None
        if headed.kind not in ("block", "group"):
            run = together(within.runs)
            headed.note = run_text(run)
        top.items.append(make(headed, within))
        top.labels.append(headed.label)
        # Below zero, so that no group is taken for an item that stands alone.
        alike = (tuple(within.sorts), tuple(sorted(within.edges)))
        top.sorts.append(numbers.setdefault(alike, -2 - len(numbers)))
        label = headed.label if headed.kind == "group" else ""
        top.runs.append(run or run_of(top.sorts[-1], label, ""))
    return top


def _ordered(count: int, edges: Edges) -> tuple[list[int], set[int]]:
    """A topological order close to that of ``places``, and the places that lie on cycles."""
    pairs = np.array(list(edges), np.int32).reshape(-1, 2)
    order, blocked = lowest_first_order(pairs[:, 0], pairs[:, 1], count)
    return order, _core(set(blocked), edges)


def _core(places: set[int], edges: Edges) -> set[int]:
    """Of a graph without sources, what remains after repeatedly removing its sinks."""
    sources: dict[int, list[int]] = {}
    count = dict.fromkeys(places, 0)
    for a, b in edges:
        if a in places and b in places:
            sources.setdefault(b, []).append(a)
            count[a] += 1
    todo = [place for place in places if not count[place]]
    core = set(places)
    while todo:
        place = todo.pop()
        core.discard(place)
        for source in sources.get(place, ()):
            count[source] -= 1
            if not count[source]:
                todo.append(source)
    return core


def _name_groups(level: Level) -> list[Group]:
    """Groups that share the first tokens of their names: ``conv2_block1_1_conv`` is in ``conv2``.

    A prefix of nearly the whole level, or of members that are not convex, is refined by one token.
    """
    tokens = [_TOKEN.split(label[:200])[:MAX_TOKENS] for label in level.labels]
    total = len(level.items)
    convex = _convexity(level)
    groups: list[Group] = []
    todo = [(list(range(total)), 0)]
    while todo:
        members, depth = todo.pop()
        parts: dict[str, list[int]] = {}
        for place in members:
            if len(tokens[place]) > depth:
                parts.setdefault(tokens[place][depth], []).append(place)
        for part in parts.values():
            if len(part) < 2 or tokens[part[0]][depth] in MACHINERY:
                continue
            if len(part) >= SHARE * total or not convex(part):
                todo.append((part, depth + 1))
            else:
                groups.append(Group("group", common_start(level.labels, part, depth + 1), part))
    groups.sort(key=lambda group: group.members[0])
    return groups


def common_start(labels: Sequence[str], members: Sequence[int], depth: int) -> str:
    """The text of the first ``depth`` tokens, separators as written in the first member."""
    text = labels[members[0]][:200]
    end = 0
    for number, separator in enumerate(_TOKEN.finditer(text), start=1):
        if number == depth:
            return text[: separator.start()] or text
        end = separator.end()
    return text if end <= len(text) else text[:end]


def _convexity(level: Level) -> Callable[[list[int]], bool]:
    """A test whether no path leaves a set of places and comes back.

    Only places between the set's first and last can be on such a path. All tests of a level share
    a budget of steps linear in its size; a set that would exceed it counts as not convex.
    """
    readers: list[list[int]] = [[] for _ in level.items]
    for a, b in level.edges:
        readers[a].append(b)
    budget = 30 * (len(level.items) + len(level.edges)) + 1000

    def convex(members: list[int]) -> bool:
        nonlocal budget
        inside = set(members)
        last = max(members)
        visited: set[int] = set()
        todo = [b for a in members for b in readers[a] if b not in inside and b < last]
        while todo:
            place = todo.pop()
            if place in visited:
                continue
            visited.add(place)
            budget -= 1 + len(readers[place])
            if budget < 0:
                return False
            for reader in readers[place]:
                if reader in inside:
                    return False
                if reader < last and reader not in visited:
                    todo.append(reader)
        return True

    return convex


def _chains(level: Level) -> list[Group]:
    """Groups of straight chains: each item the only consumer of the one before it."""
    count = len(level.items)
    outs, ins, after = [0] * count, [0] * count, [-1] * count
    for a, b in level.edges:
        outs[a] += 1
        ins[b] += 1
        after[a] = b
    follows = [outs[a] == 1 and ins[after[a]] == 1 for a in range(count)]
    inner = {after[a] for a in range(count) if follows[a]}
    groups: list[Group] = []
    for start in range(count):
        if start in inner or not follows[start]:
            continue
        run = [start]
        while follows[run[-1]]:
            run.append(after[run[-1]])
        pieces = math.ceil(len(run) / CHAIN)
        for number in range(pieces):
            piece = run[number * len(run) // pieces : (number + 1) * len(run) // pieces]
            if len(piece) > 1:
                groups.append(Group("chain", span_label(level.labels, piece), piece))
    return groups


def _sections(level: Level) -> list[Group]:
    """Cut the order where the fewest tensors cross: pieces of 3 to 22, about sqrt(n) of them.

    Any piece of a topological order is convex, so this works with no names at all.
    """
    count = len(level.items)
    if is_even(level):
        return evenly(level)
    low, high = SECTION
    alive = crossing(level)
    target = min(max(round(math.sqrt(count)), low), high)
    worth = max(1.0, sum(alive) / count)
    # sizes high..low, so that the list lines up with best[i - high : i - low + 1]
    price = [worth * ((size - target) / target) ** 2 for size in range(high, low - 1, -1)]
    best = [math.inf] * high + [0.0]  # shifted by `high`, so that no index is below zero
    back = [0] * (count + 1)
    for end in range(1, count + 1):
        costs = list(map(add, best[end : end + high - low + 1], price))
        cheapest = min(costs)
        back[end] = high - costs.index(cheapest)
        best.append(cheapest + alive[end] if end < count else cheapest)
    cuts = [count]
    while cuts[-1] > 0:
        cuts.append(cuts[-1] - back[cuts[-1]])
    cuts.reverse()
    return [
        Group("section", span_label(level.labels, range(start, end)), list(range(start, end)))
        for start, end in pairwise(cuts)
    ]
