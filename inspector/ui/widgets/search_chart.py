"""The chart of a search: latency against size, the difference of the answers as colour."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from inspector.ui.widgets import text

_FIELDS = ["candidate", "size", "latency", "difference", "same answer"]


def chart(entries: list[dict[str, Any]]) -> alt.LayerChart | alt.FacetChart | None:
    """A point for each candidate that was timed; None without one.

    Args:
        entries: ``candidates`` of the JSON of a search.
    """
    timed = [entry for entry in entries if entry["latency_ratio"] and not entry["error"]]
    if not timed:
        return None
    unit, unit_bytes = text.unit(max(entry["bytes"] for entry in timed))
    frame = pd.DataFrame([_row(entry, unit_bytes) for entry in timed])
    base = alt.Chart(frame).encode(
        y=alt.Y("bytes:Q", title=f"size, {unit}", scale=alt.Scale(type="log", nice=True)),
    )
    axis = alt.X("ratio:Q", title="latency, × frozen model", scale=alt.Scale(type="log", nice=True))
    intervals = base.mark_rule(opacity=0.45).encode(
        x=alt.X("low:Q", title="latency, × frozen model"), x2="high:Q"
    )
    points = base.mark_point(filled=True, opacity=0.9).encode(
        x=axis,
        color=alt.Color(
            "difference:Q",
            title="largest difference",
            scale=alt.Scale(type="symlog", constant=0.001, scheme="viridis"),
        ),
        shape=alt.Shape(
            "mark:N",
            title=None,
            scale=alt.Scale(
                domain=["best", "within limits", "outside of limits"],
                range=["diamond", "circle", "cross"],
            ),
            legend=alt.Legend(orient="top"),
        ),
        size=alt.Size(
            "mark:N",
            scale=alt.Scale(
                domain=["best", "within limits", "outside of limits"], range=[220, 90, 70]
            ),
            legend=None,
        ),
        tooltip=_FIELDS,
    )
    names = (
        base.transform_filter("datum.mark == 'best'")
        .mark_text(align="left", dx=10, dy=-8, color="gray")
        .encode(x=axis, text="candidate:N")
    )
    return alt.layer(intervals, points, names).properties(height=340)


def _row(entry: dict[str, Any], unit_bytes: int) -> dict[str, Any]:
    low, high = entry["interval"] or (entry["latency_ratio"], entry["latency_ratio"])
    mark = "within limits" if entry["within_limits"] else "outside of limits"
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
        "same answer": "–" if agreement is None else f"{100 * agreement:.2f} %",
    }
