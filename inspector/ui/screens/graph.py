"""The Graph page: bar, canvas, and the details of the selection.

All three are one fragment, and the details are a fragment inside of it. A selection that changes
nothing in the picture reruns the details only, any other action reruns all three, and picking an
output reruns the whole page, because the sidebar shows the outputs.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui.canvas.component import canvas
from inspector.ui.screens import measuring, picture_bar, picture_details
from inspector.ui.screens.quantising import failed_nodes, layer_table, target
from inspector.ui.session import state, view_state
from inspector.view.canvas.content import CanvasContent, pick_marks
from inspector.view.canvas.events import CanvasEvent
from inspector.view.layout import layout
from inspector.view.layout.layout import Picture
from inspector.view.state import actions, overlay, reachability

_STYLE = Path(__file__).with_name("graph.css")


@st.fragment(key=picture_details.PICTURE)
def board(model: state.OpenModel) -> None:
    """The bar, the canvas below it, and the drawer with the details at the right."""
    if view_state.picks_changed():
        st.rerun()
    place = st.container(key="graph_bar")
    picture = _picture(model)
    with place:
        hits = picture_bar.bar(model, picture)
    if picture is not None:
        with st.container(key="graph_canvas_place"):
            _canvas(model, picture, hits)
    with st.container(key="graph_drawer"):
        picture_details.details(model)


def style() -> None:
    """The page's style, which gives the canvas the window."""
    st.html(f"<style>{_STYLE.read_text(encoding='utf-8')}</style>")


def _picture(model: state.OpenModel) -> Picture | None:
    now = view_state.state(model)
    try:
        picture = layout.picture_of(model.hierarchy, now.opened, keep=now.last)
    except InspectorError as err:
        state.error(err)
        return None
    if picture.closed_some:
        st.caption("Too many boxes for one picture, so some scopes were closed again.")
    return picture


def _canvas(model: state.OpenModel, picture: Picture, hits: list[int]) -> None:
    tree, now = model.hierarchy, view_state.state(model)
    names = [box.name for box in picture.visible.boxes]

    def handle_event(event: CanvasEvent) -> str:
        before, steps = view_state.state(model), view_state.steps()
        if event.do in ("back", "forward"):
            view_state.step(model, event.do)
            return ""
        view_state.remember(model, actions.handle(model.hierarchy, before, event))
        is_same = event.do == "select" and not before.trace and view_state.steps() == steps
        return picture_details.KEY if is_same else ""

    figure = picture_bar.figure()
    measured: dict[str, float] = {}
    if figure == overlay.TIME:
        measured = measuring.times(model)
    elif figure == overlay.SENSITIVITY:
        measured = layer_table.differences()
    strengths = overlay.boxes(tree, names, figure, measured) if figure else None
    content = CanvasContent(
        picture.layout,
        marks=_marks(model, names, hits),
        heat=None if strengths is None else overlay.for_canvas(strengths),
        trace=now.trace,
        search=picture_bar.SEARCH,
        can=view_state.steps(),
        opens=overlay.TIME if figure == overlay.TIME and measured else "",
        fills=True,
    )
    canvas(
        content,
        key="graph_canvas",
        selected=actions.drawn_names(tree, now.selected),
        on_event=handle_event,
    )


def _marks(model: state.OpenModel, names: list[str], hits: list[int]) -> dict[str, list[str]]:
    """Marks of the boxes: picks, hits of the search, and boxes that a trace or the picks dim."""
    tree, now = model.hierarchy, view_state.state(model)
    marks = pick_marks(
        actions.drawn_names(tree, now.outputs), actions.drawn_names(tree, now.inputs)
    )
    lit = view_state.lit(model, now)
    if lit is not None:
        for name, holds_lit in zip(names, reachability.boxes_with(tree, names, lit), strict=True):
            if not holds_lit:
                marks.setdefault(name, []).append("dim")
    index = model.summary.index
    refused = [index[name] for name in failed_nodes.marked() if name in index]
    floats = [index[name] for name in target.kept_nodes() if name in index]
    for mark, nodes in (("refused", refused), ("float", floats), ("hit", hits)):
        if nodes:
            mask = reachability.mask_of(model.summary, nodes)
            holds = reachability.boxes_with(tree, names, mask)
            for name in (name for name, is_in in zip(names, holds, strict=True) if is_in):
                marks.setdefault(name, []).append(mark)
    return marks
