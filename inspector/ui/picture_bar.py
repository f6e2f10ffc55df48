"""Above the canvas: search, what is traced, what colours the boxes, the picture as a file."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector import rendering
from inspector.errors import InspectorError
from inspector.ui import seen, state, text
from inspector.view import actions, heat, search
from inspector.view.layout import Picture, picture_of
from inspector.view.reach import BETWEEN, BOTH, DOWN, UP

SEARCH = "graph_search"
"""Key of the search field."""
HITS = 200
"""Hits of a search that are listed."""
LIT = 20_000
"""Hits of a search that are lit in the picture."""
_KIND = "kind"
_TRACES = {"": "No trace", UP: "What it needs", DOWN: "What needs it", BOTH: "Both ways",
           BETWEEN: "Between"}  # fmt: skip


def bar(model: state.OpenModel, picture: Picture | None) -> list[int]:
    """Search, trace, colours and export in one row, and below it what was found.

    Returns: The nodes that were found, to be lit.
    """
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    words = row.text_input(
        "Search the graph",
        key=SEARCH,
        live="200ms",
        icon=":material/search:",
        label_visibility="collapsed",
        placeholder="name, op:Conv2D, shape:*x64, attr:padding=SAME, /regex/",
    )
    choices(model, row)
    if picture is not None:
        file = row.popover(
            "",
            icon=":material/download:",
            help="The picture as a file",
            key="export",
            on_change="rerun",
        )
        if file.open:
            with file:
                _export(model, picture)
    if not words:
        return []
    try:
        found = search.search(model.summary, words, limit=LIT)
    except InspectorError as err:
        state.error(err)
        return []
    listed = found.nodes[:HITS]
    names = [model.summary.names[node] for node in listed]
    ops = {name: model.summary.op_of(node) for name, node in zip(names, listed, strict=True)}
    st.selectbox(
        "Hits",
        names,
        index=None,
        key=f"hits_{words}",
        placeholder=f"{text.number(found.total)} found: Enter goes from hit to hit, or choose one",
        label_visibility="collapsed",
        format_func=lambda name: f"{ops[name]} · {text.shorten(name, 110)}",
        on_change=_show,
        args=(model, f"hits_{words}"),
    )
    return found.nodes


def _show(model: state.OpenModel, key: str) -> None:
    name = st.session_state[key]
    if name is not None:
        seen.remember(model, actions.show(model.hierarchy, seen.state(model), [name]))


def _export(model: state.OpenModel, picture: Picture) -> None:
    """What is seen, or the whole graph, as a file; drawn when it is asked for."""
    whole = st.radio(
        "What",
        [False, True],
        key="export_whole",
        format_func=lambda all_of_it: "Every scope open" if all_of_it else "What is seen",
        horizontal=True,
        label_visibility="collapsed",
    )
    theme = st.radio(
        "Background",
        ["light", "dark", "none"],
        key="export_background",
        format_func=str.capitalize,
        horizontal=True,
    )

    def drawn(format: str) -> bytes:
        shown = picture
        if whole:
            shown = picture_of(model.hierarchy, frozenset(model.hierarchy.index))
        light = "light" if theme == "none" else theme
        return rendering.draw(shown, format, theme=light, background=theme != "none")

    row = st.container(horizontal=True, gap="small")
    for format in rendering.FORMATS:
        row.download_button(
            format.upper(),
            data=partial(drawn, format),
            file_name=f"{text.file_stem(model.name)}.{format}",
            key=f"export_{format}",
            on_click="ignore",
        )


def choices(model: state.OpenModel, place: DeltaGenerator) -> None:
    """What is traced from the selection, and what colours the boxes."""
    now = seen.state(model)
    place.selectbox(
        "Trace",
        list(_TRACES),
        index=list(_TRACES).index(now.trace),
        key=f"trace_{now.trace}",
        label_visibility="collapsed",
        format_func=_TRACES.__getitem__,
        width=150,
        help="Lights what the selection depends on, what depends on it, or what lies between "
        "several selected (key T)",
        on_change=_trace,
        args=(model, f"trace_{now.trace}"),
    )
    place.selectbox(
        "Colour by",
        [_KIND, *heat.LABELS],
        key="colour_by",
        label_visibility="collapsed",
        format_func=lambda key: str(heat.LABELS.get(key, "Colour: op")),
        width=170,
    )


def figure() -> str:
    """The figure that colours the boxes, a key of `heat.LABELS`; empty for the kind of op."""
    chosen = str(st.session_state.get("colour_by", _KIND))
    return chosen if chosen in heat.LABELS else ""


def _trace(model: state.OpenModel, key: str) -> None:
    now = seen.state(model)
    seen.remember(model, actions.act(model.hierarchy, now, "trace", st.session_state[key]))
