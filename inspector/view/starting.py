"""Which scopes are open in the first picture of a model.

Example:
    >>> picture = view(tree, start(tree, budget=60))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from inspector.view.hierarchy import Hierarchy
from inspector.view.kinds import KINDS
from inspector.view.tally import Tally, tally

BUDGET = 60
SMALL = 4
"""Groups of fewer ops than this, and without weights, are not opened by themselves."""
OFTEN, SHARE = 3, 1 / 3
"""So many equal scopes are not opened together if they would take this much of the budget."""
BLOCK = 8
"""More ops than this make a block that is worth an example if most of the model is made of it."""
DEEP = 2
"""Levels that an example opens: what it is made of, and what that is."""
MANY = 8
"""A scope of this many equal ones is closed where one such can be seen elsewhere."""
_KNOWN: WeakKeyDictionary[Hierarchy, dict[int, frozenset[str]]] = WeakKeyDictionary()


def start(tree: Hierarchy, budget: int = BUDGET) -> frozenset[str]:
    """The scopes to open for a first picture of about ``budget`` boxes.

    Level by level; scopes of equal structure open together or not at all, and where three or more
    would take a third of the picture, not at all. It stops at the first large class that does not
    fit: else small corners open while the body stays shut.
    Where a class stays closed its first scope opens, as far as there is room: an example of all.
    """
    known = _KNOWN.setdefault(tree, {})
    if budget not in known:
        known[budget] = _start(tree, budget)
    return known[budget]


def _start(tree: Hierarchy, budget: int) -> frozenset[str]:
    found = tally(tree)
    opened: list[int] = []
    boxes = len(tree.children[0])
    level = _closed(tree, [0])
    big = max(1, found.ops(0)) / 4
    while level:
        classes: dict[int, list[int]] = {}
        for scope in level:
            classes.setdefault(found.structure[scope], []).append(scope)
        by_size = sorted(classes.values(), key=lambda members: (-_ops(found, members), members[0]))
        taken: list[int] = []
        full = False
        for members in by_size:
            if _dull(found, members[0]) and found.ops(members[0]) <= big:
                continue
            if _is_more_of_the_same(tree, members[0]) or _same_inside(tree, found, members[0]) >= 0:
                continue
            cost = sum(len(tree.children[scope]) - 1 for scope in members)
            often = len(members) >= OFTEN and cost > budget * SHARE
            if boxes + cost <= budget and not often:
                taken += members
                boxes += cost
            elif _ops(found, members) > big:
                full = True
                break
        opened += taken
        if full:
            break
        level = _closed(tree, taken)
    opened += _examples(tree, found, opened, budget - boxes)
    return frozenset(tree.names[scope] for scope in opened)


def _is_more_of_the_same(tree: Hierarchy, scope: int) -> bool:
    """A group of groups of equal blocks: all of it open says no more than the first of each."""
    inside = [~item for item in tree.children[scope] if item < 0]
    return scope in tree.notes and any(other in tree.notes for other in inside)


def _same_inside(tree: Hierarchy, found: Tally, scope: int) -> int:
    """The structure of the many equal scopes that one consists of, else -1."""
    inside = tree.children[scope]
    if len(inside) < MANY or inside[0] >= 0:
        return -1
    first = found.structure[~inside[0]]
    return first if all(it < 0 and found.structure[~it] == first for it in inside) else -1


def _examples(tree: Hierarchy, found: Tally, opened: list[int], room: int) -> list[int]:
    """Of scopes that are alike and stay closed together, the first, so that one sees what they are.

    Args:
        room: Boxes that may be added.
    """
    taken: list[int] = []
    level = _closed(tree, [0, *opened])
    done = set(opened)
    shown = {found.structure[scope] for scope in level}
    everywhere: dict[int, int] = {}
    for scope in tree.order:
        structure = found.structure[scope]
        everywhere[structure] = everywhere.get(structure, 0) + found.ops(scope)
    depth = dict.fromkeys(level, 0)
    while level:
        classes: dict[tuple[int, int], list[int]] = {}
        for scope in level:
            if scope not in done and depth[scope] < DEEP:
                inside = _same_inside(tree, found, scope)
                key = (-1, inside) if inside >= 0 else (0, found.structure[scope])
                classes.setdefault(key, []).append(scope)
        weight = _weight(found, level)
        whole = sum(map(weight, level))
        by_size = sorted(
            classes.items(), key=lambda item: (-sum(map(weight, item[1])), min(item[1]))
        )
        level = []
        for (kind, structure), members in by_size:
            if kind < 0 and structure in shown:
                continue  # so many of what can be seen beside it
            first = min(
                members, key=lambda scope: (len(tree.children[scope]), members.index(scope))
            )
            cost = len(tree.children[first]) - 1
            most = 2 * everywhere[found.structure[first]] >= found.ops(0)
            big = 4 * sum(map(weight, members)) >= whole or (most and found.ops(first) > BLOCK)
            if cost > room or not big or _dull(found, first):
                continue
            room -= cost
            taken.append(first)
            inner = _closed(tree, [first])
            level += inner
            # So many of something is no level of an example; the first of them is.
            down = first not in tree.notes
            depth |= dict.fromkeys(inner, depth[first] + down)
            shown.update(found.structure[scope] for scope in inner)
    return taken


def _closed(tree: Hierarchy, scopes: Iterable[int]) -> list[int]:
    return [
        ~item
        for scope in scopes
        for item in tree.children[scope]
        if item < 0 and tree.kinds[~item] != "plumbing"
    ]


def _weight(found: Tally, level: list[int]) -> Callable[[int], int]:
    """What scopes are measured by: the parameters in them, or where there are none the ops."""
    if any(~scope in found.parameters for scope in level):
        return lambda scope: found.parameters.get(~scope, 0)
    return found.ops


def _dull(found: Tally, scope: int) -> bool:
    """Not worth boxes on a first picture: small and no work in it, or only about shapes."""
    key = KINDS[found.kind[scope]].key
    if ~scope in found.weights:
        return found.ops(scope) < SMALL and key in ("math", "norm", "shape")
    return found.ops(scope) < SMALL or key in ("shape", "control")


def _ops(found: Tally, scopes: Iterable[int]) -> int:
    return sum(found.ops(scope) for scope in scopes)
