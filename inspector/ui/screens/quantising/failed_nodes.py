"""What of a graph does not become a TFLite model: a table, and marks in the picture."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from inspector.ui.session import job_status, results, state, view_state
from inspector.ui.widgets import tables, text
from inspector.view.state import actions

MARKED = state.OF_MODEL + "without_operator"
"""The nodes of the picture that are marked, by name."""


def table(model: state.OpenModel) -> None:
    """The nodes that the last run found no operator for, and a button that shows them."""
    nodes = job_status.failed_nodes(results.SLOT)
    if not nodes:
        return
    rows = [
        {"op": row["op"] or "–", "node": row["node"] or "–", "function": row["function"] or "–"}
        for row in nodes
    ]
    tables.table(rows, key="failed_nodes")
    st.caption(
        "On this page --batch is the field “Fixed batch size”, and --flex is the switch “Keep "
        "unsupported ops (Flex)”."
    )
    names = in_picture(model, nodes)
    st.session_state[MARKED] = names
    if not names:
        st.caption("None of these nodes is in the graph: the conversion to TFLite creates them.")
        return
    if st.button(
        f"Show {text.count(len(names), 'node')} in the graph",
        key="show_failed",
        icon=":material/account_tree:",
    ):
        now = view_state.state(model)
        view_state.remember(model, actions.show(model.hierarchy, now, names))
        st.switch_page("pages/graph.py")


def marked() -> list[str]:
    """The nodes of the picture that have no operator in TFLite, after such a run."""
    return list(st.session_state.get(MARKED, ()))


def in_picture(model: state.OpenModel, nodes: list[Mapping[str, str]]) -> list[str]:
    """The names of these nodes in the picture, where calls are inlined under other names."""
    index = model.summary.index
    names: list[str] = []
    for row in nodes:
        name = row["node"]
        if name in index:
            names.append(name)
        elif name:
            ops = model.summary
            inlined = (
                full
                for full in model.summary.names
                if full.endswith(f"/{name}") and ops.op_of(index[full]) == row["op"]
            )
            names += inlined
    return list(dict.fromkeys(names))
