"""Producers and consumers of a node as links to their details; small constants as images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from inspector.graph.graph import node_name
from inspector.ui.widgets import copy_button, text

MAX_ROWS = 6
"""Most neighbours with a row of their own; the others are in a select box."""
_SIDE = 320
"""Pixels, about, of the longer side of an image of values."""


def links(title: str, neighbours: Sequence[dict[str, Any]], go: Callable[[str], None]) -> None:
    """A row per neighbour: its name with a copy button, dtype and shape, and a link.

    Args:
        neighbours: Each with ``name``, and for a tensor ``dtype`` and ``shape``.
        go: Called with the node's name.
    """
    if not neighbours:
        return
    st.caption(title)
    for index, neighbour in enumerate(neighbours[:MAX_ROWS]):
        row = st.container(
            horizontal=True,
            vertical_alignment="center",
            wrap=False,
            gap="small",
            key=f"named_icon_{title}_{index}",
        )
        copy_button.box(neighbour["name"] + _dtype_and_shape(neighbour), row)
        row.button(
            "Show",
            key=f"go_{title}_{index}",
            icon=":material/arrow_forward:",
            type="tertiary",
            help="Show",
            on_click=go,
            args=(_node(neighbour),),
        )
    others = [_node(neighbour) for neighbour in neighbours[MAX_ROWS:]]
    if others:
        key = f"more_{title}_{neighbours[0]['name']}"
        st.selectbox(
            title,
            list(dict.fromkeys(others)),
            index=None,
            key=key,
            label_visibility="collapsed",
            placeholder=f"{text.number(len(others))} more",
            format_func=lambda name: text.shorten(name, 80),
            on_change=lambda: go(st.session_state[key]) if st.session_state[key] else None,
        )


def _node(item: dict[str, Any]) -> str:
    """The node's name; only of a tensor is the port removed, since node names may hold colons."""
    name: str = item["name"]
    return node_name(name) if "dtype" in item else name


def _dtype_and_shape(item: dict[str, Any]) -> str:
    if "dtype" not in item:
        return ""
    return f"\n  {item['dtype'] or '?'} · {text.shape(item.get('shape'))}"


def picture(image: dict[str, Any]) -> None:
    """Values as grey squares: black for the smallest, white for the largest."""
    grey = np.array(image["rows"], dtype=np.uint8)
    zoom = max(1, _SIDE // max(grey.shape))
    st.image(np.kron(grey, np.ones((zoom, zoom), np.uint8)), caption=image["what"])
