"""The Graph page: canvas, search, and the details of what is selected.

The canvas and the details are one fragment, so a click runs only them; picking an output runs the
page anew, because the sidebar shows the picks.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui import operations, shown, state, text
from inspector.ui.canvas import CanvasEvent, canvas, pick_marks
from inspector.view import actions, layout, search, visible
from inspector.view.actions import ViewState
from inspector.view.hierarchy import Hierarchy

HITS = 200
"""Hits of a search that are listed."""
_PICKED = "picked_on_canvas"


def view_state(model: state.OpenModel) -> ViewState:
    """What this session sees of the model; the outputs are those of the sidebar."""
    seen: ViewState | None = st.session_state.get(state.VIEW)
    if seen is None:
        seen = ViewState(opened=visible.start(model.hierarchy))
    return replace(seen, outputs=tuple(state.outputs()))


@st.fragment
def board(model: state.OpenModel) -> None:
    """Search and canvas to the left, details to the right."""
    if st.session_state.pop(_PICKED, False):
        st.rerun()
    left, right = st.columns([5, 2], gap="medium")
    with left:
        _search(model)
        _canvas(model)
    with right:
        _details(model)


def handle(tree: Hierarchy, seen: ViewState, event: CanvasEvent) -> ViewState:
    """The view after what was done on the canvas."""
    if event.do == "select":
        return actions.select(tree, seen, event.names)
    return actions.act(tree, seen, event.do, event.name)


def _canvas(model: state.OpenModel) -> None:
    tree = model.hierarchy
    seen = view_state(model)
    try:
        picture = layout.picture_of(tree, seen.opened, keep=seen.last)
    except InspectorError as err:
        state.error(err)
        return
    if picture.closed_some:
        st.caption("Too much for one picture: some scopes were closed again.")

    def heard(event: CanvasEvent) -> None:
        before = view_state(model)
        after = handle(tree, before, event)
        _remember(after)
        if after.outputs != before.outputs:
            st.session_state[_PICKED] = True

    canvas(
        picture.layout,
        key="graph_canvas",
        selected=seen.selected,
        marks=pick_marks(actions.drawn_names(tree, seen.outputs)),
        on_event=heard,
    )


def _search(model: state.OpenModel) -> None:
    words = st.text_input(
        "Search the graph",
        key="graph_search",
        live="200ms",
        icon=":material/search:",
        label_visibility="collapsed",
        placeholder="name, op, op:Conv2D, shape:*x64, /regular expression/",
    )
    if not words:
        return
    try:
        found = search.search(model.summary, words, limit=HITS)
    except InspectorError as err:
        state.error(err)
        return
    names = [model.summary.names[node] for node in found.nodes]
    ops = {name: model.summary.op_of(node) for name, node in zip(names, found.nodes, strict=True)}
    st.selectbox(
        "Hits",
        names,
        index=None,
        key=f"hits_{words}",
        placeholder=f"{text.number(found.total)} found: choose one to see it in the picture",
        label_visibility="collapsed",
        format_func=lambda name: f"{ops[name]} · {text.shorten(name, 110)}",
        on_change=_show,
        args=(model, f"hits_{words}"),
    )


def _show(model: state.OpenModel, key: str) -> None:
    name = st.session_state[key]
    if name is not None:
        _remember(actions.show(model.hierarchy, view_state(model), [name]))


def _details(model: state.OpenModel) -> None:
    tree, seen = model.hierarchy, view_state(model)
    if not seen.selected:
        st.caption("Click a box to see what it is. Double-click a scope to open or close it.")
        return
    name = seen.selected[-1]
    item = tree.item(name)
    if item is None or item < 0:
        _scope(model, name)
        return
    picked = name in seen.outputs
    label = "Chosen as output" if picked else "Use as output"
    icon = ":material/check:" if picked else ":material/output:"
    if st.button(
        label, key="pick_output", type="primary", icon=icon, disabled=picked, width="stretch"
    ):
        state.add_output(name)
        st.rerun()
    operations.details(model, name)


def _scope(model: state.OpenModel, name: str) -> None:
    st.code(name.removesuffix("/"), language=None, wrap_lines=True)
    members = _inside(model.hierarchy, name)
    counts: dict[str, int] = {}
    for node in members:
        op = model.summary.op_of(node)
        counts[op] = counts.get(op, 0) + 1
    st.caption(f"A scope of {text.count(len(members), 'operation')}")
    opened = name in view_state(model).opened
    if st.button("Close it" if opened else "Open it", key="toggle_scope", width="stretch"):
        do = "collapse" if opened else "expand"
        _remember(actions.act(model.hierarchy, view_state(model), do, name))
        st.rerun(scope="fragment")
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    shown.table([{"op": op, "nodes": count} for op, count in rows], rows_shown=14)


def _inside(tree: Hierarchy, name: str) -> list[int]:
    found: list[int] = []
    todo: list[int] = [tree.index[name]] if name in tree.index else []
    while todo:
        for item in tree.children[todo.pop()]:
            if item >= 0:
                found.append(item)
            else:
                todo.append(~item)
    return sorted(found)


def _remember(seen: ViewState) -> None:
    st.session_state[state.VIEW] = replace(seen, outputs=(), inputs=())
    state.set_outputs(list(seen.outputs))
