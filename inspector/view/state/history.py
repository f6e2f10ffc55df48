"""Back and forward through earlier views: open scopes and selection.

Picks are not part of it: going back must not remove an output.

Example:
    >>> history = record(History(), before, after)
    >>> history, state = back(history, after)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from inspector.view.state.actions import ViewState

MOST = 100
"""Steps in the history."""


@dataclass(frozen=True)
class History:
    """Earlier states, the latest last, and later ones after going back, the next one last."""

    past: tuple[ViewState, ...] = ()
    future: tuple[ViewState, ...] = ()


def record(history: History, before: ViewState, after: ViewState) -> History:
    """The history after a step; unchanged where only picks changed."""
    if (before.opened, before.selected) == (after.opened, after.selected):
        return history
    return History((*history.past, before)[-MOST:])


def back(history: History, now: ViewState) -> tuple[History, ViewState]:
    """One step back; no change at the beginning."""
    if not history.past:
        return history, now
    changed = History(history.past[:-1], (*history.future, now)[-MOST:])
    return changed, _with_picks(history.past[-1], now)


def forward(history: History, now: ViewState) -> tuple[History, ViewState]:
    """One step forward; no change at the end."""
    if not history.future:
        return history, now
    changed = History((*history.past, now)[-MOST:], history.future[:-1])
    return changed, _with_picks(history.future[-1], now)


def _with_picks(state: ViewState, now: ViewState) -> ViewState:
    return replace(state, outputs=now.outputs, inputs=now.inputs, trace=now.trace)
