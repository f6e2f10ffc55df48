"""Values of the model's inputs as a user types them: a table, pictures, JSON for other shapes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from inspector.errors import BadFeed
from inspector.graph.graph import node_name
from inspector.optimisation.feed_source import picture_blob
from inspector.optimisation.feeding import feed_images, feed_text
from inspector.optimisation.feeds import Slot, placeholder_slots, signature_slots
from inspector.ui.session import state
from inspector.ui.widgets import copy_button, tables, text, uploader

ROWS = state.OF_MODEL + "typed_rows"
"""Session key of the rows as last edited: Streamlit forgets a table when the page is left."""
MAX_PICTURE = 32 << 20
"""Most bytes of an uploaded picture."""
_EDITOR, _BASE = "typed_table", state.OF_MODEL + "typed_base"
_MOST_COLUMNS = 200
_OPTIONAL = "PlaceholderWithDefault"


@dataclass(frozen=True)
class Input:
    """An input to fill: its slot, named as people know it, and the name a job feeds it by."""

    feed: str
    slot: Slot
    optional: bool = False


@dataclass
class Typed:
    """What was typed so far: JSON text and pictures by input, and why it cannot be run yet."""

    values: dict[str, str]
    pictures: dict[str, Any]
    blobs: dict[str, bytes]
    problems: list[str]


def inputs_of(model: state.OpenModel) -> list[Input]:
    """The inputs that the run needs: of the signature, or those that the chosen outputs need."""
    signature = model.facts["signatures"].get(model.signature or "")
    chosen = [node_name(name) for name in state.outputs()]
    if signature is not None and signature["inputs"] and not chosen:
        infos = signature["inputs"]
        return [
            Input(node_name(infos[slot.key]["name"]), slot, _is_optional(model, infos[slot.key]))
            for slot in signature_slots(infos)
        ]
    rows = model.drawn["placeholders"]
    suggested = model.drawn.get("suggested_outputs") or model.facts["suggested_outputs"]
    needs = {item["name"]: item["inputs"] for item in suggested}
    needed = [name for item in chosen for name in needs.get(item, ())]
    is_suggested = bool(chosen) and all(item in needs for item in chosen)
    if is_suggested:
        rows = [row for row in rows if node_name(row["name"]) in map(node_name, needed)]
    return [
        Input(slot.key, slot, _is_optional(model, {"name": slot.key}))
        for slot in placeholder_slots(rows)
    ]


def _is_optional(model: state.OpenModel, info: dict[str, Any]) -> bool:
    table = model.summary
    at = table.index.get(node_name(info["name"]))
    return at is not None and table.ops[table.op[at]] == _OPTIONAL


def listing(inputs: Sequence[Input]) -> None:
    """Names, dtypes and shapes of the inputs, and templates of files to download."""
    rows = [
        {
            "input": text.shorten(item.slot.key, 200),
            "dtype": item.slot.dtype,
            "shape": text.shape(item.slot.shape),
        }
        for item in inputs
    ]
    tables.table(rows, key="input_list", rows_shown=6)
    slots = [item.slot for item in inputs]
    row = st.container(horizontal=True)
    try:
        csv = feed_text.csv_template(slots)
        npz = feed_text.npz_template(slots)
    except BadFeed as err:
        state.error(err)
        return
    row.download_button(
        "Template .npz", npz, "feeds.npz", on_click="ignore", icon=":material/download:"
    )
    row.download_button(
        "Template .csv",
        csv or "",
        "feeds.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        disabled=csv is None,
        help=None if csv is not None else "Inputs of this shape do not fit in columns",
    )


def editor(inputs: Sequence[Input]) -> Typed:
    """A table for inputs of short rows, uploads for pictures, JSON for all others."""
    typed = Typed({}, {}, {}, [])
    rows, others = _split(inputs)
    if rows:
        _table(rows, typed)
    for item in others:
        copy_button.box(item.slot.key)
        is_picture = feed_images.takes_pictures(item.slot.dtype, item.slot.shape)
        st.caption(f"{item.slot.dtype} · {text.shape(item.slot.shape)}")
        if is_picture and not st.toggle("Enter numbers instead", key=f"as_json_{item.feed}"):
            _picture(item, typed)
        else:
            _json(item, typed)
    return typed


def _split(inputs: Sequence[Input]) -> tuple[list[Input], list[Input]]:
    rows: list[Input] = []
    width = 0
    for item in inputs:
        names = feed_text.columns(item.slot)
        if names is not None and width + len(names) <= _MOST_COLUMNS and _column(item.slot):
            width += len(names)
            rows.append(item)
    return rows, [item for item in inputs if item not in rows]


def _table(inputs: Sequence[Input], typed: Typed) -> None:
    configuration, columns = {}, {}
    for item in inputs:
        for name in feed_text.columns(item.slot) or []:
            configuration[name] = _column(item.slot)
            columns[name] = pd.Series([None], dtype=_pandas_dtype(item.slot))
    empty = pd.DataFrame(columns)
    if _EDITOR not in st.session_state:
        stored = st.session_state.get(ROWS)
        is_same = stored is not None and list(stored.columns) == list(empty.columns)
        st.session_state[_BASE] = stored if is_same else empty
    edited = st.data_editor(
        st.session_state.get(_BASE, empty),
        key=_EDITOR,
        num_rows="dynamic" if all(map(_takes_rows, inputs)) else "fixed",
        column_config=configuration,
        hide_index=True,
        width="stretch",
    )
    st.session_state[ROWS] = edited
    problem = row_texts(edited, inputs, typed.values)
    if problem:
        typed.problems.append(problem)


def _column(slot: Slot) -> Any:
    """How a column is edited; None for a dtype that is no number, flag or text."""
    what = text.escape(str(slot))
    if slot.dtype == "string":
        return st.column_config.TextColumn(help=what)
    if slot.dtype == "bool":
        return st.column_config.CheckboxColumn(help=what)
    if slot.dtype.startswith(("int", "uint")):
        return st.column_config.NumberColumn(help=what, step=1, format="%d")
    if slot.dtype.startswith(("float", "double", "half", "bfloat")):
        return st.column_config.NumberColumn(help=what)
    return None


def _takes_rows(item: Input) -> bool:
    """Whether an input takes any number of rows; with a first dimension of 1 it takes one."""
    return item.slot.shape is not None and item.slot.shape[:1] == [None]


def _pandas_dtype(slot: Slot) -> str:
    if slot.dtype in ("string", "bool"):
        return "object" if slot.dtype == "string" else "boolean"
    return "Float64"


def row_texts(frame: pd.DataFrame, inputs: Sequence[Input], values: dict[str, str]) -> str:
    """Fill `values` with JSON by input from the rows of a table; rows without a value are left out.

    Returns: Why that cannot be fed; empty if it can.
    """
    frame = frame.replace("", None).dropna(how="all")
    if frame.empty:
        return f"Fill in at least one row: {text.some([item.slot.key for item in inputs], 4)}."
    for item in inputs:
        names = feed_text.columns(item.slot) or []
        cells = frame[names]
        if item.optional and cells.isna().all(axis=None):
            continue
        for number, (_, row) in enumerate(cells.iterrows(), 1):
            for name in row.index[row.isna()]:
                return f"Row {number}: {name} is empty."
        listed = [[_json_value(cell, item.slot) for cell in row] for row in cells.values.tolist()]
        is_flat = len(item.slot.shape or ()) == 1
        literal = json.dumps([row[0] for row in listed] if is_flat else listed)
        try:
            feed_text.from_text(literal, item.slot)
        except BadFeed as err:
            return f"{item.slot.key}: {err.why}."
        values[item.feed] = literal
    return ""


def _json_value(cell: Any, slot: Slot) -> Any:
    is_whole = slot.dtype.startswith(("int", "uint")) and isinstance(cell, float)
    return int(cell) if is_whole and math.isfinite(cell) and cell == int(cell) else cell


def _json(item: Input, typed: Typed) -> None:
    literal = st.text_area(
        f"Values of {item.slot.key}",
        key=f"typed_{item.feed}",
        placeholder=example(item.slot.dtype, item.slot.shape),
        height=80,
        label_visibility="collapsed",
    )
    if not literal.strip():
        if not item.optional:
            typed.problems.append(f"{item.slot.key} is empty.")
        return
    try:
        feed_text.from_text(literal, item.slot)
    except BadFeed as err:
        state.error(f"{item.slot.key}: {err.why}")
        typed.problems.append(f"{item.slot.key}: {err.why}.")
    else:
        typed.values[item.feed] = literal


def _picture(item: Input, typed: Typed) -> None:
    channels = item.slot.shape[3] if item.slot.shape else None
    file = uploader.uploader(f"picture_{item.feed}", folder=False, limit=MAX_PICTURE)
    fit_column, scale_column = st.columns(2)
    fit = fit_column.selectbox(
        "Size", list(feed_images.FITS), format_func=feed_images.FITS.__getitem__, key="picture_fit"
    )
    scales = feed_images.scales_for(item.slot.dtype, channels)
    scale = scale_column.selectbox(
        "Pixel values",
        scales,
        format_func=feed_images.SCALES.__getitem__,
        key=f"picture_scale_{item.slot.dtype}",
        disabled=len(scales) == 1,
        help="The model does not record the range it was trained with."
        if len(scales) > 1
        else "Pixels are fed as integers; for int8, 128 is subtracted.",
    )
    if file is None:
        typed.problems.append(f"{item.slot.key}: upload a PNG or JPEG.")
        return
    if not file.name.lower().endswith(feed_images.SUFFIXES):
        typed.problems.append(f"{item.slot.key}: {file.name} is no .png, .jpg or .jpeg.")
        state.error(typed.problems[-1])
        return
    try:
        data = file.path.read_bytes()
    except OSError:
        typed.problems.append(f"{file.name} is no longer on the server. Upload it again.")
        return
    typed.blobs[picture_blob(len(typed.pictures), 0)] = data
    typed.pictures[item.feed] = {"names": [file.name], "fit": fit, "scale": scale}


def example(dtype: str, shape: Sequence[int | None] | None) -> str:
    """An example to type for a placeholder, e.g. ``[[0.5, 0.5], [0.5, 0.5]]`` for ``[None, 2]``."""
    element = {"string": '"some text"', "bool": "true"}.get(dtype, "1")
    if dtype.startswith(("float", "double", "bfloat", "half")):
        element = "0.5"
    dims = list(shape) if shape is not None else []
    literal = element
    for place, dim in reversed(list(enumerate(dims))):
        times = dim if dim is not None else (2 if place == 0 else 1)
        literal = f"[{', '.join([literal] * min(times, 3))}{', …' if times > 3 else ''}]"
    return literal
