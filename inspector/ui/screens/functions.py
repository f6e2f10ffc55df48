"""The table of a model's functions on the Overview: arguments, results, ops, callers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui.widgets import tables, text

_OPS = 6
_ARGUMENTS = 8


def functions(facts: Mapping[str, Any]) -> None:
    """The table of functions; nothing for a model without functions."""
    rows = facts["function_list"]
    if not rows:
        return
    st.header("Functions")
    inside = sum(facts["function_op_counts"].values())
    caption = f"{text.count(facts['functions'], 'function')} with {text.count(inside, 'node')}"
    if facts["functions"] > len(rows):
        caption += f"; the first {text.number(len(rows))} are listed"
    st.caption(f"{caption}. In the graph, each body is a scope under the node that calls it.")
    tables.table(pd.DataFrame([_row(row) for row in rows]), rows_shown=9)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    ops = list(row["op_counts"].items())
    parts = [f"{op} {count}" for op, count in ops[:_OPS]]
    more = len(row["callers"]) - 1
    callers = ", ".join(row["callers"][:1]) + (f" and {more} more" if more > 0 else "")
    return {
        "function": row["name"],
        "arguments": _tensors(row["args"]),
        "results": _tensors(row["results"]),
        "nodes": row["nodes"],
        "ops": ", ".join(parts) + (", …" if len(ops) > _OPS else ""),
        "called by": f"gradient of {row['gradient_of']}" if row["gradient_of"] else callers,
        "calls": row["calls"],
    }


def _tensors(rows: Sequence[Mapping[str, Any]]) -> str:
    parts = [
        f"{row['dtype']} {text.shape(row['shape'])}" if row["shape"] is not None else row["dtype"]
        for row in rows[:_ARGUMENTS]
    ]
    return ", ".join(parts) + (", …" if len(rows) > _ARGUMENTS else "")
