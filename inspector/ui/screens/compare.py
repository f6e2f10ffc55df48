"""The Compare page: figures, op counts, nodes and bytes per step before and after; downloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from inspector.jobs.result_files import TFLITE
from inspector.ui.screens import optimise, overview
from inspector.ui.session import job_status, results, state
from inspector.ui.session.page_end import end_page
from inspector.ui.widgets import charts, step_record, tables, text
from inspector.view.state.union import NOTED

MAX_ROWS = 1000
"""Most rows of a list of nodes."""
FREEZING = "freezing"
"""Named as the author of changes that no transform made."""

DOWNLOADS = (
    ("model.tflite", "TFLite", "what LiteRT runs", "application/octet-stream"),
    ("float.tflite", "TFLite, float32", "before quantisation", "application/octet-stream"),
    (
        "saved_model.zip",
        "SavedModel (zip)",
        "what TensorFlow Serving loads, zipped",
        "application/zip",
    ),
    ("optimised.pb", "GraphDef", "the optimised graph, binary", "application/octet-stream"),
    ("frozen.pb", "Frozen GraphDef", "before the transforms", "application/octet-stream"),
    (
        "record.json",
        "Optimisation log (JSON)",
        "what each step changed and skipped",
        "application/json",
    ),
)


def require_result() -> state.Optimised:
    """The last optimised graph; without one the page links to Optimise and ends."""
    results.receive()
    result = state.result()
    if result is None:
        optimise.lost_result()
        job_status.show(results.SLOT)
        st.info("Nothing to compare yet. Optimise the model first.", icon=":material/compress:")
        st.page_link("pages/optimise.py", label="Optimise", icon=":material/arrow_forward:")
        end_page()
    return result


def stages(result: state.Optimised) -> None:
    """The same figures as a table: as opened, frozen, optimised."""
    columns_of = {"as opened": "before", "frozen": "frozen", "optimised": "after"}
    if _is_given(result):
        del columns_of["frozen"]
    first = result.value["before"]["bytes"]["total"]
    columns: dict[str, list[str]] = {"": ["Size", *_COUNTS]}
    for label, key in columns_of.items():
        facts = result.value[key]
        counts = [text.number(count(state.drawn(facts))) for count in _COUNTS.values()]
        columns[label] = [text.size(facts["bytes"]["total"], first), *counts]
    tables.table(columns, right=tuple(columns_of))


def op_counts(diff: dict[str, Any]) -> None:
    """Op counts before and after as a chart and a table."""
    chart, table = st.columns([5, 4])
    rows = diff["op_counts"]
    charts.show(charts.op_counts_compared(rows), key="op_counts_compared", place=chart)
    frame = pd.DataFrame(rows, columns=["op", "before", "after"])
    frame["change"] = frame["after"] - frame["before"]
    tables.table(frame, key="op_counts_table", rows_shown=18, place=table)


def nodes(diff: dict[str, Any], step_sizes: list[dict[str, Any]]) -> None:
    """Tables of the removed, added, changed and renamed nodes, with the transform that did it."""
    authors = step_record.authors(step_sizes)
    node_diff = diff["nodes"]
    changed = [item for item in node_diff["changed"] if item["fields"] != NOTED]
    noted = len(node_diff["changed"]) - len(changed)
    tabs_rows = {
        "Removed": [
            {"node": name, "by": authors.get(name, FREEZING)} for name in node_diff["removed"]
        ],
        "Added": [{"node": name, "by": authors.get(name, FREEZING)} for name in node_diff["added"]],
        "Changed": [
            {
                "node": item["name"],
                "what": ", ".join(item["fields"]),
                "by": authors.get(item.get("after", item["name"]), FREEZING),
            }
            for item in changed
        ],
        "Renamed": [{"before": row["before"], "after": row["after"]} for row in diff["renamed"]],
    }
    tabs = st.tabs([f"{title} ({text.number(len(rows))})" for title, rows in tabs_rows.items()])
    for tab, (title, rows) in zip(tabs, tabs_rows.items(), strict=True):
        if not rows:
            tab.caption("None.")
            continue
        tables.table(rows[:MAX_ROWS], key=f"nodes_{title.lower()}", place=tab)
        if len(rows) > MAX_ROWS:
            tab.caption(f"The first {text.number(MAX_ROWS)} of {text.number(len(rows))}.")
    line = f"{text.count(node_diff['unchanged'] + noted, 'node')} unchanged"
    line += f" ({text.number(noted)} lost only shape annotations)" if noted else ""
    pairs = diff["pairs"]
    paired = f"{text.number(pairs['name'])} by name, {text.number(pairs['structure'])} by structure"
    st.caption(f"{line}. Nodes matched between the graphs: {paired}.")


def step_sizes(result: state.Optimised) -> None:
    """Chart of the bytes after each step."""
    records = result.value["steps"]
    frozen = result.value["frozen"]
    rows = [
        {"label": "as opened", "bytes": result.value["before"]["bytes"]["total"], "nodes": None},
    ]
    if not _is_given(result):
        rows.append(
            {"label": "frozen", "bytes": frozen["bytes"]["total"], "nodes": frozen["nodes"]}
        )
    for index, step in enumerate(records, 1):
        label = f"{index}. {step['name']}"
        side = "before" if step["rolled_back"] else "after"
        rows.append({"label": label, "bytes": step["bytes"][side], "nodes": step["nodes"][side]})
    if (lite := result.lite) is not None:
        nodes_after = result.value["after"]["nodes"]
        if not _is_given(result):
            rows.append({"label": "TFLite", "bytes": lite["float_bytes"], "nodes": nodes_after})
        if lite["recipe"]:
            rows.append({"label": lite["recipe"], "bytes": lite["bytes"], "nodes": nodes_after})
    charts.show(charts.bytes_per_step(rows), key="bytes_per_step")


def downloads(result: state.Optimised) -> None:
    """A download button per file of the result."""
    if not result.folder.is_dir():
        state.error("The files of this result are no longer on the server. Optimise again.")
        return
    row = st.container(horizontal=True)
    primary = TFLITE if result.lite is not None else "saved_model.zip"
    for file, label, contents, mime in DOWNLOADS:
        path = result.folder / file
        if path.exists():
            row.download_button(
                f"{label} · {text.size(path.stat().st_size)}",
                data=path.read_bytes,
                file_name=_download_name(result, file),
                mime=mime,
                help=contents,
                key=f"download_{file}",
                icon=":material/download:",
                type="primary" if file == primary else "secondary",
                on_click="ignore",
            )


_COUNTS: dict[str, Callable[[dict[str, Any]], int]] = {
    "Operations": lambda facts: facts["nodes"],
    "Constants": lambda facts: facts["op_counts"].get("Const", 0),
    "Variables": overview.variable_count,
    "Identities": lambda facts: facts["op_counts"].get("Identity", 0),
    "Op types": lambda facts: len(facts["op_counts"]),
}


def _is_given(result: state.Optimised) -> bool:
    """Whether the model was a TFLite model as it was opened, which nothing freezes."""
    return result.lite is not None and "frozen" not in result.graphs


def _download_name(result: state.Optimised, file: str) -> str:
    model = state.model()
    stem = text.file_stem(model.name if model is not None else "model")
    if file == TFLITE:
        return f"{stem}.tflite"
    return f"{stem}_{file}" if not file.startswith("saved_model") else f"{stem}_optimised.zip"
