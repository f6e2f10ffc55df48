"""The browser's history and the *Copy link* button.

Streamlit adds an entry to the history whenever the address changes, so that Back would undo one
click after another without anything to be seen. The module replaces the entry as long as the page
is the same; another page is a new entry.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

STYLE = """
.copy-link { border: 0; padding: 0; background: none; color: inherit; font: inherit;
  font-size: 0.875rem; cursor: pointer; text-decoration: underline; text-underline-offset: 0.2em; }
"""

_module = st.components.v2.component(
    "inspector_address_bar",
    html="<span></span>",
    js=(Path(__file__).parent / "address_bar.js").read_text(encoding="utf-8"),
)


def listen() -> None:
    """Install the module; once per page, outside of its fragments."""
    with st.container(key="address_bar", height=1, border=False):
        _module(key="address_bar_module")


def copy_link(place: DeltaGenerator) -> None:
    """A button that copies the address of what is shown."""
    place.html(
        '<button type="button" class="copy-link" title="Copy the address of this page">'
        "Copy link</button>"
    )
