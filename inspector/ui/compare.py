"""Before and after, side by side: figures, op counts, nodes, bytes per step, agreement, files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui import charts, overview, shown, state, step_record, text
from inspector.view.union import NOTED

SHOWN = 1000
"""Names a list of nodes shows."""
FREEZING = "freezing"
"""What no transform did."""

DOWNLOADS = (
    ("saved_model.zip", "SavedModel", "what TensorFlow Serving loads, zipped", "application/zip"),
    ("optimised.pb", "GraphDef", "the optimised graph, binary", "application/octet-stream"),
    ("frozen.pb", "Frozen GraphDef", "before the transforms", "application/octet-stream"),
    ("record.json", "Record", "what each step changed and left alone", "application/json"),
)


def require_result() -> state.Optimised:
    """The last optimised graph; without one the page says where to make it, and ends here."""
    found = state.result()
    if found is None:
        st.info("Nothing to compare yet: optimise the model first.", icon=":material/compress:")
        st.page_link("pages/optimise.py", label="Optimise", icon=":material/arrow_forward:")
        st.stop()
    return found


def figures(result: state.Optimised) -> None:
    """The line of figures: each after, with what it was before."""
    before, after = result.value["before"], result.value["after"]
    row = st.container(horizontal=True)
    was, now = before["bytes"]["total"], after["bytes"]["total"]
    share = f"{text.signed(round(100 * now / was - 100))} % · was {text.size(was)}" if was else None
    row.metric(
        "Size",
        text.size(now, was),
        share,
        delta_color="green" if now < was else "gray",
        delta_arrow="off",
        border=True,
    )
    for label, count in _COUNTS.items():
        was, now = count(state.drawn(before)), count(state.drawn(after))
        delta = f"{text.signed(now - was)} · was {text.number(was)}" if now != was else "as before"
        row.metric(
            label, text.number(now), delta, delta_color="off", delta_arrow="off", border=True
        )


def stages(result: state.Optimised) -> None:
    """The table of figures: as opened, frozen, optimised."""
    named = {"as opened": "before", "frozen": "frozen", "optimised": "after"}
    first = result.value["before"]["bytes"]["total"]
    columns: dict[str, list[str]] = {"": ["Size", *_COUNTS]}
    for label, key in named.items():
        facts = result.value[key]
        counts = [text.number(count(state.drawn(facts))) for count in _COUNTS.values()]
        columns[label] = [text.size(facts["bytes"]["total"], first), *counts]
    shown.table(columns, right=tuple(named))


def op_counts(diff: dict[str, Any]) -> None:
    """Op counts before and after as a chart and a table."""
    chart, table = st.columns([5, 4])
    rows = diff["op_counts"]
    chart.altair_chart(charts.op_counts_compared(rows), key="op_counts_compared")
    frame = pd.DataFrame(rows, columns=["op", "before", "after"])
    frame["change"] = frame["after"] - frame["before"]
    shown.table(frame, key="op_counts_table", rows_shown=18, place=table)


def nodes(diff: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    """Nodes removed, added, changed, by name, and by which transform."""
    by = step_record.made_by(steps)
    found = diff["nodes"]
    changed = [item for item in found["changed"] if item["fields"] != NOTED]
    noted = len(found["changed"]) - len(changed)
    lists = {
        "Removed": [{"node": name, "by": by.get(name, FREEZING)} for name in found["removed"]],
        "Added": [{"node": name, "by": by.get(name, FREEZING)} for name in found["added"]],
        "Changed": [
            {
                "node": item["name"],
                "what": ", ".join(item["fields"]),
                "by": by.get(item["name"], FREEZING),
            }
            for item in changed
        ],
    }
    tabs = st.tabs([f"{title} ({text.number(len(rows))})" for title, rows in lists.items()])
    for tab, (title, rows) in zip(tabs, lists.items(), strict=True):
        if not rows:
            tab.caption("None.")
            continue
        shown.table(rows[:SHOWN], key=f"nodes_{title.lower()}", place=tab)
        if len(rows) > SHOWN:
            tab.caption(f"The first {text.number(SHOWN)} of {text.number(len(rows))}.")
    line = f"{text.count(found['unchanged'] + noted, 'node')} unchanged"
    st.caption(line + (f", of {text.number(noted)} only a noted shape is gone." if noted else "."))


def steps(result: state.Optimised) -> None:
    """Bytes after each step."""
    found = result.value["steps"]
    frozen = result.value["frozen"]
    rows = [
        {"label": "as opened", "bytes": result.value["before"]["bytes"]["total"], "nodes": None},
        {"label": "frozen", "bytes": frozen["bytes"]["total"], "nodes": frozen["nodes"]},
    ]
    for index, step in enumerate(found, 1):
        label = f"{index}. {step['name']}"
        kept = "before" if step["rolled_back"] else "after"
        rows.append({"label": label, "bytes": step["bytes"][kept], "nodes": step["nodes"][kept]})
    st.altair_chart(charts.bytes_per_step(rows), key="bytes_per_step")


def downloads(result: state.Optimised) -> None:
    """The files of the result."""
    row = st.container(horizontal=True)
    for file, label, what, mime in DOWNLOADS:
        path = result.folder / file
        if path.exists():
            row.download_button(
                f"{label} · {text.size(path.stat().st_size)}",
                data=path.read_bytes,
                file_name=_named(result, file),
                mime=mime,
                help=what,
                key=f"download_{file}",
                icon=":material/download:",
                type="primary" if file == DOWNLOADS[0][0] else "secondary",
                on_click="ignore",
            )


_COUNTS: dict[str, Callable[[dict[str, Any]], int]] = {
    "Operations": lambda facts: facts["nodes"],
    "Constants": lambda facts: facts["op_counts"].get("Const", 0),
    "Variables": overview.variables_held,
    "Identities": lambda facts: facts["op_counts"].get("Identity", 0),
    "Op types": lambda facts: len(facts["op_counts"]),
}


def _named(result: state.Optimised, file: str) -> str:
    model = state.model()
    stem = text.file_stem(model.name if model is not None else "model")
    return f"{stem}_{file}" if not file.startswith("saved_model") else f"{stem}_optimised.zip"
