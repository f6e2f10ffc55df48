"""The Overview page: what the model is, what to know of it, signatures, op types, the scan."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.graph.op_safety import BLOCK, advice
from inspector.graph.op_sets import VARIABLES
from inspector.ui.session import state
from inspector.ui.widgets import charts, interface, tables, text

CHART_ROWS = 11
"""Rows without scrolling of a table beside a chart."""

USE_CLICK = "use_suggested_click"
"""Widget key of the buttons in the table of suggested outputs."""
_USE, _SELECTED = "Use", ":material/check: Selected"
_MAX_PLACES = 3
_MAX_REFUSED = 5
"""Most refused ops of the warning; the table below has all."""


def summary(model: state.OpenModel, origin_line: str) -> None:
    """The first block: what the model takes and gives, its size, and what wrote it."""
    facts = model.facts
    with st.container(border=True, key="summary"):
        st.markdown(interface.sentence(model))
        row = st.container(horizontal=True)
        row.metric("Parameters", text.number(facts["parameters"]))
        row.metric("Size", text.size(facts["bytes"].get("total")))
        if model.drawn["nodes"]:
            drawn = text.number(model.drawn["nodes"])
            row.metric("Layers" if "keras" in facts else "Operations", drawn)
        else:  # a checkpoint without its graph
            row.metric("Variables", text.number(len(facts["variable_list"])))
        st.caption(origin_line)


def figures(model: state.OpenModel) -> None:
    """The row of counts above the op types."""
    facts, drawn = model.facts, model.drawn
    is_keras = "keras" in facts
    row = st.container(horizontal=True)
    row.metric("Layer types" if is_keras else "Op types", text.number(len(drawn["op_counts"])))
    if is_keras:
        for label, key in (("Trainable", "trainable"), ("Non-trainable", "non_trainable")):
            value = facts["keras"][f"{key}_parameters"]
            row.metric(f"{label} parameters", "unknown" if value is None else text.number(value))
        return
    row.metric("Constants", text.number(drawn["constants"]))
    row.metric("Variables", text.number(variable_count(drawn)))
    row.metric("Identities", text.number(drawn["op_counts"].get("Identity", 0)))


def origin(facts: dict[str, Any]) -> str:
    """The file's format and the version that wrote it, as one line of Markdown."""
    if "keras" in facts:
        keras = facts["keras"]
        with_or_without = "with" if keras["training_config"] else "without"
        kind = f", {keras['model']}" if keras["model"] else ", weights only"
        producer = facts["producer"]
        written = f"written by {producer}" if producer else "Keras version unknown"
        line = f"Keras{kind}, {written}; {with_or_without} a training configuration"
        return text.escape(line)
    stated = text.versions(facts["versions"])
    producer = facts["producer"]
    line = f"{facts['format']}, " + (
        f"written by TensorFlow {producer}" if producer else "TensorFlow version unknown"
    )
    line += f" ({stated})" if stated else ""
    if facts["functions"]:
        line += f"; {text.count(facts['functions'], 'function')} in its library"
    return text.escape(line)


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
        # Of the others the findings say where they are reached; no run executes unread variables.
        if row["op"] not in listed and row["op"] not in VARIABLES:
            st.caption(f":material/info: {text.escape(advice(row), 600)}")


def not_executed(facts: dict[str, Any]) -> None:
    """What is in the file and is executed by no run: it needs no action, so it stands below."""
    sentences = [advice(row) for row in facts["flagged_ops"] if row["op"] in VARIABLES]
    unreached = [item for item in facts["scan"]["findings"] if not item["reached_by"]]
    if unreached:
        sentences.append("In the file, but reached by no signature or output:")
    if sentences:
        st.header("Not part of a run")
        for sentence in sentences:
            st.caption(text.escape(sentence, 600))
    _findings(unreached)


def _advice_row(item: dict[str, Any]) -> dict[str, Any]:
    attribute = f" ({item['attribute']})" if item["attribute"] else ""
    return {**item, "op": item["what"] + attribute}


def scan_findings(facts: dict[str, Any]) -> None:
    """Table of the ops and layers with side effects that a run reaches, and from where."""
    reached = [item for item in facts["scan"]["findings"] if item["reached_by"]]
    if not reached:
        return
    st.header("Before you run it")
    _findings(reached)
    followed = ", ".join(facts["scan"]["entries"]) or "nothing"
    st.caption(text.escape(f"Entry points followed: {followed}.", 500))


