"""Shapes, sizes and counts as short text, and how wide text is before any browser sees it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

TITLE_PX = 12.0
SUB_PX = 10.5
MAX_TITLE = 34
"""Characters of a title; longer ones lose their middle. The full name is in the tooltip."""


def shape_text(shape: Sequence[int | None] | None) -> str:
    """``[None, 4]`` to ``?×4``, ``[4]`` to ``[4]``, ``[]`` to ``scalar``, no rank to nothing."""
    if shape is None:
        return ""
    if not shape:
        return "scalar"
    if len(shape) == 1:
        return "[?]" if shape[0] is None else f"[{shape[0]}]"
    text = "×".join("?" if size is None else str(size) for size in shape[:8])
    return text + ("×…" if len(shape) > 8 else "")


def bytes_text(size: int) -> str:
    """``8192`` to ``8 KiB``; three digits at most."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 999.5 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 9.95 or unit == "B" else f"{value:.1f} {unit}"


def count_text(number: int, one: str, many: str = "") -> str:
    """``1 op``, ``1,831 ops``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def printable(text: str) -> str:
    """What has no look of its own, as control characters and turns of direction, as a sign."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def clip(text: str, limit: int = MAX_TITLE) -> str:
    """Printable, on one line, and at most ``limit`` characters: the middle gives way."""
    text = printable(text[:400])
    if len(text) <= limit:
        return text
    tail = (limit - 1) * 3 // 5
    return f"{text[: limit - 1 - tail]}…{text[-tail:]}"


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
