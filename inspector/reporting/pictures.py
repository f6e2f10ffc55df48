"""The picture of what changed: levels for the canvas, and one drawing for paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inspector.view.canvas.content import CanvasContent
from inspector.view.export import svg
from inspector.view.layout.layout import picture_of
from inspector.view.state import actions
from inspector.view.state.union import Difference, difference_marks
from inspector.view.tree.hierarchy import Hierarchy

LEVELS = 4
"""Pictures in a report; each opens one more level of scopes than the one before."""
MAX_BOXES = 400
"""Boxes of the largest picture; scopes that would show more stay closed."""
_SERVER = ("output", "input", "back", "forward", "trace", "find")
"""Actions that need the model, which a file does not have."""


@dataclass(frozen=True)
class DiffPicture:
    """The picture of both models.

    Args:
        levels: Messages for the canvas, from the first picture to the most open one.
        drawing: The first picture as SVG, light, without a background.
        fates: Node name to what happened to it: ``added``, ``removed`` or ``changed``.
    """

    levels: list[dict[str, Any]]
    drawing: str
    fates: Mapping[str, str]


def diff_picture(tree: Hierarchy, difference: Difference) -> DiffPicture:
    """Lay the union of two graphs out. Raises: LayoutError.

    Args:
        tree: The hierarchy of `inspector.view.state.union.union`.
    """
    state = actions.first(tree)
    levels: list[dict[str, Any]] = []
    drawing = ""
    names: set[str] = set()
    opened: frozenset[str] = frozenset()
    for _ in range(LEVELS):
        picture = picture_of(tree, state.opened, ceiling=MAX_BOXES)
        if levels and picture.opened == opened:
            break
        opened = picture.opened
        boxes = [box.name for box in picture.visible.boxes]
        marks = difference_marks(tree, boxes, difference)
        if not levels:
            file = svg.svg(picture.layout, background=False, marks=marks)
            drawing = file[file.index("<svg") :]  # without the declaration of a file of its own
        content = CanvasContent(picture.layout, marks=marks, height=560, without=_SERVER)
        levels.append(content.message())
        names.update(boxes)
        deeper = actions.open_level(tree, state)
        if deeper.opened == state.opened:
            break
        state = deeper
    fates = {
        name: fate
        for fate, members in (
            ("added", difference.added),
            ("removed", difference.removed),
            ("changed", difference.changed),
        )
        for name in members
        if name in names
    }
    for name in names:
        if (before := difference.before(name)) is not None and name not in difference.removed:
            fates[name] = f"{fates.get(name, 'not changed itself')}, was named {before}"
    return DiffPicture(levels, drawing, fates)
