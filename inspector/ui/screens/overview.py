"""The Overview page: figures, warnings, op counts, feeds, signatures, sizes, the scan."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.graph.op_safety import BLOCK, advice
from inspector.graph.op_sets import VARIABLES
from inspector.ui.session import state
from inspector.ui.widgets import charts, tables, text

CHART_ROWS = 11
"""Rows without scrolling of a table beside a chart."""

_MAX_PLACES = 3
_MAX_REFUSED = 5
"""Most refused ops of the warning; the table below has all."""


def figures(model: state.OpenModel) -> None:
    """The row of figures under the title."""
    facts = model.facts
    drawn = model.drawn
    row = st.container(horizontal=True)
    row.metric("Size", text.size(facts["bytes"].get("total")), border=True)
    if "keras" in facts:
        row.metric("Layers", text.number(drawn["nodes"]), border=True)
        row.metric("Layer types", text.number(len(drawn["op_counts"])), border=True)
        for label, key in (("Trainable", "trainable"), ("Not trainable", "non_trainable")):
            value = facts["keras"][f"{key}_parameters"]
            row.metric(label, "?" if value is None else text.number(value), border=True)
        row.metric("Parameters", text.number(facts["parameters"]), border=True)
        return
    row.metric("Operations", text.number(drawn["nodes"]), border=True)
    row.metric("Op types", text.number(len(drawn["op_counts"])), border=True)
    row.metric("Constants", text.number(drawn["constants"]), border=True)
    row.metric("Variables", text.number(variable_count(drawn)), border=True)
    row.metric("Identities", text.number(drawn["op_counts"].get("Identity", 0)), border=True)
    row.metric("Parameters", text.number(facts["parameters"]), border=True)


def origin(facts: dict[str, Any]) -> str:
    """The file's format and the version that wrote it, as one line."""
    if "keras" in facts:
        keras = facts["keras"]
        with_or_without = "with" if keras["training_config"] else "without"
        kind = f", {keras['model']}" if keras["model"] else ", weights only"
        producer = facts["producer"] or "a Keras of unknown version"
        return f"Keras{kind}, written by {producer}; {with_or_without} a training configuration"
    stated = text.versions(facts["versions"])
    return (
        f"{facts['format']}, written by TensorFlow {facts['producer'] or 'of unknown version'}"
        + (f" ({stated})" if stated else "")
    )


def warnings(facts: dict[str, Any]) -> None:
    """Warnings and notes about the model, the most severe first."""
    findings = facts["scan"]["findings"]
    # Of these ops only the nodes that the outputs depend on count, as in `describe`.
    counts = {row["op"]: row["count"] for row in facts["flagged_ops"]}
    reached = [
        {**item, "count": min(item["count"], counts.get(item["what"], item["count"]))}
        for item in findings
        if item["reached_by"]
    ]
    refused = [_advice_row(item) for item in reached if item["severity"] == BLOCK]
    if refused:
        sentence = advice(*refused[:_MAX_REFUSED])
        if len(refused) > _MAX_REFUSED:
            sentence += f" {text.number(len(refused) - _MAX_REFUSED)} more are listed below."
        st.warning(text.escape(sentence, 300 * _MAX_REFUSED), icon=":material/gpp_maybe:")
    for sentence in facts["warnings"]:
        st.warning(text.escape(sentence, 600), icon=":material/warning:")
    for item in reached:
        if item["severity"] != BLOCK:
            st.caption(f":material/info: {text.escape(advice(_advice_row(item)), 500)}")
    listed = {item["what"] for item in findings}
    for row in facts["flagged_ops"]:
        if row["op"] not in listed:  # of the others the findings say where they are reached
            st.caption(f":material/info: {text.escape(advice(row), 600)}")
    unreached = dict.fromkeys(item["what"] for item in findings if not item["reached_by"])
    if unreached:
        names = ", ".join(unreached)
        sentence = f"In the file, but reached from no signature or output: {names}."
        st.caption(f":material/info: {text.escape(sentence, 500)}")


def _advice_row(item: dict[str, Any]) -> dict[str, Any]:
    attribute = f" ({item['attribute']})" if item["attribute"] else ""
    return {**item, "op": item["what"] + attribute}


