"""The variables on the Overview: a searchable table, and statistics of the selected one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.errors import InspectorError
from inspector.jobs.store.workspace import ModelKey
from inspector.ui.session import job_status, state
from inspector.ui.widgets import charts, copy_button, tables, text
from inspector.ui.widgets.search_field import search_field

LIMIT = 1000
"""Most rows that are sent to the browser; the search runs on the server."""

SELECTED = state.OF_MODEL + "selected_variable"
PATIENCE_S = 120.0
"""Seconds until a job that reads a variable is cancelled."""


def section(model: state.OpenModel) -> None:
    """The table, and statistics of the selected variable."""
    rows = model.facts["variable_list"]
    if not rows:
        return
    st.header("Variables")
    table_column, details_column = st.columns([3, 2], gap="medium")
    with table_column:
        name = table(rows)
    with details_column:
        if name is None:
            st.caption("Select a row to read the variable's values: range, mean, histogram.")
        elif not model.contents["has_values"]:
            st.caption("The values of this model's variables cannot be read.")
        else:
            values(model, name)


def table(variables: list[dict[str, Any]]) -> str | None:
    """The searchable table. Returns: The name of the variable that was selected last."""
    words = search_field(
        "Search the variables",
        key="variable_search",
        placeholder="name, dtype or shape, e.g. kernel float32",
    )
    rows = [
        {
            "variable": row["name"],
            "dtype": row["dtype"],
            "shape": text.shape(row["shape"]),
            "bytes": row["bytes"],
        }
        for row in variables
    ]
    hits = [row for row in rows if fits(row, words)]
    total = sum(row["bytes"] for row in hits)
    line = f"{text.number(len(hits))} of {text.count(len(rows), 'variable')}, {text.size(total)}"
    st.caption(line + (f", the first {LIMIT} shown" if len(hits) > LIMIT else ""))
    places = tables.selectable(hits[:LIMIT], key="variables", rows_shown=11)
    if places is not None:
        st.session_state[SELECTED] = hits[places]["variable"]
    name: str | None = st.session_state.get(SELECTED)
    return name if any(row["name"] == name for row in variables) else None


def fits(row: dict[str, Any], words: str) -> bool:
    """Whether each of the words is in the row's name, dtype or shape."""
    line = f"{row['variable']} {row['dtype']} {row['shape']}".lower()
    return all(word in line for word in words.lower().split())


@st.cache_data(max_entries=256, show_spinner=False)
def _values(key: str, _source: ModelKey, _choice: dict[str, Any], name: str) -> dict[str, Any]:
    job = job_status.submit("variable", {**_choice, "name": name}, _source)
    try:
        return job.result(PATIENCE_S).value
    except TimeoutError:
        job.cancel()
        raise


def values(model: state.OpenModel, name: str) -> None:
    """Statistics and histogram of one variable, which a job reads from the checkpoint."""
    copy_button.box(name)
    try:
        with st.spinner("Reading the values"):
            statistics = _values(model.key, model.source, model.graph_choice, name)
    except InspectorError as err:
        state.error(err)
        return
    except TimeoutError:
        state.error(f"{name}: values: not read within {PATIENCE_S:.0f} seconds")
        return
    tables.table(figures(statistics), key="variable_figures", right=("value",))
    if statistics["histogram"]["counts"]:
        charts.show(charts.histogram(statistics["histogram"]), key="variable_histogram")
    tables.names("First values", [", ".join(statistics["first"])] if statistics["first"] else [])


def figures(statistics: dict[str, Any]) -> pd.DataFrame:
    """The available statistics, one per row."""
    elements = statistics["elements"]
    rows = [("elements", text.number(elements))]
    names = {"min": "smallest", "max": "largest", "mean": "mean", "std": "standard deviation"}
    rows += [
        (label, text.rounded(statistics[key]))
        for key, label in names.items()
        if statistics[key] is not None
    ]
    if statistics["lengths"] is not None:
        low, high = statistics["lengths"]
        rows.append(("bytes per string", f"{text.number(low)} to {text.number(high)}"))
    elif elements:
        zeros = 100 * statistics["zeros"] / elements
        rows.append(("zeros", f"{text.number(statistics['zeros'])} ({zeros:.3g} %)"))
        rows.append(("NaN", text.number(statistics["nan"])))
        rows.append(("infinite", text.number(statistics["infinite"])))
    return pd.DataFrame(rows, columns=["figure", "value"])
