"""What this session sees of the graph: the view, its history, the picks, and what they light.

The view lives in the session, and in short in the address, so that a link shows the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from inspector.ui import state as session
from inspector.view import actions, history, links, reach
from inspector.view.actions import ViewState
from inspector.view.history import History
from inspector.view.reach import Mask

_HISTORY, _MASK, _TIMES = "view_history", "view_mask", "view_times"
_PICKED = "picks_changed"


def state(model: session.OpenModel) -> ViewState:
    """The view of the open model; the picks are those of the sidebar."""
    found: ViewState | None = st.session_state.get(session.VIEW)
    if found is None:
        found = actions.first(model.hierarchy)
    return replace(found, outputs=tuple(session.outputs()), inputs=tuple(session.inputs()))


def remember(model: session.OpenModel, after: ViewState) -> None:
    """Take in a new view, as a step that can be taken back."""
    before = state(model)
    st.session_state[_HISTORY] = history.seen(_history(), before, after)
    if (after.outputs, after.inputs) != (before.outputs, before.inputs):
        st.session_state[_PICKED] = True
    _set(after)


def pick(model: session.OpenModel, do: str, name: str) -> None:
    """Take a node as ``output`` or ``input``, or no more."""
    remember(model, actions.act(model.hierarchy, state(model), do, name))


def picks_changed() -> bool:
    """Whether picks changed in a run of the fragment; asked once, then the page must run anew."""
    return bool(st.session_state.pop(_PICKED, False))


def step(model: session.OpenModel, where: str) -> None:
    """Go ``back`` or ``forward`` in what was seen."""
    move = history.back if where == "back" else history.forward
    st.session_state[_HISTORY], after = move(_history(), state(model))
    _set(after)


def steps() -> list[str]:
    """Which of ``back`` and ``forward`` there are."""
    found = _history()
    return [where for where, left in (("back", found.past), ("forward", found.future)) if left]


def lit(model: session.OpenModel, now: ViewState) -> Mask | None:
    """The nodes to light, the others dimmed; None where nothing is traced or picked."""
    if now.trace and now.selected:
        return traced(model, now)
    return kept(model, now) if now.outputs else None


def kept(model: session.OpenModel, now: ViewState) -> Mask:
    """The nodes that freezing with the picks keeps."""
    key = ("kept", model.key, now.outputs, now.inputs)
    return _once(key, lambda: reach.kept(model.summary, now.outputs, now.inputs))


def traced(model: session.OpenModel, now: ViewState) -> Mask:
    """The nodes that the trace of the selection lights; a scope's are all in it."""
    key = ("traced", model.key, now.selected, now.trace)
    names = [name for chosen in now.selected for name in _members(model, chosen)]
    return _once(key, lambda: reach.traced(model.summary, names, now.trace))


def _members(model: session.OpenModel, name: str) -> list[str]:
    tree = model.hierarchy
    item = tree.item(name)
    if item is None or item >= 0:
        return [name]
    return [model.summary.names[node] for node in tree.inside(~item)]


def measured(model: session.OpenModel) -> Mapping[str, float]:
    """Microseconds per node of the last measurement of this model; empty before one."""
    found = st.session_state.get(_TIMES)
    return found[1] if found is not None and found[0] == model.key else {}


def measured_on(model: session.OpenModel) -> tuple[int, int] | None:
    """Rows and runs of that measurement; None before one."""
    found = st.session_state.get(_TIMES)
    return found[2] if found is not None and found[0] == model.key else None


def set_measured(
    model: session.OpenModel, times: Mapping[str, float], rows_and_runs: tuple[int, int]
) -> None:
    """Take in a measurement: node name to microseconds."""
    st.session_state[_TIMES] = (model.key, times, rows_and_runs)


def forget_measured() -> None:
    """Forget the last measurement."""
    st.session_state.pop(_TIMES, None)


def address(model: session.OpenModel) -> dict[str, list[str]]:
    """The view as parameters of the address."""
    return links.to_params(model.hierarchy, state(model))


def from_address(model: session.OpenModel, params: Mapping[str, list[str]]) -> None:
    """Take in the view that the parameters of an address tell."""
    _set(links.from_params(model.hierarchy, params))


def _set(after: ViewState) -> None:
    st.session_state[session.VIEW] = replace(after, outputs=(), inputs=())
    session.set_outputs(list(after.outputs))
    session.set_inputs(list(after.inputs))


def _history() -> History:
    found: History = st.session_state.get(_HISTORY, History())
    return found


def _once(key: tuple[Any, ...], make: Any) -> Mask:
    """The mask of this key, made once: a graph of 100,000 nodes takes a tenth of a second."""
    found: tuple[tuple[Any, ...], Mask] | None = st.session_state.get(_MASK)
    if found is None or found[0] != key:
        found = st.session_state[_MASK] = (key, make())
    return found[1]
