"""What a node reads and what reads it, each a link to its details; small constants as pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from inspector.graph import node_name
from inspector.ui import copying, text

LISTED = 6
"""Neighbours with a row of their own; the others are in a box to choose from."""
_SIDE = 320
"""Pixels of the longer side of a picture of values, about."""


def links(title: str, found: Sequence[dict[str, Any]], go: Callable[[str], None]) -> None:
    """One row each: the name, to be copied, its dtype and shape, and a button that goes there.

    Args:
        found: ``name``, and of tensors ``dtype`` and ``shape``.
        go: Called with the node's name.
    """
    if not found:
        return
    st.caption(title)
    for place, item in enumerate(found[:LISTED]):
        row = st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="small")
        copying.box(item["name"] + _kind(item), row)
        row.button(
            "",
            key=f"go_{title}_{place}",
            icon=":material/arrow_forward:",
            type="tertiary",
            help="Show it",
            on_click=go,
            args=(_node(item),),
        )
    rest = [_node(item) for item in found[LISTED:]]
    if rest:
        key = f"more_{title}_{found[0]['name']}"
        st.selectbox(
            title,
            list(dict.fromkeys(rest)),
            index=None,
            key=key,
            label_visibility="collapsed",
            placeholder=f"{text.number(len(rest))} more",
            format_func=lambda name: text.shorten(name, 80),
            on_change=lambda: go(st.session_state[key]) if st.session_state[key] else None,
        )


def _node(item: dict[str, Any]) -> str:
    """The node of a tensor, or the node itself: its name may have colons of its own."""
    name: str = item["name"]
    return node_name(name) if "dtype" in item else name


def _kind(item: dict[str, Any]) -> str:
    if "dtype" not in item:
        return ""
    return f"\n  {item['dtype'] or '?'} · {text.shape(item.get('shape'))}"


def picture(image: dict[str, Any]) -> None:
    """Values as grey squares, from the smallest, black, to the largest, white."""
    grey = np.array(image["rows"], dtype=np.uint8)
    times = max(1, _SIDE // max(grey.shape))
    st.image(np.kron(grey, np.ones((times, times), np.uint8)), caption=image["what"])
