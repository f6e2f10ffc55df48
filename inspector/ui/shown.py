"""Tables and lists as the pages show them: names out of a model are data, never Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.api.types import is_integer_dtype
from streamlit.delta_generator import DeltaGenerator

from inspector.ui import copying, text

_ROW, _FRAME = 35, 3
"""Pixels of a table's row, and of its borders."""
_DIGIT, _LETTER, _PADDING = 7, 6.2, 17
"""Pixels of a digit, of a letter of a title, and of the space around: figures are never cut."""


def table(
    rows: pd.DataFrame | list[dict[str, Any]] | dict[str, list[str]],
    *,
    key: str | None = None,
    rows_shown: int = 10,
    right: Sequence[str] = (),
    place: DeltaGenerator | None = None,
    columns: dict[str, Any] | None = None,
) -> None:
    """A table as high as its rows, up to `rows_shown` of them; whole numbers in groups.

    Args:
        right: Columns of texts that are figures.
        columns: The form of columns that are shown in another way.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    numbers: dict[str, Any] = {
        name: st.column_config.NumberColumn(format="localized")
        for name in frame.columns
        if is_integer_dtype(frame[name])
    }
    for name in right:
        figures = max((len(str(value)) for value in frame[name]), default=0)
        width = max(_DIGIT * figures, _LETTER * len(name)) + _PADDING
        numbers[name] = st.column_config.TextColumn(alignment="right", width=round(width))
    numbers |= columns or {}
    (place or st).dataframe(
        frame,
        hide_index=True,
        key=key,
        height=_ROW * (min(len(frame), rows_shown) + 1) + _FRAME,
        column_config=numbers,
    )


def selectable(rows: list[dict[str, Any]], *, key: str, rows_shown: int = 10) -> int | None:
    """A table of which one row can be selected; gives its place, or None."""
    frame = pd.DataFrame(rows)
    event: Any = st.dataframe(
        frame,
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        height=_ROW * (min(max(len(frame), 1), rows_shown) + 1) + _FRAME,
        column_config={
            name: st.column_config.NumberColumn(format="localized")
            for name in frame.columns
            if is_integer_dtype(frame[name])
        },
    )
    places = event.selection.rows
    return int(places[0]) if places and places[0] < len(rows) else None


def name(name: str) -> None:
    """A name as it is, to be copied; a caption tells what of it cannot be seen."""
    copying.box(name)
    if hidden := text.unseen(name):
        st.caption(f"Holds what is not seen: {hidden}.")


def names(title: str, found: Sequence[str], limit: int = 30) -> None:
    """Names one below the other, whole, however narrow the column."""
    if not found:
        return
    st.caption(title)
    copying.box("\n".join(found[:limit]))
    if len(found) > limit:
        st.caption(f"and {text.number(len(found) - limit)} more")
