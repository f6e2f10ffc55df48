"""The Graph page: bar, canvas, and the details of what is selected.

All three are one fragment, and the details one inside of it: a selection that changes nothing of
the picture runs only the details, another gesture the three, and picking an output the whole page,
because the sidebar shows the picks.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui import measuring, picture_bar, picture_details, seen, state
from inspector.ui.canvas import CanvasEvent, canvas, pick_marks
from inspector.view import actions, heat, layout, reach
from inspector.view.actions import ViewState
from inspector.view.hierarchy import Hierarchy
from inspector.view.layout import Picture


@st.fragment(key=picture_details.PICTURE)
def board(model: state.OpenModel) -> None:
    """Bar and canvas to the left, details to the right."""
    if seen.picks_changed():
        st.rerun()
    left, right = st.columns([5, 2], gap="medium")
    with left:
        place = st.container()
        picture = _picture(model)
        with place:
            hits = picture_bar.bar(model, picture)
        if picture is not None:
            _canvas(model, picture, hits)
    with right:
        picture_details.details(model)


def handle(tree: Hierarchy, now: ViewState, event: CanvasEvent) -> ViewState:
    """The view after what was done on the canvas; back and forward are the session's."""
    if event.do == "select":
        return actions.select(tree, now, event.names)
    if event.do == "deeper":
        return actions.open_level(tree, now)
    if event.do == "shallower":
        return actions.shut_level(tree, now)
    if event.do == "find":
        return actions.find(tree, now, event.name)
    if event.do == "first":
        return replace(now, opened=actions.first(tree).opened, last="")
    return actions.act(tree, now, event.do, event.name)


def _picture(model: state.OpenModel) -> Picture | None:
    now = seen.state(model)
    try:
        picture = layout.picture_of(model.hierarchy, now.opened, keep=now.last)
    except InspectorError as err:
        state.error(err)
        return None
    if picture.closed_some:
        st.caption("Too much for one picture: some scopes were closed again.")
    return picture


def _canvas(model: state.OpenModel, picture: Picture, hits: list[int]) -> None:
    tree, now = model.hierarchy, seen.state(model)
    names = [box.name for box in picture.visible.boxes]

    def heard(event: CanvasEvent) -> str:
        before, steps = seen.state(model), seen.steps()
        if event.do in ("back", "forward"):
            seen.step(model, event.do)
            return ""
        seen.remember(model, handle(model.hierarchy, before, event))
        is_same = event.do == "select" and not before.trace and seen.steps() == steps
        return picture_details.KEY if is_same else ""

    marks = pick_marks(
        actions.drawn_names(tree, now.outputs), actions.drawn_names(tree, now.inputs)
    )
    mask = seen.lit(model, now)
    if mask is not None:
        for name, inside in zip(names, reach.boxes_with(tree, names, mask), strict=True):
            if not inside:
                marks.setdefault(name, []).append("dim")
    if hits:
        found = reach.mask_of(model.summary, hits)
        for name, inside in zip(names, reach.boxes_with(tree, names, found), strict=True):
            if inside:
                marks.setdefault(name, []).append("hit")
    figure = picture_bar.figure()
    if figure == heat.TIME:
        measuring.times(model)
    warm = heat.boxes(tree, names, figure, seen.measured(model)) if figure else None
    canvas(
        picture.layout,
        key="graph_canvas",
        selected=actions.drawn_names(tree, now.selected),
        marks=marks,
        heat=None if warm is None else heat.for_canvas(warm),
        trace=now.trace,
        search=picture_bar.SEARCH,
        can=seen.steps(),
        on_event=heard,
    )
