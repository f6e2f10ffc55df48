"""Names of a model, unchanged, each with a button that copies it.

`st.code` does the same, but makes the browser load 1.5 MB of syntax highlighting: more than half a
second of processor time before the first picture.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

STYLE = """
.name { display: flex; align-items: start; border-radius: 0.4rem;
  background: color-mix(in srgb, currentColor 5%, transparent); }
.name code { flex: 1; min-width: 0; padding: 0.4rem 0.6rem; background: none; color: inherit;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.85rem; line-height: 1.5;
  max-height: 14rem; overflow-y: auto; }
/* Never torn where it fits a line of its own. */
.name code span, .model_name span {
  display: inline-block; max-width: 100%; vertical-align: top; }
.name > span { flex: none; padding: 0.4rem 0 0.4rem 0.6rem; font-size: 0.85rem; line-height: 1.5; }
.name button { flex: none; width: 1.6rem; height: 1.6rem; margin: 0.2rem; padding: 0.3rem;
  border: 0; border-radius: 0.3rem; background: none; color: inherit; cursor: pointer;
  opacity: 0.45; }
.name button:hover, .name button:focus-visible { opacity: 1; }
.name button::before { content: ""; display: block; width: 0.6rem; height: 0.75rem;
  border: 1.5px solid currentColor; border-radius: 2px; box-shadow: 2px -2px 0 -1px currentColor; }
.name button.done::before { content: "✓"; border: 0; box-shadow: none; line-height: 0.9; }
"""

_PART = re.compile(r"[^\s/(]*[/(]|[^\s/(]+|\s+")
_WORD_END = re.compile(r"([_.,-])(?=[^_.,-])")
_SHORT = 9
"""Characters of a part of a name that fits every line."""
_listener = st.components.v2.component(
    "inspector_copying",
    html="<span></span>",
    js=(Path(__file__).parent / "copy_button.js").read_text(encoding="utf-8"),
)


def box(text: str, place: DeltaGenerator | None = None, number: int | None = None) -> None:
    """One name, or several on a line each, wrapped to the width of the column.

    Args:
        place: The container to draw it in; by default the current one.
        number: Drawn before the name, and not copied.
    """
    button = '<button type="button" title="Copy" aria-label="Copy"></button>'
    before = "" if number is None else f"<span>{number}.</span>"
    body = f'<div class="name">{before}<code>{breakable(text)}</code>{button}</div>'
    (place.html if place is not None else st.html)(body)


def breakable(text: str) -> str:
    """A name as HTML that breaks between its scopes, a call before its arguments.

    A part that is longer than the line breaks between its words.
    """
    return _PART.sub(_part, text)


def _part(match: re.Match[str]) -> str:
    # As references: Streamlit and the browser normalise line ends.
    part = html.escape(match[0]).replace("\r", "&#13;").replace("\n", "&#10;")
    if len(match[0]) <= _SHORT or match[0].isspace():
        return f"{part}<wbr>"
    words = _WORD_END.sub(r"\1<wbr>", part)
    return f"<span>{words}</span><wbr>"


def listen() -> None:
    """Install the click listener of the buttons; once per page, outside of its fragments."""
    with st.container(key="copying", height=1, border=False):
        _listener(key="copying_buttons")
