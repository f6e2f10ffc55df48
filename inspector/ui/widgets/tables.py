"""Tables and lists of the pages. Names from a model are data, never Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.api.types import is_integer_dtype
from streamlit.delta_generator import DeltaGenerator

from inspector.ui.session import state
from inspector.ui.widgets import copy_button, text

Rows = pd.DataFrame | list[dict[str, Any]] | dict[str, list[str]]

_ROW_PX, _BORDER_PX = 35, 3
"""Heights of a table's row and of its borders."""
_DIGIT_PX, _LETTER_PX, _PADDING_PX = 7, 6.2, 17
"""Widths of a digit, a letter of a title and the padding, so that figures are never cut."""


def table(
    rows: Rows,
    *,
    key: str | None = None,
    rows_shown: int = 10,
    right: Sequence[str] = (),
    place: DeltaGenerator | None = None,
    columns: Mapping[str, Any] | None = None,
) -> None:
    """A table as high as its rows, at most `rows_shown`; integers with thousands separators.

    Args:
        right: Columns of formatted figures, which are aligned to the right.
        columns: Column configurations that replace the default ones.
    """
    frame = _frame(rows)
    configuration = _integer_columns(frame)
    for name in right:
        figures = max((len(str(value)) for value in frame[name]), default=0)
        width = max(_DIGIT_PX * figures, _LETTER_PX * len(name)) + _PADDING_PX
        configuration[name] = st.column_config.TextColumn(alignment="right", width=round(width))
    (place or st).dataframe(
        frame,
        hide_index=True,
        key=key,
        height=_height(min(len(frame), rows_shown)),
        column_config=_titled(frame, {**configuration, **(columns or {})}),
    )


def selectable(
    rows: Rows,
    *,
    key: str,
    rows_shown: int = 10,
    height: int | None = None,
    columns: Mapping[str, Any] | None = None,
    on_select: Callable[[int], None] | None = None,
) -> int | None:
    """A table with one selectable row: by its box, or by a click on any cell of it.

    Args:
        height: Pixels; by default those of its rows, at most `rows_shown`.
        on_select: Called before the page reruns, with the index of a row that was just selected.
    Returns: The index of the selected row, or None.
    """
    frame = _frame(rows)

    def selected_now() -> None:
        row = _selected(key, st.session_state[key], len(frame))
        if row is not None and on_select is not None:
            on_select(row)

    event: Any = st.dataframe(
        frame,
        hide_index=True,
        key=key,
        on_select="rerun" if on_select is None else selected_now,
        selection_mode=["single-row", "single-cell"],
        height=_height(min(max(len(frame), 1), rows_shown)) if height is None else height,
        column_config=_titled(frame, {**_integer_columns(frame), **(columns or {})}),
    )
    return _selected(key, event, len(frame))


def _selected(key: str, event: Any, count: int) -> int | None:
    """The row whose box is ticked or a cell of which is selected; of two the one chosen last."""
    now = {
        "box": next(iter(event.selection.rows), None),
        "cell": next((row for row, _column in event.selection.cells), None),
    }
    before = st.session_state.setdefault(f"{state.OF_MODEL}{key}_rows", {"last": "box"})
    changed = [way for way, row in now.items() if row is not None and row != before.get(way)]
    before |= {**now, "last": changed[-1] if changed else before["last"]}
    row = now[before["last"]]
    row = row if row is not None else now["box"] if now["cell"] is None else now["cell"]
    return int(row) if row is not None and row < count else None


def _frame(rows: Rows) -> pd.DataFrame:
    return rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)


def _height(rows: int) -> int:
    return _ROW_PX * (rows + 1) + _BORDER_PX


def _titled(frame: pd.DataFrame, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with titles in sentence case: ``Zero point``; symbols such as p90 stay."""
    titled = dict(configuration)
    for name in map(str, frame.columns):
        column = titled.get(name, st.column_config.Column())
        if name[:2].isalpha() and isinstance(column, dict) and column.get("label") is None:
            titled[name] = {**column, "label": name[0].upper() + name[1:]}
    return titled


def _integer_columns(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        name: st.column_config.NumberColumn(format="localized")
        for name in frame.columns
        if is_integer_dtype(frame[name])
    }


def name(name: str) -> None:
    """A name with a copy button; a caption lists its invisible characters."""
    copy_button.box(name)
    if hidden := text.unseen(name):
        st.caption(f"Contains invisible characters: {hidden}.")


def names(title: str, lines: Sequence[str], limit: int = 30) -> None:
    """Names, one per line, at most `limit` of them."""
    if not lines:
        return
    st.caption(title)
    copy_button.box("\n".join(lines[:limit]))
    if len(lines) > limit:
        st.caption(f"and {text.number(len(lines) - limit)} more")
