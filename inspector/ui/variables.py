"""The variables of the checkpoint: a table to search, and the values of one of them in figures."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.errors import InspectorError
from inspector.jobs.workspace import ModelKey
from inspector.ui import charts, copying, running, shown, state, text

LIMIT = 1000
"""Rows that go to the browser at once; the search is done here."""

SHOWN = "variable_shown"
PATIENCE_S = 120.0


def section(model: state.OpenModel) -> None:
    """The table and, of the selected variable, its values in figures."""
    found = model.facts["variable_list"]
    if not found:
        return
    st.subheader("Variables")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        name = table(found)
    with right:
        if name is None:
            st.caption("Select a row to read the variable's values: range, mean, histogram.")
        elif not model.contents["has_values"]:
            st.caption("The values of this model's variables cannot be read.")
        else:
            values(model, name)


def table(found: list[dict[str, Any]]) -> str | None:
    """The searchable table; gives the name of the row that was selected last."""
    words = st.text_input(
        "Search the variables",
        key="variable_search",
        live="200ms",
        icon=":material/search:",
        placeholder="name, dtype or shape, e.g. kernel float32",
        label_visibility="collapsed",
    )
    rows = [
        {
            "variable": row["name"],
            "dtype": row["dtype"],
            "shape": text.shape(row["shape"]),
            "bytes": row["bytes"],
        }
        for row in found
    ]
    hits = [row for row in rows if fits(row, words or "")]
    total = sum(row["bytes"] for row in hits)
    line = f"{text.number(len(hits))} of {text.count(len(rows), 'variable')}, {text.size(total)}"
    st.caption(line + (f", the first {LIMIT} shown" if len(hits) > LIMIT else ""))
    places = shown.selectable(hits[:LIMIT], key="variables", rows_shown=11)
    if places is not None:
        st.session_state[SHOWN] = hits[places]["variable"]
    name: str | None = st.session_state.get(SHOWN)
    return name if any(row["name"] == name for row in found) else None


def fits(row: dict[str, Any], words: str) -> bool:
    """Whether each of the words is in the row's name, dtype or shape."""
    line = f"{row['variable']} {row['dtype']} {row['shape']}".lower()
    return all(word in line for word in words.lower().split())


@st.cache_data(max_entries=256, show_spinner=False)
def _values(key: str, _source: ModelKey, _meant: dict[str, Any], name: str) -> dict[str, Any]:
    job = running.submit("variable", {**_meant, "name": name}, _source)
    return job.result(PATIENCE_S).value


def values(model: state.OpenModel, name: str) -> None:
    """Figures and histogram of one variable, read from the checkpoint now."""
    copying.box(name)
    try:
        with st.spinner("Reading its values"):
            found = _values(model.key, model.source, model.meant, name)
    except InspectorError as err:
        state.error(err)
        return
    except TimeoutError:
        state.error(f"{name}: values: not read within {PATIENCE_S:.0f} seconds")
        return
    shown.table(figures(found), key="variable_figures", right=("value",))
    if found["histogram"]["counts"]:
        st.altair_chart(charts.histogram(found["histogram"]), key="variable_histogram")
    shown.names("First values", [", ".join(found["first"])] if found["first"] else [])


def figures(found: dict[str, Any]) -> pd.DataFrame:
    """The figures that there are, one a row."""
    elements = found["elements"]
    rows = [("elements", text.number(elements))]
    names = {"min": "smallest", "max": "largest", "mean": "mean", "std": "standard deviation"}
    rows += [
        (told, text.plain(found[key])) for key, told in names.items() if found[key] is not None
    ]
    if found["lengths"] is not None:
        low, high = found["lengths"]
        rows.append(("bytes of a text", f"{text.number(low)} to {text.number(high)}"))
    elif elements:
        zeros = 100 * found["zeros"] / elements
        rows.append(("zeros", f"{text.number(found['zeros'])} ({zeros:.3g} %)"))
        rows.append(("NaN", text.number(found["nan"])))
        rows.append(("infinite", text.number(found["infinite"])))
    return pd.DataFrame(rows, columns=["figure", "value"])
