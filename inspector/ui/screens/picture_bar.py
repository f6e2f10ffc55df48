"""The bar above the canvas: search, trace, colours, export."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.errors import InspectorError
from inspector.ui.screens.quantising import layer_table
from inspector.ui.session import state, view_state
from inspector.ui.widgets import picture_export, tag_set_picker, text
from inspector.ui.widgets.search_field import search_field
from inspector.view.layout.layout import Picture
from inspector.view.state import actions, overlay
from inspector.view.state.reachability import BETWEEN, BOTH, DOWN, UP
from inspector.view.table import search

SEARCH = "graph_search"
"""Key of the search field."""
MAX_LISTED = 200
"""Most hits of a search in the select box."""
MAX_LIT = 20_000
"""Most hits of a search that the picture highlights."""
_KIND = "kind"
_TRACES = {"": "No trace", UP: "Upstream", DOWN: "Downstream", BOTH: "Both ways",
           BETWEEN: "Between"}  # fmt: skip
_HELP = """
**Search**: `conv1` (part of a name), `op:Conv2D`, `shape:[*,64]`, `attr:padding=SAME` or
`/regular expression/`. Conditions can be combined. Enter goes from match to match.

**Trace** (key T) highlights what the selection depends on (upstream), what depends on it
(downstream), or what lies between several selected boxes.

**Colour** shows the kind of op, or how much of a figure each box holds.
"""
_SERVING = (
    "The picture is the serving function with its calls inlined. Names are those of the frozen "
    "graph."
)


def bar(model: state.OpenModel, picture: Picture | None) -> list[int]:
    """Search with its matches, trace, colours, signature, export and help in one row.

    Returns: The node indices of the hits.
    """
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    words_and_hits = row.container(horizontal=True, wrap=False, gap="small", key="graph_find")
    words = search_field(
        "Search the graph",
        key=SEARCH,
        placeholder="name, op:Conv2D, /regex/",
        place=words_and_hits,
    )
    nodes = _hits(model, words, words_and_hits) if words else []
    choices(model, row)
    tag_set_picker.tag_set_and_signature(model, "graph", row)
    if picture is not None:
        file = row.popover(
            "Export the picture",
            icon=":material/download:",
            key="export",
            on_change="rerun",
        )
        if file.open:
            with file:
                picture_export.buttons(model.hierarchy, picture, model.name, "export")
    with row.popover("Help on search, trace and colours", icon=":material/help:", key="bar_help"):
        st.markdown(_HELP)
        if "serving" in model.facts:
            st.caption(_SERVING)
    return nodes


def _hits(model: state.OpenModel, words: str, place: DeltaGenerator) -> list[int]:
    """A select box with the matches of a search. Returns: Their node indices."""
    try:
        result = search.search(model.summary, words, limit=MAX_LIT)
    except InspectorError as err:
        state.error(err)
        return []
    listed = result.nodes[:MAX_LISTED]
    names = [model.summary.names[node] for node in listed]
    ops = {name: model.summary.op_of(node) for name, node in zip(names, listed, strict=True)}
    place.selectbox(
        "Matches",
        names,
        index=None,
        key=f"hits_{words}",
        placeholder=text.count(result.total, "match", "matches") if result.total else "No matches",
        disabled=not names,
        label_visibility="collapsed",
        width=150,
        format_func=lambda name: f"{ops[name]} · {text.shorten(name, 110)}",
        on_change=_show,
        args=(model, f"hits_{words}"),
    )
    return result.nodes


def _show(model: state.OpenModel, key: str) -> None:
    name = st.session_state[key]
    if name is not None:
        view_state.remember(model, actions.show(model.hierarchy, view_state.state(model), [name]))


def choices(model: state.OpenModel, place: DeltaGenerator) -> None:
    """Select boxes: the trace from the selection, and the figure that colours the boxes."""
    now = view_state.state(model)
    place.selectbox(
        "Trace",
        list(_TRACES),
        index=list(_TRACES).index(now.trace),
        key=f"trace_{now.trace}",
        label_visibility="collapsed",
        format_func=_TRACES.__getitem__,
        width=140,
        on_change=_trace,
        args=(model, f"trace_{now.trace}"),
    )
    place.selectbox(
        "Colour by",
        [_KIND, *_figures()],
        key="colour_by",
        label_visibility="collapsed",
        format_func=lambda key: str(overlay.LABELS.get(key, "Colour: op")),
        width=170,
    )


def figure() -> str:
    """The figure that colours the boxes, a key of `overlay.LABELS`; empty for the kind of op."""
    key = str(st.session_state.get("colour_by", _KIND))
    return key if key in _figures() else ""


def _figures() -> list[str]:
    """The figures that there are; that of quantising only after its measurement."""
    is_measured = bool(layer_table.differences())
    return [key for key in overlay.LABELS if key != overlay.SENSITIVITY or is_measured]


def _trace(model: state.OpenModel, key: str) -> None:
    now = view_state.state(model)
    view_state.remember(model, actions.act(model.hierarchy, now, "trace", st.session_state[key]))
