"""The search field above a table or the picture."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def search_field(
    label: str,
    *,
    key: str,
    placeholder: str,
    place: DeltaGenerator | None = None,
    shows_label: bool = False,
) -> str:
    """A field that reruns the page while the user types.

    Args:
        place: The container to draw it in; by default the current one.
        shows_label: Whether the label is visible, and not for screen readers only.
    Returns: The text, empty without one.
    """
    words = (place or st).text_input(
        label,
        key=key,
        live="200ms",
        icon=":material/search:",
        placeholder=placeholder,
        label_visibility="visible" if shows_label else "collapsed",
    )
    return words or ""
