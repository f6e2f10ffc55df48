"""The table of operations: search on the server, at most `LIMIT` rows to the browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from inspector.errors import InspectorError
from inspector.jobs.workspace import ModelKey
from inspector.ui import charts, lite, neighbours, running, shown, state, text
from inspector.view.text import printable

LIMIT = 500
COLUMNS = ["op", "name", "outputs", "inputs", "device", "function"]


def find(frame: pd.DataFrame, words: str, ops: list[str]) -> pd.DataFrame:
    """Rows whose name, op, inputs or outputs hold every word, and whose op is one of `ops`.

    A search between slashes, ``/^dense.*kernel$/``, is a regular expression over the name.

    Raises: ValueError for an expression that cannot be read.
    """
    if ops:
        frame = frame[frame["op"].isin(ops)]
    words = words.strip()
    if len(words) > 2 and words.startswith("/") and words.endswith("/"):
        try:
            return frame[frame["name"].str.contains(re.compile(words[1:-1]))]
        except re.error as err:
            raise ValueError(f"{words} is no regular expression: {err}") from err
    for word in words.lower().split():
        hit = pd.Series(False, index=frame.index)
        for column in ("name", "op", "outputs", "inputs"):
            hit |= frame[column].str.lower().str.contains(word, regex=False)
        frame = frame[hit]
    return frame


def table(model: state.OpenModel) -> str | None:
    """The searchable table; gives the name of the selected row's operation."""
    frame = model.operations
    search, types = st.columns([3, 2])
    words = search.text_input(
        "Search",
        key="op_search",
        live="200ms",
        icon=":material/search:",
        placeholder="name, op, tensor, or /regular expression/",
    )
    counts = frame["op"].value_counts() if len(frame) else pd.Series(dtype=int)
    picked = types.multiselect(
        "Op types",
        list(counts.index),
        key="op_types",
        format_func=lambda op: f"{op} ({counts[op]})",
    )
    try:
        found = find(frame, words or "", picked)
    except ValueError as err:
        state.error(err)
        return None
    rows = found.head(LIMIT)
    total = f"{text.number(len(found))} of {text.number(len(frame))} operations"
    st.caption(total + (f", the first {LIMIT} shown" if len(found) > LIMIT else ""))
    event: Any = st.dataframe(
        tabulated(rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="op_table",
        height=520,
        column_config={
            "name": st.column_config.TextColumn(width="large"),
            "outputs": st.column_config.TextColumn(
                width="medium", help="Dtype and shape of name:0, name:1 and so on"
            ),
        },
    )
    places = event.selection.rows
    return str(rows.iloc[places[0]]["name"]) if places and places[0] < len(rows) else None


def tabulated(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that say something; of an output its dtype and shape, for its name is known."""
    made = rows[[name for name in COLUMNS if name in rows and rows[name].astype(bool).any()]]
    if "outputs" not in made:
        return made
    brief = [
        re.sub(rf"{re.escape(name)}:\d+ ", "", outputs)
        for name, outputs in zip(made["name"], made["outputs"], strict=True)
    ]
    return made.assign(outputs=brief)


@st.cache_data(max_entries=512, show_spinner=False)
def _details(key: str, _source: ModelKey, _meant: dict[str, Any], name: str) -> dict[str, Any]:
    # `key` names the model in the cache; the rest is how the job finds it.
    job = running.submit("node", {**_meant, "name": name}, _source)
    return job.result(60).value


def details(model: state.OpenModel, name: str, go: Callable[[str], None] | None = None) -> None:
    """Attributes, tensors, neighbours and values of one operation, read from the file on demand.

    Args:
        go: What a click on a neighbour does; without it neighbours are names only.
    """
    try:
        found = _details(model.key, model.source, model.meant, name)
    except InspectorError as err:
        state.error(err)
        return
    shown.name(found["name"])
    st.caption(f"{text.escape(found['op'])} · {text.escape(found['device'] or 'any device')}")
    shown.names("Outputs", [_tensor(row) for row in found.get("outputs", [])])
    if go is None:
        shown.names("Inputs", [_tensor(row) for row in found.get("inputs", [])])
    else:
        neighbours.links("Inputs", found.get("inputs", []), go)
    if found.get("tensors"):
        st.caption("Tensors")
        lite.tensors(found["tensors"], key="node_tensors")
    for title, key in (("Waits for", "control_inputs"), ("Read by", "consumers")):
        if go is None:
            shown.names(title, found.get(key, []))
        else:
            neighbours.links(title, [{"name": other} for other in found.get(key, [])], go)
    value = dict(found.get("value") or {})
    histogram, image = value.pop("histogram", None), value.pop("image", None)
    shown.names("Value", _pairs(value))
    if histogram and histogram["counts"]:
        st.altair_chart(charts.histogram(histogram), key="value_histogram")
    if image:
        neighbours.picture(image)
    shown.names("Attributes", _pairs(found.get("attrs", {})))


def _tensor(row: dict[str, Any]) -> str:
    return f"{printable(row['name'])}\n  {row.get('dtype') or '?'} · {text.shape(row.get('shape'))}"


def _pairs(found: dict[str, Any]) -> list[str]:
    return [f"{key} = {text.plain(value)}" for key, value in found.items()]
