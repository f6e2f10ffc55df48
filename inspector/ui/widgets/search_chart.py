"""The chart of a search: latency against size, the difference of the answers as colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from inspector.ui.widgets import charts, text
from inspector.ui.widgets.charts import Chart, Spec

_FIELDS = ["candidate", "size", "latency", "difference", "same top-1"]
_LATENCY = "latency relative to the frozen model (log scale)"


_MARKS: Mapping[str, tuple[str, int]] = {
    "best": ("diamond", 220),
    "within the limits": ("circle", 90),
    "outside the limits": ("cross", 70),
}
"""What a candidate is, to the shape and the size of its point."""


def chart(entries: list[dict[str, Any]]) -> Chart | None:
    """A point for each candidate that was timed; None without one.

    Args:
        entries: ``candidates`` of the JSON of a search.
    """
    timed = [entry for entry in entries if entry["latency_ratio"] and not entry["error"]]
    if not timed:
        return None
    unit, unit_bytes = text.unit(max(entry["bytes"] for entry in timed))
    logarithmic = {"type": "log", "nice": True}
    y = charts.quantitative("bytes", f"size, {unit} (log scale)", scale=logarithmic)
    x = charts.quantitative("ratio", _LATENCY, scale=logarithmic)
    interval = {"x": charts.quantitative("low", _LATENCY), "x2": {"field": "high"}}
    names = {
        "mark": {"type": "text", "align": "left", "dx": 10, "dy": -8, "color": "currentColor"},
        "encoding": {"x": x, "text": charts.nominal("candidate")},
        "transform": [{"filter": "datum.mark == 'best'"}],
    }
    layers = [
        {"mark": {"type": "rule", "opacity": 0.45}, "encoding": interval},
        {"mark": {"type": "point", "filled": True, "opacity": 0.9}, "encoding": _point(x)},
        names,
    ]
    spec = {"encoding": {"y": y}, "layer": layers, "height": 340}
    return Chart(pd.DataFrame([_row(entry, unit_bytes) for entry in timed]), spec)


def _point(x: Spec) -> Spec:
    """The encoding of a candidate's point."""
    shapes, sizes = zip(*_MARKS.values(), strict=True)
    mark = charts.nominal("mark")
    return {
        "x": x,
        "color": charts.quantitative(
            "difference",
            "largest difference",
            scale={"type": "symlog", "constant": 0.001, "scheme": "viridis"},
        ),
        "shape": {
            **mark,
            "title": None,
            "scale": {"domain": list(_MARKS), "range": list(shapes)},
            "legend": charts.LEGEND,
        },
        "size": {
            **mark,
            "scale": {"domain": list(_MARKS), "range": list(sizes)},
            "legend": None,
        },
        "tooltip": [charts.nominal(column) for column in _FIELDS],
    }


def _row(entry: dict[str, Any], unit_bytes: int) -> dict[str, Any]:
    low, high = entry["interval"] or (entry["latency_ratio"], entry["latency_ratio"])
    mark = "within the limits" if entry["within_limits"] else "outside the limits"
    agreement = entry["argmax_equal"]
    return {
        "candidate": entry["name"],
        "bytes": entry["bytes"] / unit_bytes,
        "ratio": entry["latency_ratio"],
        "low": low,
        "high": high,
        "difference": entry["max_difference"] or 0.0,
        "mark": "best" if entry["best"] else mark,
        "size": text.size(entry["bytes"]),
        "latency": f"{entry['latency_ratio']:.3g} × ({low:.3g} to {high:.3g})",
        "same top-1": "–" if agreement is None else f"{100 * agreement:.2f} %",
    }
