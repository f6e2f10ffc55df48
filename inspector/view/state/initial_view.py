"""Which scopes are open in the first picture of a model.

Example:
    >>> picture = view(tree, start(tree, budget=60))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from inspector.view.table.op_kinds import KINDS
from inspector.view.tree.hierarchy import Hierarchy
from inspector.view.tree.hierarchy_index import HierarchyIndex

BUDGET = 60
SMALL = 4
"""Scopes of fewer ops than this, and without weights, stay closed."""
OFTEN, SHARE = 3, 1 / 3
"""This many equal scopes stay closed if together they would take this share of the budget."""
BLOCK = 8
"""Least ops, less one, of a block that is opened as an example if most of the model repeats it."""
DEEP = 2
"""Levels that an example opens."""
MANY = 8
"""A scope of this many equal ones stays closed where one of them is visible elsewhere."""
_KNOWN: WeakKeyDictionary[Hierarchy, dict[int, frozenset[str]]] = WeakKeyDictionary()


def start(tree: Hierarchy, budget: int = BUDGET) -> frozenset[str]:
    """The scopes to open for a first picture of about ``budget`` boxes.

    Level by level. Scopes of equal structure, a class, open together or not at all; three or more
    that would take a third of the picture stay closed. It stops at the first large class that does
    not fit, else details would open while the body stays closed. Of classes that stay closed, the
    first scope opens as an example, as far as the budget allows.
    """
    views = _KNOWN.setdefault(tree, {})
    if budget not in views:
        views[budget] = _start(tree, budget)
    return views[budget]


def _start(tree: Hierarchy, budget: int) -> frozenset[str]:
    index = tree.columns
    opened: list[int] = []
    boxes = len(tree.children[0])
    level = _closed(tree, [0])
    big = max(1, index.ops(0)) / 4
    while level:
        classes: dict[int, list[int]] = {}
        for scope in level:
            classes.setdefault(index.structure[scope], []).append(scope)
        by_size = sorted(classes.values(), key=lambda members: (-_ops(index, members), members[0]))
        taken: list[int] = []
        full = False
        for members in by_size:
            if _dull(index, members[0]) and index.ops(members[0]) <= big:
                continue
            if _is_more_of_the_same(tree, members[0]) or _same_inside(tree, index, members[0]) >= 0:
                continue
            cost = sum(len(tree.children[scope]) - 1 for scope in members)
            often = len(members) >= OFTEN and cost > budget * SHARE
            if boxes + cost <= budget and not often:
                taken += members
                boxes += cost
            elif _ops(index, members) > big:
                full = True
                break
        opened += taken
        if full:
            break
        level = _closed(tree, taken)
    opened += _examples(tree, index, opened, budget - boxes)
    return frozenset(tree.names[scope] for scope in opened)


def _is_more_of_the_same(tree: Hierarchy, scope: int) -> bool:
    """Whether a scope is a group of groups of equal blocks: the first of each is enough."""
    inside = [~item for item in tree.children[scope] if item < 0]
    return scope in tree.notes and any(other in tree.notes for other in inside)


def _same_inside(tree: Hierarchy, index: HierarchyIndex, scope: int) -> int:
    """The structure of the equal scopes, `MANY` or more, that a scope consists of; else -1."""
    inside = tree.children[scope]
    if len(inside) < MANY or inside[0] >= 0:
        return -1
    first = index.structure[~inside[0]]
    return first if all(it < 0 and index.structure[~it] == first for it in inside) else -1


def _examples(tree: Hierarchy, index: HierarchyIndex, opened: list[int], room: int) -> list[int]:
    """The first scope of each class that stays closed, as an example.

    Args:
        room: Boxes that may be added.
    """
    taken: list[int] = []
    level = _closed(tree, [0, *opened])
    done = set(opened)
    visible_structures = {index.structure[scope] for scope in level}
    everywhere: dict[int, int] = {}
    for scope in tree.order:
        structure = index.structure[scope]
        everywhere[structure] = everywhere.get(structure, 0) + index.ops(scope)
    depth = dict.fromkeys(level, 0)
    while level:
        classes: dict[tuple[int, int], list[int]] = {}
        for scope in level:
            if scope not in done and depth[scope] < DEEP:
                inside = _same_inside(tree, index, scope)
                key = (-1, inside) if inside >= 0 else (0, index.structure[scope])
                classes.setdefault(key, []).append(scope)
        weight = _weight(index, level)
        whole = sum(map(weight, level))
        by_size = sorted(
            classes.items(), key=lambda item: (-sum(map(weight, item[1])), min(item[1]))
        )
        level = []
        for (kind, structure), members in by_size:
            if kind < 0 and structure in visible_structures:
                continue  # one of them is visible beside it
            first = min(
                members, key=lambda scope: (len(tree.children[scope]), members.index(scope))
            )
            cost = len(tree.children[first]) - 1
            most = 2 * everywhere[index.structure[first]] >= index.ops(0)
            big = 4 * sum(map(weight, members)) >= whole or (most and index.ops(first) > BLOCK)
            if cost > room or not big or _dull(index, first):
                continue
            room -= cost
            taken.append(first)
            inner = _closed(tree, [first])
            level += inner
            # A group of equal scopes does not count as a level of an example.
            down = first not in tree.notes
            depth |= dict.fromkeys(inner, depth[first] + down)
            visible_structures.update(index.structure[scope] for scope in inner)
    return taken


def _closed(tree: Hierarchy, scopes: Iterable[int]) -> list[int]:
    return [
        ~item
        for scope in scopes
        for item in tree.children[scope]
        if item < 0 and tree.kinds[~item] != "plumbing"
    ]


def _weight(index: HierarchyIndex, level: list[int]) -> Callable[[int], int]:
    """The size of a scope: its parameters, or its ops if no scope of the level has parameters."""
    if any(~scope in index.parameters for scope in level):
        return lambda scope: index.parameters.get(~scope, 0)
    return index.ops


def _dull(index: HierarchyIndex, scope: int) -> bool:
    """Whether a scope stays closed in a first picture: small without work, or shapes only."""
    key = KINDS[index.kind[scope]].key
    if ~scope in index.weights:
        return index.ops(scope) < SMALL and key in ("math", "norm", "shape")
    return index.ops(scope) < SMALL or key in ("shape", "control")


def _ops(index: HierarchyIndex, scopes: Iterable[int]) -> int:
    return sum(index.ops(scope) for scope in scopes)
