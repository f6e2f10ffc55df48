"""The graph canvas: a laid out picture that a person can pan, zoom, walk by keyboard and click.

A component of `st.components.v2` around `inspector.view.canvas`. The browser
draws what `inspector.view.layout.layout` placed; selection, hover and zoom stay there. Python gets
a selection 120 ms after the click, and each other action (open, close, pick) exactly once, before
the page's script runs.

In a fragment, so that a click reruns nothing else:

    tree = Hierarchy.from_json(table, blob)                    # cached, shared by sessions
    state = st.session_state.setdefault("view", ViewState(opened=start(tree)))

    def handle_event(event: CanvasEvent) -> None:
        st.session_state["view"] = actions.handle(tree, st.session_state["view"], event)

    picture = picture_of(tree, state.opened, keep=state.last)
    content = CanvasContent(picture.layout, marks=pick_marks(state.outputs, state.inputs))
    canvas(content, key="graph", selected=state.selected, on_event=handle_event)

To show a search hit, a widget's callback puts ``actions.show(tree, state, [name])`` into the
session: the canvas opens the scopes around it, selects it and scrolls to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from inspector.view.canvas import web_module
from inspector.view.canvas.content import CanvasContent
from inspector.view.canvas.events import CanvasEvent, read_actions, read_selection

_mount = st.components.v2.component(
    "inspector_canvas",
    html=web_module.html(),
    css=web_module.style(),
    js=web_module.script(),
)


@dataclass(frozen=True)
class _Exchange:
    """What one canvas and Python have told each other in this session."""

    selection: tuple[str, ...] = ()
    """The names selected in the browser, as far as Python knows."""
    page_selection: tuple[int, list[str]] | None = None
    """The last selection that the page made, with its number."""
    number: int = 0
    """Number of the last such selection."""
    handled: int = 0
    """Number of the last action that was handled."""


def canvas(
    content: CanvasContent,
    *,
    key: str,
    selected: Sequence[str] | None = None,
    on_event: Callable[[CanvasEvent], str | None] | None = None,
) -> CanvasEvent | None:
    """Draw a canvas and report what a person did on it since the last run.

    Args:
        key: The widget's key, also in ``st.session_state``.
        selected: The names that the page takes to be selected; the canvas follows where it shows
            others. None leaves the selection to the canvas.
        on_event: Called before the script runs, so that the new picture needs one run only. After a
            selection that changes nothing on this canvas it may return the key of the fragment to
            run in place of the canvas's own.
    Returns: The event of this run, for a page without ``on_event``; a selection comes back in
        every run until it changes.
    """
    memory = f"_{key}_exchange"
    is_new = key not in st.session_state
    exchange: _Exchange = st.session_state.setdefault(memory, _Exchange())
    selection = exchange.selection if selected is None else tuple(selected)
    if is_new or selection != exchange.selection:
        # After a page switch the canvas is a new one and has lost its selection and the message.
        number = exchange.number + 1
        message = (number, list(selection)) if selection or not is_new else None
        exchange = replace(exchange, selection=selection, page_selection=message, number=number)
        st.session_state[memory] = exchange
    data = content.message()
    if exchange.page_selection is not None:
        data["select"] = exchange.page_selection
    if exchange.handled:
        data["done"] = exchange.handled

    def update(**changes: Any) -> None:
        st.session_state[memory] = replace(st.session_state[memory], **changes)

    def handle_selection() -> None:
        event = read_selection(_sent(st.session_state.get(key), "selected"))
        if event is None:
            return
        update(selection=event.names)
        fragment = on_event(event) if on_event is not None else None
        if fragment and not read_actions(_sent(st.session_state.get(key), "act")):
            st.rerun(fragment)

    def handle_actions() -> None:
        for number, event in read_actions(_sent(st.session_state.get(key), "act")):
            # The browser repeats actions that a run of the page has not confirmed in time.
            if number > st.session_state[memory].handled:
                update(handled=number)
                if on_event is not None:
                    on_event(event)

    result = _mount(
        key=key, data=data, on_selected_change=handle_selection, on_act_change=handle_actions
    )
    acts = read_actions(_sent(result, "act"))
    return acts[-1][1] if acts else read_selection(_sent(result, "selected"))


def _sent(state: object, name: str) -> object:
    """One value of the component: its state is a mapping, its result has attributes."""
    return state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)
