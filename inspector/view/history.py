"""Back and forward through what was seen: which scopes were open, and what was selected.

Picks are not part of it: going back in the picture must not take an output away.

Example:
    >>> history = seen(History(), before, after)
    >>> history, state = back(history, after)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from inspector.view.actions import ViewState

MOST = 100
"""Steps that are kept."""


@dataclass(frozen=True)
class History:
    """Earlier states, the latest last, and those that going back has left, the next one last."""

    past: tuple[ViewState, ...] = ()
    future: tuple[ViewState, ...] = ()


def seen(history: History, before: ViewState, after: ViewState) -> History:
    """The history after a step; unchanged where only picks changed."""
    if (before.opened, before.selected) == (after.opened, after.selected):
        return history
    return History((*history.past, before)[-MOST:])


def back(history: History, now: ViewState) -> tuple[History, ViewState]:
    """One step back; nothing at the beginning."""
    if not history.past:
        return history, now
    left = History(history.past[:-1], (*history.future, now)[-MOST:])
    return left, _with_picks(history.past[-1], now)


def forward(history: History, now: ViewState) -> tuple[History, ViewState]:
    """One step forward; nothing at the end."""
    if not history.future:
        return history, now
    left = History((*history.past, now)[-MOST:], history.future[:-1])
    return left, _with_picks(history.future[-1], now)


def _with_picks(state: ViewState, now: ViewState) -> ViewState:
    return replace(state, outputs=now.outputs, inputs=now.inputs, trace=now.trace)
