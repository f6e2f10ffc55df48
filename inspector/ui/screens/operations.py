"""The Operations page: a table searched on the server, and the details of one operation."""

from __future__ import annotations

import concurrent.futures
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.errors import InspectorError
from inspector.jobs.job import Job
from inspector.jobs.store.workspace import ModelKey
from inspector.text import printable
from inspector.ui.screens import tflite
from inspector.ui.screens.operation_list import figures
from inspector.ui.session import job_status, state, view_state
from inspector.ui.widgets import charts, neighbours, tables, text
from inspector.ui.widgets.search_field import search_field
from inspector.view.state import actions
from inspector.view.table import node_details

PAGE = 500
"""Rows of a page of the table: what is sent to the browser at once."""
_NARROW_PX, _WIDE_PX = 270, 520
"""Widths of the names beside the details, and without them."""
PAGE_KEY, SORT_KEY = "op_page", "op_sort"
PATIENCE_S, POLL_S = 0.25, 0.3
"""Seconds a page waits for a job that reads the file; seconds between two looks at it after."""
_DETAILS_JOB = "operation_job"
SELECTED = state.OF_MODEL + "selected_operation"
"""The operation whose details are shown; an address may name it where no row is selected."""
_HAD_ROW = state.OF_MODEL + "operation_row"
_HINT = "Select a row to see attributes, value and consumers."
COLUMNS = ["op", "name", "outputs", "inputs", "device", "function"]


def table(model: state.OpenModel) -> str | None:
    """The searchable table. Returns: The name of the selected operation."""
    try:
        operations = model.operations
    except InspectorError as err:
        state.error(err)
        return None
    search, types, order = st.columns([5, 3, 3])
    words = search_field(
        "Search",
        key="op_search",
        placeholder="name, op, tensor, or /regular expression/",
        place=search,
        shows_label=True,
    )
    counts = operations.op_counts()
    picked = types.multiselect(
        "Op types",
        list(counts),
        key="op_types",
        format_func=lambda op: f"{op} ({counts[op]})",
    )
    values = figures.of(model)
    sort = _order(list(values), order)
    try:
        matches = np.array(operations.find(words, picked), np.int64)
    except ValueError as err:
        state.error(err)
        return None
    if sort != figures.IN_ORDER:
        matches = matches[np.argsort(-values[sort][matches], kind="stable")]
    page = _page(len(matches), len(operations))
    places = matches[(page - 1) * PAGE : page * PAGE]
    rows = pd.DataFrame(operations.rows(places.tolist()))
    selected = _draw(rows, figures.as_text(values, places), f"{sort}_{page}")
    if selected is not None:
        st.session_state[SELECTED] = str(rows.iloc[selected]["name"])
    elif st.session_state.get(_HAD_ROW):
        st.session_state.pop(SELECTED, None)
    st.session_state[_HAD_ROW] = selected is not None
    name: str | None = st.session_state.get(SELECTED)
    return name


def _order(of: list[str], place: DeltaGenerator) -> str:
    """The figure to sort by, one of those that operations of the model have."""
    orders = [figures.IN_ORDER, *of]
    if st.session_state.get(SORT_KEY) not in orders:
        st.session_state.pop(SORT_KEY, None)
    chosen: str = place.selectbox(
        "Sort by", orders, key=SORT_KEY, format_func=figures.ORDERS.__getitem__
    )
    return chosen


