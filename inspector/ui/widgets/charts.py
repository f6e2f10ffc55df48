"""The charts of the pages: ops by type, values of a tensor, bytes by step, times by batch size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from inspector.ui.widgets import text

LIMIT = 24
"""Most op types of a chart; the table beside it has all."""


def op_counts(counts: Mapping[str, int]) -> alt.Chart:
    """Horizontal bars, the most frequent op first."""
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:LIMIT]
    frame = pd.DataFrame(rows, columns=["op", "nodes"])
    return _bars(frame, "nodes", "op", title="nodes")


def histogram(bins: Mapping[str, Any]) -> alt.Chart:
    """A histogram of values: ``edges``, and the ``counts`` between them."""
    edges = bins["edges"]
    frame = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "values": bins["counts"]})
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("from:Q", bin="binned", title="value"),
            x2="to:Q",
            y=alt.Y("values:Q", title="elements", axis=_COUNTS),
            tooltip=["from", "to", "values"],
        )
        .properties(height=180)
    )
    return chart


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
            x=alt.X("nodes:Q", title="nodes", axis=_COUNTS),
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
    unit, unit_bytes = text.unit(max((row["bytes"] for row in steps), default=0))
    frame = pd.DataFrame(
        [
            {"step": row["label"], "size": row["bytes"] / unit_bytes, "nodes": row["nodes"]}
            for row in steps
        ]
    )
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("size:Q", title=f"size, {unit}", axis=alt.Axis(tickCount=6)),
            y=alt.Y("step:N", sort=None, title=None, axis=_NAMES),
            tooltip=["step", alt.Tooltip("size:Q", title=unit, format=".3f"), "nodes"],
        )
        .properties(height=alt.Step(24))
    )
    return chart


def class_scores(frame: pd.DataFrame) -> alt.Chart:
    """Horizontal bars of ``class``, ``score`` and ``graph``, in the order of the rows."""
    graphs = list(dict.fromkeys(frame["graph"]))
    legend = _LEGEND if len(graphs) > 1 else None
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("score:Q", title=None, axis=alt.Axis(tickCount=5)),
            y=alt.Y("class:N", sort=list(dict.fromkeys(frame["class"])), title=None, axis=_NAMES),
            yOffset=alt.YOffset("graph:N", sort=graphs),
            color=alt.Color("graph:N", sort=graphs, title=None, legend=legend),
            tooltip=["class", "graph", alt.Tooltip("score:Q", format=".6f")],
        )
        .properties(height=alt.Step(14))
    )
    return chart


def by_batch(frame: pd.DataFrame, value: str) -> alt.Chart:
    """A line for each ``graph`` of a value against ``batch``, on a scale of powers of two."""
    graphs = list(dict.fromkeys(frame["graph"]))
    batches = sorted(set(frame["batch"]))
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "batch:Q",
                title="rows per run",
                scale=alt.Scale(type="log", base=2, nice=False),
                axis=alt.Axis(values=batches, format="d"),
            ),
            y=alt.Y(f"{value}:Q", title=value, axis=alt.Axis(tickCount=4)),
            color=alt.Color("graph:N", sort=graphs, title=None, legend=_LEGEND),
            tooltip=["graph", "batch", alt.Tooltip(f"{value}:Q", format=",.4~g")],
        )
        .properties(height=270)
    )
    return chart


_LEGEND = alt.Legend(orient="top")
_NAMES = alt.Axis(labelLimit=240, labelOverlap=False, labelFlush=False, labelBound=False)
_COUNTS = alt.Axis(tickMinStep=1, tickCount=6)


def _bars(frame: pd.DataFrame, value: str, name: str, title: str) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X(f"{value}:Q", title=title, axis=_COUNTS),
            y=alt.Y(f"{name}:N", sort=None, title=None, axis=_NAMES),
            tooltip=[name, value],
        )
        .properties(height=alt.Step(17))
    )
    return chart
