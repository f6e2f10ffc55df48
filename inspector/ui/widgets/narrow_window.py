"""Closes the sidebar in narrow windows; see narrow_window.js."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_listener = st.components.v2.component(
    "inspector_narrow_window",
    html="<span></span>",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def listen() -> None:
    """Install the listeners; once per page, outside of its fragments."""
    with st.container(key="narrow_window", height=1, border=False):
        _listener(key="narrow_window_listener")
