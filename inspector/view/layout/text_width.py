"""The width of text, estimated on the server, and titles that fit a box."""

from __future__ import annotations

import unicodedata

from inspector.text import shorten

TITLE_PX = 12.5
SUB_PX = 11.5
"""Sizes of a box's first line, and of all smaller texts of the picture."""
MAX_TITLE = 34
"""Characters of a title; longer ones lose their middle. The full name is in the tooltip."""
_READ = 400
"""Characters of a name that a title is made of."""


def clip(text: str, limit: int = MAX_TITLE) -> str:
    """Printable, on one line, and at most ``limit`` characters: the middle gives way."""
    return shorten(text[:_READ], limit)


def width(text: str, px: float, bold: bool = False) -> float:
    """Pixels of a line of text in a sans-serif font, a little on the wide side."""
    return sum(map(_em, text)) * px * (1.06 if bold else 1.0)


def _em(char: str) -> float:
    if char in "ijlIt.,:;'|!()[]/ ·f":
        return 0.34
    if char in "mwMW@%…—":
        return 0.88
    if char.isascii():
        return 0.66 if char.isupper() else 0.54
    return 1.05 if unicodedata.east_asian_width(char) in "WF" else 0.62
