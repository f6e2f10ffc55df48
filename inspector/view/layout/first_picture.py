"""The scopes that are open in the first picture of a model: as many as can be read at once.

Example:
    >>> picture = picture_of(tree, first_opened(tree))
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from inspector.errors import LayoutError
from inspector.view.layout.columns import scale
from inspector.view.layout.layout import picture_of
from inspector.view.layout.text_width import SUB_PX
from inspector.view.state.initial_view import BUDGET, start
from inspector.view.tree.hierarchy import Hierarchy

LEAST_PX = 10.0
"""Least size of a text on a screen of 1440 by 900 pixels."""
BUDGETS = (BUDGET, 45, 34, 26, 20, 14)
"""Numbers of boxes to try, until all of them fit on that screen at that size."""
_KNOWN: WeakKeyDictionary[Hierarchy, frozenset[str]] = WeakKeyDictionary()


def first_opened(tree: Hierarchy) -> frozenset[str]:
    """The scopes of the largest first picture that is legible as a whole.

    Those of `start` with its default budget, if no picture is, or if none can be laid out.
    """
    if tree not in _KNOWN:
        _KNOWN[tree] = _legible(tree)
    return _KNOWN[tree]


def _legible(tree: Hierarchy) -> frozenset[str]:
    tried: set[frozenset[str]] = set()
    for budget in BUDGETS:
        opened = start(tree, budget)
        if opened in tried:
            continue
        tried.add(opened)
        try:
            graph = picture_of(tree, opened).layout["graph"]
        except LayoutError:
            break
        if scale(graph["w"], graph["h"]) * SUB_PX >= LEAST_PX:
            return opened
    return start(tree)
