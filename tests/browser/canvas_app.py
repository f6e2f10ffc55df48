"""A page with nothing but the canvas and what Python knows of it, for test_canvas.py."""

import json

import streamlit as st

from inspector.ui.canvas import CanvasEvent, canvas, pick_marks
from inspector.ui.picture import handle
from inspector.view import actions, heat
from inspector.view.actions import ViewState
from inspector.view.hierarchy import Hierarchy, build
from inspector.view.layout import picture_of
from inspector.view.starting import start
from inspector.view.visible import view
from tests.view.graphs import layered, plain

# For benchmarks/canvas.py.
BLOCKS = {"twenty": 20, "network": 83, "larger": 166, "largest": 400}
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "quo\"te's",
    "colon:0:1",
    "back\\slash\\n",
    "größe-日本語",
    "</script><b>bold",
    "שלום_עולם",
    "exe\u202egnp.cod",
    "zero\u200bwidth",
    "new\nline",
    "very_" * 60,
]


@st.cache_resource
def tree(which: str) -> Hierarchy:
    if which == "hostile":
        inputs = [[], *([place] for place in range(len(HOSTILE) - 1))]
        ops = ["Placeholder"] + ["Relu"] * (len(HOSTILE) - 1)
        return build(plain(HOSTILE, ops, inputs, controls={3: [0]}))
    if which == "flat":
        return build(layered(154, scoped=False))
    if which in BLOCKS:
        return build(layered(BLOCKS[which]))
    return build(layered(8))


def opened(graph: Hierarchy, least: int) -> ViewState:
    """The first picture, opened level by level until it has so many boxes."""
    state = ViewState(opened=start(graph, int(st.query_params.get("budget", 8))))
    while len(view(graph, state.opened).boxes) < least:
        state = actions.open_level(graph, state)
    return state


st.set_page_config(layout="wide")
graph = tree(st.query_params.get("m", "layered"))
if "view" not in st.session_state:
    st.session_state.view = opened(graph, int(st.query_params.get("least", 0)))


def heard(event: CanvasEvent) -> None:
    st.session_state.view = handle(graph, st.session_state.view, event)


def asked() -> None:
    st.session_state.view = actions.show(graph, st.session_state.view, [st.session_state.show])


@st.fragment
def page() -> None:
    state = st.session_state.view
    picture = picture_of(graph, state.opened, keep=state.last)
    names = [box.name for box in picture.visible.boxes]
    warm = heat.boxes(graph, names, heat.BYTES) if "heat" in st.query_params else None
    canvas(
        picture.layout,
        key="graph",
        selected=state.selected,
        marks=pick_marks(state.outputs, state.inputs),
        heat=None if warm is None else heat.for_canvas(warm),
        trace=state.trace,
        on_event=heard,
        search="search",
        height=560,
    )
    known = {
        "selected": state.selected,
        "outputs": state.outputs,
        "inputs": state.inputs,
        "opened": sorted(picture.opened),
        "trace": state.trace,
        "boxes": len(picture.visible.boxes),
    }
    st.code(json.dumps(known), language="json")
    st.text_input("Show", key="show", on_change=asked)
    st.text_input("Search", key="search")


page()