def _findings(findings: list[dict[str, Any]]) -> None:
    rows = [
        {
            "Op or layer": item["what"],
            "Attribute": item["attribute"],
            "In the file": item["count"],
            "Reached by": ", ".join(item["reached_by"]),
            "What it does": item["why"],
            "On this server": "refused" if item["severity"] == BLOCK else "runs",
            "Where": _where(item),
        }
        for item in findings
    ]
    if rows:
        frame = pd.DataFrame(rows)
        tables.table(frame.loc[:, frame.astype(bool).any()])


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
    if len(counts) > charts.LIMIT:
        st.caption(
            f"Chart: top {charts.LIMIT} of {text.number(len(counts))} types. The table has all."
        )
    chart, table = st.columns([3, 2])
    charts.show(charts.op_counts(counts), key=f"chart_{key}", place=chart)
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    frame = pd.DataFrame(rows, columns=["Type", "Nodes"])
    tables.table(frame, key=f"table_{key}", rows_shown=CHART_ROWS, place=table)


def tensors(rows: list[dict[str, Any]]) -> None:
    """Name, dtype and shape of each tensor."""
    if not rows:
        st.caption("None.")
        return
    frame = pd.DataFrame(
        [
            {"Name": row["name"], "Dtype": row["dtype"], "Shape": text.shape(row["shape"])}
            for row in rows
        ]
    )
    tables.table(frame)


def suggested(facts: dict[str, Any]) -> None:
    """The suggested outputs, each with its reason, its inputs, and a button that selects it."""
    suggestions = facts["suggested_outputs"]
    if not suggestions:
        st.caption("None. Enter an output on the Optimise page, or select it in the graph.")
        return
    names = [item["name"] for item in suggestions]
    chosen = state.outputs()
    labels = interface.output_labels(facts)
    rows = [
        {
            "Output": labels.get(item["name"], item["name"]),
            "Node": item["name"],
            "Why": item["why"],
            "Depends on": text.some(item["inputs"], 20) or "no input",
            "Use": _SELECTED if item["name"] in chosen else _USE,
        }
        for item in suggestions
    ]
    use = st.column_config.ButtonColumn(
        key=USE_CLICK, on_click=use_suggested, args=(names,), width="small"
    )
    tables.table(rows, key="suggested", columns={"Use": use})


def use_suggested(names: list[str]) -> None:
    """Select the output of the row whose button was clicked, or remove it again."""
    row = st.session_state[USE_CLICK]["row"]
    if not 0 <= row < len(names):
        return
    if names[row] in state.outputs():
        state.remove_output(names[row])
    else:
        state.add_output(names[row])


def signatures(facts: dict[str, Any]) -> None:
    """One table of inputs and outputs, grouped by signature: the default one first."""
    if not facts["signatures"]:
        st.caption("This model declares no signature. Outputs are selected by node name.")
        return
    rows = [
        {
            "Signature": key,
            "Direction": direction,
            "Name": name,
            "Dtype": info["dtype"] or "",
            "Shape": text.shape(info["shape"]) if info["dtype"] else "",
            "Tensor": info.get("name") or "",
            "Method": facts["signatures"][key]["method_name"] or "none",
        }
        for key in interface.ordered_signatures(facts)
        for direction, side in (("input", "inputs"), ("output", "outputs"))
        for name, info in facts["signatures"][key][side].items()
    ]
    rows = rows or [{"Signature": key} for key in interface.ordered_signatures(facts)]
    tables.table(rows, key="signatures", rows_shown=16)


def before_and_beside(facts: dict[str, Any]) -> None:
    """What runs before the first run; functions that only Python calls, where there are some."""
    if init_op := facts.get("init_op"):
        st.header("Before the first run")
        st.caption("These nodes run once. They initialise tables and variables.")
        tables.table({"Node": init_op["nodes"]})
    if callables := facts.get("callables"):
        st.header("Functions without a signature")
        st.caption("The signature menu above lists those that can be frozen and run.")
        tables.table(
            [
                {
                    "Name": item["name"],
                    "Inputs": ", ".join(info["name"] for info in item["inputs"]),
                    "Outputs": ", ".join(info["name"] for info in item["outputs"]),
                    "Cannot be frozen because": item["problem"],
                }
                for item in callables
            ]
        )


def sizes(facts: dict[str, Any]) -> None:
    """Bytes of graph, variables and assets."""
    parts = {key: facts["bytes"].get(key, 0) for key in ("graph", "variables", "assets")}
    if "buffer_bytes" in facts:
        parts["buffers (in the graph)"] = facts["buffer_bytes"]
    frame = pd.DataFrame(
        [{"Part": part, "Size": text.size(count), "Bytes": count} for part, count in parts.items()]
    )
    tables.table(frame, right=("Size",))


def variable_count(facts: dict[str, Any]) -> int:
    """The number of variable nodes, without the nodes that read or assign one."""
    return sum(facts["op_counts"].get(op, 0) for op in VARIABLES)
