"""The charts of the pages: ops by type, values of a tensor, bytes by step, times by batch size.

They are Vega-Lite specifications as dictionaries. A library that builds them checks each against
the schema of Vega-Lite, which took most of the time of a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.ui.widgets import text

LIMIT = 24
"""Most op types of a chart; the table beside it has all."""

Spec = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification without data, and the data."""

    frame: pd.DataFrame
    spec: Spec


def show(chart: Chart, *, key: str | None = None, place: DeltaGenerator | None = None) -> None:
    """Draw a chart, by default at the end of the page."""
    draw = st.vega_lite_chart if place is None else place.vega_lite_chart
    draw(chart.frame, {**chart.spec, "config": _TEXT}, key=key)


def op_counts(counts: Mapping[str, int]) -> Chart:
    """Horizontal bars, the most frequent op first."""
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:LIMIT]
    encoding = {
        "x": quantitative("nodes", "nodes", axis=_COUNTS),
        "y": _name_axis("op", None),
        "tooltip": [nominal("op"), quantitative("nodes", "nodes")],
    }
    return Chart(pd.DataFrame(rows, columns=["op", "nodes"]), _bars(encoding, 17))


def histogram(bins: Mapping[str, Any]) -> Chart:
    """A histogram of values: ``edges``, and the ``counts`` between them."""
    edges = bins["edges"]
    frame = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "values": bins["counts"]})
    encoding = {
        "x": {**quantitative("from", "value"), "bin": "binned"},
        "x2": {"field": "to"},
        "y": quantitative("values", "elements", axis=_COUNTS),
        "tooltip": [quantitative(column, column) for column in ("from", "to", "values")],
    }
    mark = {"type": "bar", "binSpacing": 1}
    return Chart(frame, {"mark": mark, "encoding": encoding, "height": 180})


def op_counts_compared(rows: list[dict[str, Any]]) -> Chart:
    """Two bars per op: before and after; the largest first."""
    top = sorted(rows, key=lambda row: -max(row["before"], row["after"]))[:LIMIT]
    graphs = ["before", "after"]
    frame = pd.DataFrame(
        [{"op": row["op"], "graph": graph, "nodes": row[graph]} for row in top for graph in graphs]
    )
    encoding = {
        "x": quantitative("nodes", "nodes", axis=_COUNTS),
        "y": _name_axis("op", [row["op"] for row in top]),
        "yOffset": _ordered("graph", graphs),
        "color": {**_ordered("graph", graphs), "legend": LEGEND},
        "tooltip": [nominal("op"), nominal("graph"), quantitative("nodes", "nodes")],
    }
    return Chart(frame, _bars(encoding, 11))


def bytes_per_step(steps: list[dict[str, Any]]) -> Chart:
    """The size of the graph after each step, in the order of the steps."""
    unit, unit_bytes = text.unit(max((row["bytes"] for row in steps), default=0))
    frame = pd.DataFrame(
        [
            {"step": row["label"], "size": row["bytes"] / unit_bytes, "nodes": row["nodes"]}
            for row in steps
        ]
    )
    encoding = {
        "x": quantitative("size", f"size, {unit}", axis={"tickCount": 6}),
        "y": _name_axis("step", None),
        "tooltip": [
            nominal("step"),
            {**quantitative("size", unit), "format": ".3f"},
            quantitative("nodes", "nodes"),
        ],
    }
    return Chart(frame, _bars(encoding, 24))


def class_scores(frame: pd.DataFrame) -> Chart:
    """Horizontal bars of ``class``, ``score`` and ``graph``, in the order of the rows."""
    graphs = list(dict.fromkeys(frame["graph"]))
    # Below each other: the chart is narrow.
    legend = {**LEGEND, "direction": "vertical"} if len(graphs) > 1 else None
    encoding = {
        "x": quantitative("score", None, axis={"tickCount": 5}),
        "y": _name_axis("class", list(dict.fromkeys(frame["class"]))),
        "yOffset": _ordered("graph", graphs),
        "color": {**_ordered("graph", graphs), "legend": legend},
        "tooltip": [
            nominal("class"),
            nominal("graph"),
            {**quantitative("score", "score"), "format": ".6f"},
        ],
    }
    return Chart(frame, _bars(encoding, 14))


def by_batch(frame: pd.DataFrame, value: str) -> Chart:
    """A line for each ``graph`` of a value against ``batch``, on a scale of powers of two."""
    graphs = list(dict.fromkeys(frame["graph"]))
    axis = {"values": sorted(set(frame["batch"])), "format": "d"}
    encoding = {
        "x": {
            **quantitative("batch", "rows per run", axis=axis),
            "scale": {"type": "log", "base": 2, "nice": False},
        },
        "y": quantitative(value, value, axis={"tickCount": 4}),
        "color": {**_ordered("graph", graphs), "legend": LEGEND},
        "tooltip": [
            nominal("graph"),
            quantitative("batch", "batch"),
            {**quantitative(value, value), "format": ",.4~g"},
        ],
    }
    mark = {"type": "line", "point": True}
    return Chart(frame, {"mark": mark, "encoding": encoding, "height": 270})


# Streamlit's own grey has a contrast of 3.9 on white; this is the colour of the page's text.
_INK: Spec = {"labelColor": "currentColor", "titleColor": "currentColor"}
_TEXT: Spec = {"axis": _INK, "legend": _INK}
LEGEND: Spec = {"orient": "top"}
_NAMES: Spec = {
    "labelLimit": 240,
    "labelOverlap": False,
    "labelFlush": False,
    "labelBound": False,
}
_COUNTS: Spec = {"tickMinStep": 1, "tickCount": 6}


def quantitative(column: str, title: str | None, **more: Any) -> Spec:
    """The encoding of a column of numbers, as Vega-Lite calls it."""
    return {"field": column, "type": "quantitative", "title": title, **more}


def nominal(column: str) -> Spec:
    """The encoding of a column of names."""
    return {"field": column, "type": "nominal"}


def _ordered(column: str, order: list[Any] | None) -> Spec:
    """The same in an order, that of the rows with None; without a title, as names say enough."""
    return {**nominal(column), "sort": order, "title": None}


def _name_axis(column: str, order: list[Any] | None) -> Spec:
    """An axis of names."""
    return {**_ordered(column, order), "axis": _NAMES}


def _bars(encoding: Spec, step: int) -> Spec:
    """Horizontal bars with `step` pixels each."""
    mark = {"type": "bar", "cornerRadiusEnd": 2}
    return {"mark": mark, "encoding": encoding, "height": {"step": step}}
