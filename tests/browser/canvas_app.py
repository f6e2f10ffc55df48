"""A page with nothing but the canvas and what Python knows of it, for test_canvas.py."""

import json

import streamlit as st

from benchmarks.support.node_tables import layered, plain
from inspector.ui.canvas.component import canvas
from inspector.view.canvas.content import CanvasContent, pick_marks
from inspector.view.canvas.events import CanvasEvent
from inspector.view.layout.layout import picture_of
from inspector.view.state import actions, overlay
from inspector.view.state.actions import ViewState
from inspector.view.state.initial_view import start
from inspector.view.state.visible import view
from inspector.view.tree.hierarchy import Hierarchy, build

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


def handle_event(event: CanvasEvent) -> None:
    st.session_state.view = actions.handle(graph, st.session_state.view, event)


def show() -> None:
    st.session_state.view = actions.show(graph, st.session_state.view, [st.session_state.show])


@st.fragment
def page() -> None:
    state = st.session_state.view
    picture = picture_of(graph, state.opened, keep=state.last)
    names = [box.name for box in picture.visible.boxes]
    warm = overlay.boxes(graph, names, overlay.BYTES) if "heat" in st.query_params else None
    content = CanvasContent(
        picture.layout,
        marks=pick_marks(state.outputs, state.inputs),
        heat=None if warm is None else overlay.for_canvas(warm),
        trace=state.trace,
        search="search",
        height=560,
    )
    canvas(content, key="graph", selected=state.selected, on_event=handle_event)
    known = {
        "selected": state.selected,
        "outputs": state.outputs,
        "inputs": state.inputs,
        "opened": sorted(picture.opened),
        "trace": state.trace,
        "boxes": len(picture.visible.boxes),
    }
    st.code(json.dumps(known), language="json")
    st.text_input("Show", key="show", on_change=show)
    st.text_input("Search", key="search")


page()
