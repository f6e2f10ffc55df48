"""The switch between light, dark and the system's theme, in the sidebar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

_BUTTONS = "".join(
    f'<button type="button" data-theme="{theme}">{theme}</button>'
    for theme in ("System", "Light", "Dark")
)
_CSS = """
div { display: flex; gap: 0.15rem; align-items: center; font-family: var(--st-font);
  font-size: 0.875rem; color: var(--st-text-color); }
span { margin-right: 0.25rem; }
button { font: inherit; color: inherit; padding: 0.1rem 0.35rem; cursor: pointer; background: none;
  border: 1px solid transparent; border-radius: 0.4rem; }
button[aria-pressed="true"] { border-color: var(--st-border-color);
  background: var(--st-background-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
"""
_switch = st.components.v2.component(
    "inspector_theme_switch",
    html=f'<div role="group" aria-label="Theme"><span>Theme</span>{_BUTTONS}</div>',
    css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def show(pages: Sequence[str]) -> None:
    """The switch. A choice loads the page again, which restores what its address says.

    Args:
        pages: The paths of all pages below that of the app, for each of which Streamlit keeps a
            theme of its own.
    """
    _switch(key="theme_switch", data={"pages": list(pages)})
