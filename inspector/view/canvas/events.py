"""What a canvas in a browser sends: untrusted, so malformed parts are dropped.

The values are those that `inspector/view/canvas/js/outbox.js` writes: a selection
``{"n": 3, "names": [...]}``, and actions ``{"acts": [{"n": 4, "do": "expand", "name": "a/"}]}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inspector.view.canvas.content import ACTIONS

MAX_NAMES = 500
"""Names of a selection, and actions of a message, that are read from a browser."""


@dataclass(frozen=True)
class CanvasEvent:
    """One thing a person did on the canvas. Names come from a browser: look them up.

    Args:
        do: ``select``, or one of `ACTIONS`.
        name: The node or scope of an action, the kind of a trace, or the text of a search.
        names: All names that are selected now; empty for an action.
    """

    do: str
    name: str = ""
    names: tuple[str, ...] = ()


def read_selection(value: object) -> CanvasEvent | None:
    """The selection that the browser sent; None for anything malformed."""
    names = value.get("names") if isinstance(value, Mapping) else value
    if not isinstance(names, list | tuple):
        return None
    return CanvasEvent(
        "select", names=tuple(name for name in names[:MAX_NAMES] if isinstance(name, str))
    )


def read_actions(value: object) -> list[tuple[int, CanvasEvent]]:
    """The actions that the browser sent, with their numbers, without malformed ones."""
    acts = value.get("acts") if isinstance(value, Mapping) else None
    events = []
    for act in acts[:MAX_NAMES] if isinstance(acts, list) else ():
        if not isinstance(act, Mapping):
            continue
        number, do, name = act.get("n"), act.get("do"), act.get("name")
        if type(number) is int and do in ACTIONS and isinstance(name, str):
            events.append((number, CanvasEvent(str(do), name=name)))
    return events
