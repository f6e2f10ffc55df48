"""Beside the canvas: details of the selection, and buttons for it.

A fragment inside of the page's fragment: a selection that changes nothing in the picture reruns
only this one.
"""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from inspector.text import printable
from inspector.ui.screens import linked_state, measuring, operations, picture_bar, tflite
from inspector.ui.screens.quantising import target
from inspector.ui.session import state, view_state
from inspector.ui.widgets import tables, text
from inspector.view.state import actions, overlay
from inspector.view.state.actions import ViewState

KEY, PICTURE = "graph_details", "graph_picture"
"""Keys of the page's fragments: the details, and the picture, which contains the details."""

MAX_NAMES = 12
"""Most names of a selection that are listed."""


@st.fragment(key=KEY)
def details(model: state.OpenModel) -> None:
    """Details of the node or scope selected last, and buttons for all that are selected."""
    if view_state.picks_changed():
        st.rerun()
    linked_state.write(model, "graph")
    now = view_state.state(model)
    head = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    )
    head.markdown("**Details**")
    head.button("Close the details", key="close_drawer", type="tertiary", icon=":material/close:")
    if picture_bar.figure() == overlay.TIME:
        measuring.slowest(model, lambda name: _go(model, name))
    if not now.selected:
        st.caption(
            "Click a box to see what it is. Double-click a scope to open or close it. "
            "Everything works by keyboard too: arrows walk along the edges, Enter selects, "
            "? lists all keys."
        )
        _lit_summary(model, now)
        return
    nodes = [name for name in now.selected if name in model.summary.index]
    if len(now.selected) > 1:
        _several(now.selected, nodes)
    name = now.selected[-1]
    item = model.hierarchy.item(name)
    is_scope = item is None or item < 0
    if len(now.selected) == 1 and not is_scope:
        _picks(model, name)
    _lit_summary(model, now)
    if is_scope:
        _scope(model, name)
        return
    operations.details(model, name, lambda other: _go(model, other))


def _lit_summary(model: state.OpenModel, now: ViewState) -> None:
    """How many operations the trace lights, or the picks keep."""
    total = len(model.summary)
    if now.trace and now.selected:
        lit = int(view_state.traced(model, now).sum())
        st.caption(
            f"{text.count(lit, 'operation')} of {text.number(total)} highlighted by the trace."
        )
    elif now.outputs:
        needed = int(view_state.needed(model, now).sum())
        st.caption(
            f"Freezing to these outputs keeps {text.count(needed, 'operation')} "
            f"and drops {text.number(total - needed)}."
        )


def _go(model: state.OpenModel, name: str) -> NoReturn:
    view_state.remember(model, actions.show(model.hierarchy, view_state.state(model), [name]))
    st.rerun(PICTURE)


def _toggle(model: state.OpenModel, name: str) -> NoReturn:
    now = view_state.state(model)
    do = "collapse" if name in now.opened else "expand"
    view_state.remember(model, actions.act(model.hierarchy, now, do, name))
    st.rerun(PICTURE)


def _several(selected: tuple[str, ...], nodes: list[str]) -> None:
    st.markdown(f"**{text.number(len(selected))} boxes selected**")
    for what, chosen, choose in (
        ("outputs", state.outputs, state.set_outputs),
        ("inputs", state.inputs, state.set_inputs),
    ):
        if st.button(
            f"Use {text.count(len(nodes), 'node')} as {what}",
            key=f"pick_{what}",
            type="primary" if what == "outputs" else "secondary",
            icon=f":material/{what.removesuffix('s')}:",
            disabled=not nodes,
            width="stretch",
        ):
            choose(list(dict.fromkeys([*chosen(), *nodes])))
            st.rerun()
    tables.names("Selected", [printable(name.removesuffix("/")) for name in selected], MAX_NAMES)


def _picks(model: state.OpenModel, name: str) -> None:
    row = st.container(horizontal=True, gap="small")
    for do, picked, icon in (
        ("output", state.outputs(), "output"),
        ("input", state.inputs(), "input"),
    ):
        is_picked = name in picked
        row.button(
            f"Not an {do}" if is_picked else f"Use as {do}",
            key=f"pick_{do}",
            type="primary" if do == "output" and not is_picked else "secondary",
            icon=":material/close:" if is_picked else f":material/{icon}:",
            help="The graph is cut here: what only leads to it is not kept"
            if do == "input"
            else None,
            width="stretch",
            on_click=view_state.pick,
            args=(model, do, name),
        )
    if not tflite.is_lite(model):
        return
    is_kept = name in target.kept_nodes()
    if st.button(
        "Quantise again" if is_kept else "Keep in float",
        key="pick_float",
        icon=":material/close:" if is_kept else ":material/ac_unit:",
        help="Where a recipe on the Optimise page quantises the model",
        width="stretch",
    ):
        target.toggle_node(name)
        st.rerun()


def _scope(model: state.OpenModel, name: str) -> None:
    tree = model.hierarchy
    tables.name(name.removesuffix("/"))
    members = tree.inside(tree.index[name]) if name in tree.index else []
    counts: dict[str, int] = {}
    for node in members:
        op = model.summary.op_of(node)
        counts[op] = counts.get(op, 0) + 1
    st.caption(f"A scope of {text.count(len(members), 'operation')}")
    st.button(
        "Collapse" if name in view_state.state(model).opened else "Expand",
        key="toggle_scope",
        width="stretch",
        on_click=_toggle,
        args=(model, name),
    )
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    tables.table([{"op": op, "nodes": count} for op, count in rows], rows_shown=14)
