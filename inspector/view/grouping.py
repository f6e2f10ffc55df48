"""Groups for levels that are too wide to read: by name, by what repeats, by chain, by cheapest cut.

`arrange` works on one level at a time, on the graph of its items. Every group it makes is
convex: no path leaves it and comes back, so closing it cannot draw a cycle that the model does
not have. This test is what keeps Inception's ``conv2d_*`` from swallowing the net.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import add

from inspector.view.levels import (
    Edges,
    Group,
    Level,
    crossing,
    run_of,
    said,
    span_label,
    together,
)
from inspector.view.repeats import SECTION, blocks, equal_neighbours, evenly, is_even

WIDE = 14
"""More items than this, and names are tried as groups."""
TOO_WIDE = 24
"""More than this still, and chains fold and sections are cut."""
SHARE = 0.6
"""A group that holds this much of its level only adds a click."""
CHAIN = 8
MAX_TOKENS = 12

MACHINERY = ("Enter", "Merge", "Switch", "NextIteration", "Exit")
"""A loop has one of each for each of its variables: these belong together across, not along."""
_TOKEN = re.compile(r"[_.:\-/ ]+")


MakeItem = Callable[[Group, Level], int]
"""Called with a group and the level inside of it; answers with the item that stands for both."""


def arrange(level: Level, make: MakeItem) -> Level:
    """Group a level until it is narrow enough; what is inside of groups is the caller's next.

    Returns: The level that is left on top, sources before readers.
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
    order, _ = _kahn(range(count), level.edges)
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
    """Put one item in the place of each group; groups that together close a cycle stay apart."""
    count = len(level.items)
    while True:
        home = list(range(count))
        for group in groups:
            for member in group.members:
                home[member] = group.members[0]
        edges = {(home[a], home[b]) for a, b in level.edges if home[a] != home[b]}
        order, stuck = _kahn([place for place in range(count) if home[place] == place], edges)
        if not stuck:
            break
        groups = [group for group in groups if group.members[0] not in stuck]
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
    known: dict[object, int] = {}
    for old in order:
        found = heads.get(old)
        if not found:
            top.items.append(level.items[old])
            top.labels.append(level.labels[old])
            top.sorts.append(level.sorts[old])
            top.runs.append(level.runs[old])
            continue
        within = inside[old]
        run = None
        if found.kind not in ("block", "group"):
            run = together(within.runs)
            found.note = said(run)
        top.items.append(make(found, within))
        top.labels.append(found.label)
        # Below zero, so that no group is taken for an item that stands alone.
        alike = (tuple(within.sorts), tuple(sorted(within.edges)))
        top.sorts.append(known.setdefault(alike, -2 - len(known)))
        label = found.label if found.kind == "group" else ""
        top.runs.append(run or run_of(top.sorts[-1], label, ""))
    return top


def _kahn(places: Sequence[int], edges: Edges) -> tuple[list[int], set[int]]:
    """A topological order that keeps to the given one where it may, and what lies on cycles."""
    waits = dict.fromkeys(places, 0)
    readers: dict[int, list[int]] = {place: [] for place in places}
    for a, b in edges:
        waits[b] += 1
        readers[a].append(b)
    ready = [place for place in places if not waits[place]]
    heapq.heapify(ready)
    order: list[int] = []
    stuck: set[int] = set()
    rest = iter(sorted(places))
    done: set[int] = set()
    while len(order) < len(waits):
        if not ready:
            if not stuck:
                stuck = _core(set(waits) - done, edges)
            ready.append(next(place for place in rest if place not in done))
        place = heapq.heappop(ready)
        if place in done:
            continue
        done.add(place)
        order.append(place)
        for reader in readers[place]:
            waits[reader] -= 1
            if not waits[reader] and reader not in done:
                heapq.heappush(ready, reader)
    return order, stuck


def _core(places: set[int], edges: Edges) -> set[int]:
    """What is left of a graph without sources when its sinks are taken away, again and again."""
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
    """Members that share the first tokens of their names: ``conv2_block1_1_conv`` is of ``conv2``.

    A prefix that nearly the whole level has is passed over for longer ones; so is one whose
    members are not convex.
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
    for number, found in enumerate(_TOKEN.finditer(text), start=1):
        if number == depth:
            return text[: found.start()] or text
        end = found.end()
    return text if end <= len(text) else text[:end]


def _convexity(level: Level) -> Callable[[list[int]], bool]:
    """The test whether no path leaves a set of places and comes back.

    Only places between the set's first and last can be on such a path. All tests of a level share
    an allowance of steps linear in its size; a set that would cost more is called not convex.
    """
    readers: list[list[int]] = [[] for _ in level.items]
    for a, b in level.edges:
        readers[a].append(b)
    allowance = 30 * (len(level.items) + len(level.edges)) + 1000

    def convex(members: list[int]) -> bool:
        nonlocal allowance
        inside = set(members)
        last = max(members)
        seen: set[int] = set()
        todo = [b for a in members for b in readers[a] if b not in inside and b < last]
        while todo:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            allowance -= 1 + len(readers[place])
            if allowance < 0:
                return False
            for reader in readers[place]:
                if reader in inside:
                    return False
                if reader < last and reader not in seen:
                    todo.append(reader)
        return True

    return convex


def _chains(level: Level) -> list[Group]:
    """Straight runs: the one reader of the one before, and nothing else."""
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
