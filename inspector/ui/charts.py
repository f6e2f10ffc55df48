"""The charts of the pages: counts per op type, bytes per step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

LIMIT = 24
"""Op types a chart shows; the rest is in the table beside it."""


def op_counts(counts: Mapping[str, int]) -> alt.Chart:
    """Horizontal bars, the most frequent op first."""
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:LIMIT]
    frame = pd.DataFrame(rows, columns=["op", "nodes"])
    return _bars(frame, "nodes", "op", title="nodes")


def op_counts_compared(rows: list[dict[str, Any]]) -> alt.Chart:
    """Two bars per op: before and after; the largest first."""
    top = sorted(rows, key=lambda row: -max(row["before"], row["after"]))[:LIMIT]
    frame = pd.DataFrame(
        [
            {"op": row["op"], "graph": graph, "nodes": row[graph]}
            for row in top
            for graph in ("before", "after")
        ]
    )
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("nodes:Q", title="nodes", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("op:N", sort=[row["op"] for row in top], title=None, axis=_NAMES),
            yOffset=alt.YOffset("graph:N", sort=["before", "after"]),
            color=alt.Color("graph:N", sort=["before", "after"], title=None, legend=_LEGEND),
            tooltip=["op", "graph", "nodes"],
        )
        .properties(height=alt.Step(11))
    )
    return chart


def bytes_per_step(steps: list[dict[str, Any]]) -> alt.Chart:
    """The size of the graph after each step, in the order of the steps."""
    frame = pd.DataFrame(
        [
            {"step": row["label"], "MiB": row["bytes"] / 2**20, "nodes": row["nodes"]}
            for row in steps
        ]
    )
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("MiB:Q", title="size of the graph, MiB"),
            y=alt.Y("step:N", sort=None, title=None, axis=_NAMES),
            tooltip=["step", alt.Tooltip("MiB:Q", format=".3f"), "nodes"],
        )
        .properties(height=alt.Step(24))
    )
    return chart


_LEGEND = alt.Legend(orient="top")
_NAMES = alt.Axis(labelLimit=240, labelOverlap=False)


def _bars(frame: pd.DataFrame, value: str, name: str, title: str) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X(f"{value}:Q", title=title, axis=alt.Axis(tickMinStep=1)),
            y=alt.Y(f"{name}:N", sort=None, title=None, axis=_NAMES),
            tooltip=[name, value],
        )
        .properties(height=alt.Step(17))
    )
    return chart
