"""The table of operations: search on the server, at most `LIMIT` rows to the browser."""

from __future__ import annotations

import concurrent.futures
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from inspector.errors import InspectorError
from inspector.jobs.job import Job
from inspector.jobs.workspace import ModelKey
from inspector.ui import charts, lite, neighbours, running, shown, state, text
from inspector.view import node_facts
from inspector.view.text import printable

LIMIT = 500
PATIENCE, AGAIN = 0.25, 0.3
"""Seconds that a page waits for what is read from the file, and after which it looks again."""
_ASKED = "operation_asked"
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


@st.cache_resource(max_entries=512, show_spinner=False)
def _job(key: str, _source: ModelKey, _meant: dict[str, Any], name: str, known: bool) -> Job:
    # `key` names the model in the cache; the rest is how the job finds it.
    return running.submit("node", {**_meant, "name": name, "known": known}, _source)


def _asked(model: state.OpenModel, name: str, known: bool) -> Job:
    """The job that reads an operation; the one that this session asked for before may stop."""
    args = (model.key, model.source, model.meant, name, known)
    job = _job(*args)
    if job.done() and job.exception() is not None:  # stopped, or worth another try
        _job.clear(*args)
        job = _job(*args)
    before: Job = st.session_state.get(_ASKED, job)
    if before is not job and not before.done():
        before.cancel()
    st.session_state[_ASKED] = job
    return job


@st.fragment(run_every=AGAIN)
def _later(job: Job) -> None:
    if job.done():
        st.rerun()
    st.caption("Reading attributes and values from the file …")


def details(model: state.OpenModel, name: str, go: Callable[[str], None] | None = None) -> None:
    """Tensors and neighbours of one operation at once; attributes and values read from the file.

    A page that waited for these would be deaf to the next click: past `PATIENCE` it looks again.

    Args:
        go: What a click on a neighbour does; without it neighbours are names only.
    """
    found = node_facts.of(model.summary, name)
    if found is not None:
        _facts(found, go)
    try:
        job = _asked(model, name, found is not None)
    except InspectorError as err:
        state.error(err)
        return
    # What is still there of another operation goes before the wait, and nothing flickers without.
    place = st.container() if job.done() else st.empty()
    concurrent.futures.wait([job], PATIENCE)
    with place.container():
        if not job.done():
            _later(job)
            return
        try:
            content = job.result(0).value
        except InspectorError as err:
            state.error(err)
            return
        if found is None:
            _facts(content, go)
        _content(content)


def _facts(found: dict[str, Any], go: Callable[[str], None] | None) -> None:
    shown.name(found["name"])
    st.caption(f"{text.escape(found['op'])} · {text.escape(found['device'] or 'any device')}")
    shown.names("Outputs", [_tensor(row) for row in found.get("outputs", [])])
    if go is None:
        shown.names("Inputs", [_tensor(row) for row in found.get("inputs", [])])
    else:
        neighbours.links("Inputs", found.get("inputs", []), go)
    for title, key in (("Waits for", "control_inputs"), ("Read by", "consumers")):
        if go is None:
            shown.names(title, found.get(key, []))
        else:
            neighbours.links(title, [{"name": other} for other in found.get(key, [])], go)


def _content(found: dict[str, Any]) -> None:
    if found.get("tensors"):
        st.caption("Tensors")
        lite.tensors(found["tensors"], key="node_tensors")
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
