"""Which scopes are open in the first picture of a model.

Example:
    >>> picture = view(tree, start(tree, budget=60))
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from inspector.view.hierarchy import Hierarchy
from inspector.view.kinds import KINDS
from inspector.view.tally import Tally, tally

BUDGET = 60
SMALL = 4
"""Groups of fewer ops than this, and without weights, are not opened by themselves."""
_KNOWN: WeakKeyDictionary[Hierarchy, dict[int, frozenset[str]]] = WeakKeyDictionary()


def start(tree: Hierarchy, budget: int = BUDGET) -> frozenset[str]:
    """The scopes to open for a first picture of about ``budget`` boxes.

    Level by level; scopes of equal structure open together or not at all. It stops at the first
    large class that does not fit: else small corners open while the body stays shut.
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
            if _is_more_of_the_same(tree, members[0]):
                continue
            cost = sum(len(tree.children[scope]) - 1 for scope in members)
            if boxes + cost <= budget:
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


def _examples(tree: Hierarchy, found: Tally, opened: list[int], room: int) -> list[int]:
    """Of scopes that are alike and stay closed together, the first, so that one sees what they are.

    Args:
        room: Boxes that may be added.
    """
    taken: list[int] = []
    level = _closed(tree, [0, *opened])
    done = set(opened)
    while level:
        classes: dict[int, list[int]] = {}
        for scope in level:
            if scope not in done:
                classes.setdefault(found.structure[scope], []).append(scope)
        whole = sum(found.ops(scope) for scope in level)
        by_size = sorted(classes.values(), key=lambda members: (-_ops(found, members), members[0]))
        level = []
        for members in by_size:
            first = members[0]
            cost = len(tree.children[first]) - 1
            if cost > room or 4 * _ops(found, members) < whole or _dull(found, first):
                continue
            room -= cost
            taken.append(first)
            level += _closed(tree, [first])
    return taken


def _closed(tree: Hierarchy, scopes: Iterable[int]) -> list[int]:
    return [
        ~item
        for scope in scopes
        for item in tree.children[scope]
        if item < 0 and tree.kinds[~item] != "plumbing"
    ]


def _dull(found: Tally, scope: int) -> bool:
    """Without weights, and small or only about shapes: not worth boxes on a first picture."""
    if ~scope in found.weights:
        return False
    return found.ops(scope) < SMALL or KINDS[found.kind[scope]].key in ("shape", "control")


def _ops(found: Tally, scopes: Iterable[int]) -> int:
    return sum(found.ops(scope) for scope in scopes)
