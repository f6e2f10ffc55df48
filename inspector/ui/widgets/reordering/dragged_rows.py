"""A list whose rows are dragged by a handle; see dragged_rows.js.

Streamlit has no such list. Its rows stay Streamlit's own: a listener moves them while the handle is
held, and tells the page which row was dropped where. Keys and screen readers have the buttons
beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

STYLE = """
.drag_handle { display: block; width: 1.25rem; height: 2rem; cursor: grab; touch-action: none;
  border-radius: 0.3rem; opacity: 0.55;
  background: radial-gradient(circle, currentColor 1.4px, transparent 1.8px) 0 0 / 7px 7px
    content-box; padding: 5px 3px; }
.drag_handle:hover { opacity: 1; }
[data-dragged] { z-index: 10; position: relative; background: var(--dragged-background);
  box-shadow: 0 4px 16px rgb(0 0 0 / 0.25); }
"""
_listener = st.components.v2.component(
    "inspector_dragged_rows",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def handle(row: DeltaGenerator) -> None:
    """The handle of a row, for the mouse and for a finger."""
    row.html(
        '<span class="drag_handle" title="Drag to move" aria-hidden="true"></span>', width="content"
    )


def listen(prefix: str, on_drop: Callable[[int, int], None]) -> None:
    """Install the listeners for a list; once, after its rows.

    Args:
        prefix: The key of each row's container, up to its number.
        on_drop: Called before the page reruns, with the number of the row that was dropped and its
            new place.
    """
    key = f"{prefix}dragged"

    def dropped() -> None:
        drop = st.session_state[key].get("dropped")
        if (
            isinstance(drop, list)
            and len(drop) == 2
            and all(type(number) is int for number in drop)
        ):
            on_drop(drop[0], drop[1])

    with st.container(key="dragging", height=1, border=False):
        _listener(key=key, data={"prefix": prefix}, on_dropped_change=dropped)