def scan_findings(facts: dict[str, Any]) -> None:
    """Table of the ops and layers that act outside of the model, and what reaches them."""
    findings = facts["scan"]["findings"]
    if not findings:
        return
    st.header("Reaches beyond the model")
    tables.table(
        [
            {
                "op or layer": item["what"],
                "attribute": item["attribute"],
                "in the file": item["count"],
                "reached by": ", ".join(item["reached_by"]) or "nothing",
                "what it does": item["why"],
                "here": "refused" if item["severity"] == BLOCK else "runs",
                "where": _where(item),
            }
            for item in findings
        ]
    )
    followed = ", ".join(facts["scan"]["entries"]) or "nothing"
    st.caption(text.escape(f"Followed: {followed}.", 500))


def _where(item: dict[str, Any]) -> str:
    names = [
        f"{place['node']} in {place['function']}" if place["function"] else place["node"]
        for place in item["places"][:_MAX_PLACES]
    ]
    return ", ".join(names) + (" …" if item["count"] > len(names) else "")


def op_types(counts: dict[str, int], key: str) -> None:
    """Counts per op type as a chart and a table side by side."""
    if not counts:
        st.caption("None.")
        return
    chart, table = st.columns([3, 2])
    chart.altair_chart(charts.op_counts(counts), key=f"chart_{key}")
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    frame = pd.DataFrame(rows, columns=["op", "nodes"])
    tables.table(frame, key=f"table_{key}", rows_shown=CHART_ROWS, place=table)


def tensors(rows: list[dict[str, Any]]) -> None:
    """Name, dtype and shape of each tensor."""
    if not rows:
        st.caption("None.")
        return
    frame = pd.DataFrame(
        [
            {"name": row["name"], "dtype": row["dtype"], "shape": text.shape(row["shape"])}
            for row in rows
        ]
    )
    tables.table(frame)


def suggested(facts: dict[str, Any]) -> None:
    """The suggested outputs, each with its reason and the inputs that it depends on."""
    rows = [
        {"node": item["name"], "why": item["why"], "depends on": text.some(item["inputs"], 20)}
        for item in facts["suggested_outputs"]
    ]
    if rows:
        tables.table(rows)
    else:
        st.caption("None: pick nodes in the graph.")


def signatures(facts: dict[str, Any]) -> None:
    """Each signature with its feeds and fetches."""
    if not facts["signatures"]:
        st.caption("The model has no signature: outputs are picked by name.")
    plumbing = [key for key in facts["signatures"] if key.startswith("__")]
    for key in sorted(facts["signatures"], key=plumbing.__contains__):
        signature = facts["signatures"][key]
        with st.container(border=True):
            st.markdown(
                f"**{text.escape(key)}** · {text.escape(signature['method_name'] or 'no method')}"
            )
            rows = [
                {
                    "": direction,
                    "key": name,
                    "tensor": info.get("name") or "",
                    "dtype": info["dtype"] or "",
                    "shape": text.shape(info["shape"]) if info["dtype"] else "",
                }
                for direction, side in (("feed", "inputs"), ("fetch", "outputs"))
                for name, info in signature[side].items()
            ]
            tables.table(pd.DataFrame(rows))


def before_and_beside(facts: dict[str, Any]) -> None:
    """What runs before the first run; functions that only Python calls, where there are some."""
    if init_op := facts.get("init_op"):
        st.header("Before the first run")
        st.caption("These nodes run once; they give tables and variables their values.")
        tables.table({"node": init_op["nodes"]})
    if callables := facts.get("callables"):
        st.header("Functions without a signature")
        st.caption("The choice of the signature offers those that can be frozen and run.")
        tables.table(
            [
                {
                    "name": item["name"],
                    "inputs": ", ".join(info["name"] for info in item["inputs"]),
                    "outputs": ", ".join(info["name"] for info in item["outputs"]),
                    "not frozen because": item["problem"],
                }
                for item in callables
            ]
        )


def sizes(facts: dict[str, Any]) -> None:
    """Bytes of graph, variables and assets."""
    parts = {key: facts["bytes"].get(key, 0) for key in ("graph", "variables", "assets")}
    if "buffer_bytes" in facts:
        parts["buffers, in the graph"] = facts["buffer_bytes"]
    frame = pd.DataFrame(
        [{"part": part, "size": text.size(count), "bytes": count} for part, count in parts.items()]
    )
    tables.table(frame, right=("size",))


def variable_count(facts: dict[str, Any]) -> int:
    """The number of variable nodes, without the nodes that read or assign one."""
    return sum(facts["op_counts"].get(op, 0) for op in VARIABLES)
