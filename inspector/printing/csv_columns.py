"""The columns of a CSV file that an input takes."""

from __future__ import annotations

from collections.abc import Sequence

MOST_WIDTH = 64
"""Columns of one input in a table or a CSV template."""


def columns(key: str, shape: Sequence[int | None] | None) -> list[str] | None:
    """The names of the columns, ``x`` or ``x.0, x.1, ...``; None for an input that has none."""
    if not shape or shape[0] not in (None, 1) or len(shape) > 2:
        return None
    if len(shape) == 1 or shape[1] == 1:
        return [key]
    width = shape[1]
    if width is None or not 0 < width <= MOST_WIDTH:
        return None
    return [f"{key}.{i}" for i in range(width)]
