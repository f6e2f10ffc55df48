"""The view of the graph in this session: open scopes, selection, history, and highlighted nodes.

The view is kept in the session and, in short form, in the address, so that a link shows the same
picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from inspector.measurement.node_times import Profile
from inspector.ui.session import state as session
from inspector.view.state import actions, history, links, reachability
from inspector.view.state.actions import ViewState
from inspector.view.state.history import History
from inspector.view.state.reachability import Mask

_HISTORY = session.OF_MODEL + "view_history"
_MASK, _TIMES = "view_mask", "view_times"
_PICKS_CHANGED = "picks_changed"


def state(model: session.OpenModel) -> ViewState:
    """The view of the open model, with the chosen outputs and inputs of the session."""
    view: ViewState | None = st.session_state.get(session.VIEW)
    if view is None:
        view = actions.first(model.hierarchy)
    return replace(view, outputs=tuple(session.outputs()), inputs=tuple(session.inputs()))


def remember(model: session.OpenModel, after: ViewState) -> None:
    """Replace the view, as a step of the history."""
    before = state(model)
    st.session_state[_HISTORY] = history.record(_history(), before, after)
    if (after.outputs, after.inputs) != (before.outputs, before.inputs):
        st.session_state[_PICKS_CHANGED] = True
    _set(after)


def pick(model: session.OpenModel, do: str, name: str) -> None:
    """Toggle a node as ``output`` or ``input``."""
    remember(model, actions.act(model.hierarchy, state(model), do, name))


def picks_changed() -> bool:
    """Whether the fragment changed picks, so that the page must rerun; reading resets it."""
    return bool(st.session_state.pop(_PICKS_CHANGED, False))


def step(model: session.OpenModel, where: str) -> None:
    """Go ``back`` or ``forward`` in the history."""
    move = history.back if where == "back" else history.forward
    st.session_state[_HISTORY], after = move(_history(), state(model))
    _set(after)


def steps() -> list[str]:
    """The possible ones of ``back`` and ``forward``."""
    past_and_future = _history()
    return [
        where
        for where, states in (("back", past_and_future.past), ("forward", past_and_future.future))
        if states
    ]


def lit(model: session.OpenModel, now: ViewState) -> Mask | None:
    """The nodes to highlight while others are dimmed; None without a trace or picks."""
    if now.trace and now.selected:
        return traced(model, now)
    return needed(model, now) if now.outputs else None


def needed(model: session.OpenModel, now: ViewState) -> Mask:
    """The nodes that freezing to the picks keeps."""
    key = ("needed", model.key, now.outputs, now.inputs)
    return _cached(key, lambda: reachability.frozen_mask(model.summary, now.outputs, now.inputs))


def traced(model: session.OpenModel, now: ViewState) -> Mask:
    """The nodes of the trace from the selection; a selected scope stands for all its nodes."""
    key = ("traced", model.key, now.selected, now.trace)
    names = [name for chosen in now.selected for name in _members(model, chosen)]
    return _cached(key, lambda: reachability.traced(model.summary, names, now.trace))


def _members(model: session.OpenModel, name: str) -> list[str]:
    tree = model.hierarchy
    item = tree.item(name)
    if item is None or item >= 0:
        return [name]
    return [model.summary.names[node] for node in tree.inside(~item)]


def measured(model: session.OpenModel) -> Profile | None:
    """The times of the nodes of this model as they were measured last; None before that."""
    measurement = st.session_state.get(_TIMES)
    return measurement[1] if measurement is not None and measurement[0] == model.key else None


def set_measured(model: session.OpenModel, profile: Profile) -> None:
    """Store the times of the nodes."""
    st.session_state[_TIMES] = (model.key, profile)


def forget_measured() -> None:
    """Forget the last measurement."""
    st.session_state.pop(_TIMES, None)


def address(model: session.OpenModel) -> dict[str, list[str]]:
    """The view as parameters for the address."""
    return links.to_params(model.hierarchy, state(model))


def from_address(model: session.OpenModel, params: Mapping[str, list[str]]) -> None:
    """Restore the view from the parameters of an address."""
    _set(links.from_params(model.hierarchy, params))


def _set(after: ViewState) -> None:
    st.session_state[session.VIEW] = replace(after, outputs=(), inputs=())
    session.set_outputs(list(after.outputs))
    session.set_inputs(list(after.inputs))


def _history() -> History:
    views: History = st.session_state.get(_HISTORY, History())
    return views


def _cached(key: tuple[Any, ...], compute: Any) -> Mask:
    """The last mask if it has this key, else a new one, which takes 0.1 s for 100,000 nodes."""
    cached: tuple[tuple[Any, ...], Mask] | None = st.session_state.get(_MASK)
    if cached is None or cached[0] != key:
        cached = st.session_state[_MASK] = (key, compute())
    return cached[1]
