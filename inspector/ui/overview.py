"""What the overview shows: figures, op counts, feeds, signatures, sizes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui import charts, opening, state, text

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable")


def figures(model: state.OpenModel) -> None:
    """The line of figures under the title."""
    facts = model.facts
    counted = model.drawn
    row = st.container(horizontal=True)
    row.metric("Size", text.size(facts["bytes"].get("total")), border=True)
    row.metric("Operations", text.number(counted["nodes"]), border=True)
    row.metric("Op types", len(counted["op_counts"]), border=True)
    row.metric("Constants", text.number(counted["op_counts"].get("Const", 0)), border=True)
    row.metric("Variables", text.number(_variables(counted)), border=True)
    row.metric("Identities", text.number(counted["op_counts"].get("Identity", 0)), border=True)
    row.metric("Parameters", text.number(facts["parameters"]), border=True)


def warnings(facts: dict[str, Any]) -> None:
    """Everything to know before trusting the model, first."""
    for sentence in facts["warnings"]:
        st.warning(text.escape(sentence, 500), icon=":material/warning:")
    for flag in facts["flagged_ops"]:
        line = text.escape(f"{flag['count']} × {flag['op']}: {flag['why']}", 500)
        if flag.get("severity") == "warn":
            st.caption(f":material/info: {line}")
        else:
            st.warning(line, icon=":material/gpp_maybe:")


def tag_sets(model: state.OpenModel) -> None:
    """The choice of the MetaGraphDef, where there is one."""
    choices = model.facts["tag_sets"]
    if len(choices) < 2:
        return
    labels = [", ".join(tags) or "(no tags)" for tags in choices]
    current = choices.index(model.tag_set) if model.tag_set in choices else 0
    picked = st.selectbox("Tag-set", labels, index=current, key=f"tag_set_{model.key}")
    wanted = choices[labels.index(picked)]
    if wanted != model.tag_set:
        opening.reopen(model, wanted)
        st.switch_page("pages/open.py")


def op_types(counts: dict[str, int], key: str) -> None:
    """Op-type counts as a chart and a table side by side."""
    chart, table = st.columns([3, 2])
    chart.altair_chart(charts.op_counts(counts), key=f"chart_{key}")
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    frame = pd.DataFrame(rows, columns=["op", "nodes"])
    table.dataframe(frame, hide_index=True, key=f"table_{key}", height=420)


def tensors(rows: list[dict[str, Any]]) -> None:
    """Name, dtype and shape of each tensor."""
    frame = pd.DataFrame(
        [
            {"name": row["name"], "dtype": row["dtype"], "shape": text.shape(row["shape"])}
            for row in rows
        ]
    )
    st.dataframe(frame, hide_index=True)


def signatures(facts: dict[str, Any]) -> None:
    """Each signature with its feeds and fetches."""
    if not facts["signatures"]:
        st.caption("The model has no signature: outputs are picked by name.")
    for key, signature in facts["signatures"].items():
        with st.container(border=True):
            st.markdown(
                f"**{text.escape(key)}** · {text.escape(signature['method_name'] or 'no method')}"
            )
            rows = [
                {
                    "": direction,
                    "key": name,
                    "tensor": info.get("name") or "",
                    "dtype": info["dtype"],
                    "shape": text.shape(info["shape"]),
                }
                for direction, side in (("feed", "inputs"), ("fetch", "outputs"))
                for name, info in signature[side].items()
            ]
            st.dataframe(pd.DataFrame(rows), hide_index=True)


def sizes(facts: dict[str, Any]) -> None:
    """Bytes of graph, variables and assets, and the variables themselves."""
    parts = {key: facts["bytes"].get(key, 0) for key in ("graph", "variables", "assets")}
    frame = pd.DataFrame(
        [{"part": part, "size": text.size(count), "bytes": count} for part, count in parts.items()]
    )
    st.dataframe(frame, hide_index=True)
    if facts["variable_list"]:
        st.caption(f"{len(facts['variable_list'])} variables in the checkpoint")
        rows = [
            {
                "variable": row["name"],
                "dtype": row["dtype"],
                "shape": text.shape(row["shape"]),
                "bytes": row["bytes"],
            }
            for row in facts["variable_list"]
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, height=min(38 * (len(rows) + 1), 320))


def _variables(counted: dict[str, Any]) -> int:
    return sum(counted["op_counts"].get(op, 0) for op in _VARIABLES)
