"""What the overview shows: figures, op counts, feeds, signatures, sizes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.flagged import WARN, advice
from inspector.ui import charts, shown, state, text

TALL = 11
"""Rows that a table beside a chart shows without scrolling."""

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable")


def figures(model: state.OpenModel) -> None:
    """The line of figures under the title."""
    facts = model.facts
    counted = model.drawn
    row = st.container(horizontal=True)
    row.metric("Size", text.size(facts["bytes"].get("total")), border=True)
    if "keras" in facts:
        row.metric("Layers", text.number(counted["nodes"]), border=True)
        row.metric("Layer types", text.number(len(counted["op_counts"])), border=True)
        for label, key in (("Trainable", "trainable"), ("Not trainable", "non_trainable")):
            value = facts["keras"][f"{key}_parameters"]
            row.metric(label, "?" if value is None else text.number(value), border=True)
        row.metric("Parameters", text.number(facts["parameters"]), border=True)
        return
    row.metric("Operations", text.number(counted["nodes"]), border=True)
    row.metric("Op types", text.number(len(counted["op_counts"])), border=True)
    row.metric("Constants", text.number(counted["constants"]), border=True)
    row.metric("Variables", text.number(variables_held(counted)), border=True)
    row.metric("Identities", text.number(counted["op_counts"].get("Identity", 0)), border=True)
    row.metric("Parameters", text.number(facts["parameters"]), border=True)


def origin(facts: dict[str, Any]) -> str:
    """What the file is and what wrote it."""
    if "keras" in facts:
        told = facts["keras"]
        kept = "with" if told["training_config"] else "without"
        kind = f", {told['model']}" if told["model"] else ", weights only"
        made = facts["producer"] or "a Keras of unknown version"
        return f"Keras{kind}, written by {made}; {kept} a training configuration"
    return f"{facts['format']}, written by TensorFlow {facts['producer'] or 'of unknown version'}"


def warnings(facts: dict[str, Any]) -> None:
    """Everything to know before trusting the model, first; the worst of it foremost."""
    flags = facts["flagged_ops"]
    for flag in flags:
        if flag.get("severity") != WARN:
            st.warning(text.escape(advice(flag), 500), icon=":material/gpp_maybe:")
    for sentence in facts["warnings"]:
        st.warning(text.escape(sentence, 600), icon=":material/warning:")
    for flag in flags:
        if flag.get("severity") == WARN:
            st.caption(f":material/info: {text.escape(advice(flag), 500)}")


def op_types(counts: dict[str, int], key: str) -> None:
    """Op-type counts as a chart and a table side by side."""
    if not counts:
        st.caption("None.")
        return
    chart, table = st.columns([3, 2])
    chart.altair_chart(charts.op_counts(counts), key=f"chart_{key}")
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    frame = pd.DataFrame(rows, columns=["op", "nodes"])
    shown.table(frame, key=f"table_{key}", rows_shown=TALL, place=table)


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
    shown.table(frame)


def suggested(facts: dict[str, Any]) -> None:
    """The likeliest outputs, and why."""
    rows = [{"node": item["name"], "why": item["why"]} for item in facts["suggested_outputs"]]
    if rows:
        shown.table(rows)
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
            shown.table(pd.DataFrame(rows))


def sizes(facts: dict[str, Any]) -> None:
    """Bytes of graph, variables and assets."""
    parts = {key: facts["bytes"].get(key, 0) for key in ("graph", "variables", "assets")}
    if "buffer_bytes" in facts:
        parts["buffers, in the graph"] = facts["buffer_bytes"]
    frame = pd.DataFrame(
        [{"part": part, "size": text.size(count), "bytes": count} for part, count in parts.items()]
    )
    shown.table(frame, right=("size",))


def variables_held(counted: dict[str, Any]) -> int:
    """Nodes that are a variable; not those that read or assign one."""
    return sum(counted["op_counts"].get(op, 0) for op in _VARIABLES)