def _page(count: int, of: int) -> int:
    """The page to show; the widget that turns them is there where there are several."""
    pages = max(1, -(-count // PAGE))
    page = min(int(st.session_state.get(PAGE_KEY) or 1), pages)
    total = f"{text.number(count)} of {text.number(of)} operations"
    if pages == 1:
        st.session_state.pop(PAGE_KEY, None)
        st.caption(f"{total}. {_HINT}")
        return 1
    first, last = (page - 1) * PAGE + 1, min(page * PAGE, count)
    st.caption(f"{total}, {text.number(first)} to {text.number(last)} shown. {_HINT}")
    st.session_state[PAGE_KEY] = page
    return st.pagination(pages, key=PAGE_KEY)


def _draw(rows: pd.DataFrame, numbers: pd.DataFrame, what: str) -> int | None:
    """One page of the table. Returns: The place in `rows` of the selected one.

    Args:
        what: Which page in which order: each has a selection of its own.
    """
    texts = tabulated(rows)
    frame = pd.concat([texts[texts.columns[:2]], numbers, texts[texts.columns[2:]]], axis=1)
    columns = {
        "name": st.column_config.TextColumn(
            width=_NARROW_PX if st.session_state.get(SELECTED) else _WIDE_PX
        ),
        "outputs": st.column_config.TextColumn(
            width="medium", help="Dtype and shape of name:0, name:1 and so on"
        ),
        **{title: st.column_config.TextColumn(alignment="right") for title in map(str, numbers)},
    }
    key = "op_table" if what == f"{figures.IN_ORDER}_1" else f"op_table_{what}"
    return tables.selectable(frame, key=key, rows_shown=14, columns=columns)


def actions_of(model: state.OpenModel, name: str) -> None:
    """Buttons for the selected operation: use it as an output, show it in the graph."""
    row = st.container(horizontal=True, gap="small")
    if name in state.outputs():
        row.button("Selected as output", key="is_output", disabled=True, icon=":material/check:")
    elif row.button("Use as output", key="use_output", type="primary", icon=":material/output:"):
        state.add_output(name)
        st.rerun()
    is_drawn = name in model.summary.index
    if row.button(
        "Show in graph",
        key="show_in_graph",
        icon=":material/account_tree:",
        disabled=not is_drawn,
        help=None if is_drawn else "The graph shows the serving function, without this operation.",
    ):
        now = view_state.state(model)
        view_state.remember(model, actions.show(model.hierarchy, now, [name]))
        st.switch_page("pages/graph.py")


def tabulated(rows: pd.DataFrame) -> pd.DataFrame:
    """The table without empty columns, and outputs without their names, which repeat the node's."""
    table = rows[[name for name in COLUMNS if name in rows and rows[name].astype(bool).any()]]
    if "outputs" not in table:
        return table
    brief = [
        re.sub(rf"{re.escape(name)}:\d+ ", "", outputs)
        for name, outputs in zip(table["name"], table["outputs"], strict=True)
    ]
    return table.assign(outputs=brief)


@st.cache_resource(
    max_entries=64, show_spinner=False, scope="session", on_release=lambda job: job.cancel()
)
def _cached_job(
    key: str, _source: ModelKey, _choice: dict[str, Any], name: str, in_table: bool
) -> Job:
    # The cache hashes `key` in place of the source and the choice of the graph.
    return job_status.submit("node", {**_choice, "name": name, "known": in_table}, _source)


def _details_job(model: state.OpenModel, name: str, in_table: bool) -> Job:
    """The job that reads an operation; cancels the job of the operation selected before."""
    args = (model.key, model.source, model.graph_choice, name, in_table)
    job = _cached_job(*args)
    if job.done() and job.exception() is not None:  # cancelled, or failed and worth another try
        _cached_job.clear(*args)
        job = _cached_job(*args)
    before: Job = st.session_state.get(_DETAILS_JOB, job)
    if before is not job and not before.done():
        before.cancel()
    st.session_state[_DETAILS_JOB] = job
    return job


@st.fragment(run_every=POLL_S)
def _poll(job: Job) -> None:
    if job.done():
        st.rerun()
    st.caption("Reading attributes and values from the file …")


def details(model: state.OpenModel, name: str, go: Callable[[str], None] | None = None) -> None:
    """Tensors and neighbours of an operation from the node table; attributes and values from a job.

    The page waits for the job `PATIENCE_S` only, so that it stays responsive, and then polls.

    Args:
        go: Called with the name of a neighbour that was clicked; without it they are plain names.
    """
    entry = node_details.of(model.summary, name)
    if entry is not None:
        _tensors(entry, go)
    try:
        job = _details_job(model, name, entry is not None)
    except InspectorError as err:
        state.error(err)
        return
    # While the job runs, an empty element clears what is there of another operation; a container,
    # which does not clear, avoids the flicker where the job is done.
    area = st.container() if job.done() else st.empty()
    concurrent.futures.wait([job], PATIENCE_S)
    with area.container():
        if not job.done():
            _poll(job)
            return
        try:
            content = job.result(0).value
        except InspectorError as err:
            state.error(err)
            return
        if entry is None:
            _tensors(content, go)
        _attributes(content)


def _tensors(facts: dict[str, Any], go: Callable[[str], None] | None) -> None:
    tables.name(facts["name"])
    device = f" · {text.escape(facts['device'])}" if facts["device"] else ""
    st.caption(f"{text.escape(facts['op'])}{device}")
    tables.names("Outputs", [_tensor_line(row) for row in facts.get("outputs", [])])
    if go is None:
        tables.names("Inputs", [_tensor_line(row) for row in facts.get("inputs", [])])
    else:
        neighbours.links("Inputs", facts.get("inputs", []), go)
    for title, key in (("Control inputs", "control_inputs"), ("Consumers", "consumers")):
        if go is None:
            tables.names(title, facts.get(key, []))
        else:
            neighbours.links(title, [{"name": neighbour} for neighbour in facts.get(key, [])], go)


def _attributes(content: dict[str, Any]) -> None:
    if content.get("tensors"):
        st.caption("Tensors")
        tflite.tensors(content["tensors"], key="node_tensors")
    value = dict(content.get("value") or {})
    histogram, image = value.pop("histogram", None), value.pop("image", None)
    tables.names("Value", _pairs(value))
    if histogram and histogram["counts"]:
        charts.show(charts.histogram(histogram), key="value_histogram")
    if image:
        neighbours.picture(image)
    tables.names("Attributes", _pairs(content.get("attrs", {})))


def _tensor_line(row: dict[str, Any]) -> str:
    return f"{printable(row['name'])}\n  {row.get('dtype') or '?'} · {text.shape(row.get('shape'))}"


def _pairs(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {text.rounded(value)}" for key, value in values.items()]
