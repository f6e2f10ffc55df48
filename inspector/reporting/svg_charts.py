"""The charts of a report as plain SVG, in colours of the style sheet; ElementTree escapes texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from inspector import text
from inspector.reporting.report_contents import ReportContents, Size

WIDTH = 720
_ROW = 24
_LABELS = 250
_VALUES = 130


def size_per_step(steps: Sequence[Size]) -> str:
    """Bars of the bytes after each step, beside those of the model as it was."""
    if not steps:
        return ""
    rows: list[tuple[str, int, float | None]] = [("as opened", steps[0].bytes_before, None)]
    rows += [(step.name, step.bytes_after, step.share) for step in steps]
    largest = max(size for _name, size, _share in rows) or 1
    root = _svg(len(rows) * _ROW, "Size after each step")
    wide = WIDTH - _LABELS - _VALUES
    for place, (name, size, share) in enumerate(rows):
        y = place * _ROW
        _text(root, text.shorten(name, 40), _LABELS - 8, y + 16, "end")
        bar = {"x": _LABELS, "y": y + 4, "width": max(1.0, wide * size / largest), "height": 15}
        _add(root, "rect", {**bar, "class": "bar", "rx": 2})
        label = text.rounded_size(size)
        if share is not None and abs(share) >= 0.0005:
            label += f" ({-share:+.1%})".replace("-", "−")
        _text(root, label, _LABELS + bar["width"] + 6, y + 16, "start")
    return _done(root)


def latency_ratio(latency: Mapping[str, Any]) -> str:
    """The ratio with its interval on a line on which 1 is marked."""
    ratio, low, high = (float(value) for value in (latency["ratio"], *latency["interval"]))
    start = min(0.5, low * 0.9)
    end = max(1.5, high * 1.1)
    root = _svg(64, "Ratio of the latencies")

    def x(value: float) -> float:
        return 40 + (WIDTH - 80) * (value - start) / (end - start)

    _add(root, "line", {"x1": x(start), "x2": x(end), "y1": 34, "y2": 34, "class": "axis"})
    _add(root, "line", {"x1": x(1), "x2": x(1), "y1": 14, "y2": 46, "class": "mark"})
    _text(root, "1.00× (as fast)", x(1), 60, "middle")
    line = {"x1": x(low), "x2": x(high), "y1": 30, "y2": 30, "class": "interval"}
    _add(root, "line", line)
    _add(root, "circle", {"cx": x(ratio), "cy": 30, "r": 6, "class": "dot"})
    _text(root, f"{ratio:.2f}×", x(ratio), 16, "middle")
    return _done(root)


def histogram(counts: Sequence[int], edges: Sequence[float]) -> str:
    """Bars of how many values differ by how much.

    Args:
        counts: One per bar.
        edges: The bounds of the bars, one more than ``counts``.
    """
    largest = max(counts, default=0)
    if not largest:
        return ""
    high, margin = 90, 40
    root = _svg(high + 26, "Differences of the values")
    wide = (WIDTH - 2 * margin) / len(counts)
    for place, amount in enumerate(counts):
        tall = high * amount / largest
        bar = {"x": margin + place * wide + 1, "width": max(1.0, wide - 2)}
        _add(root, "rect", {**bar, "y": high - tall, "height": tall, "class": "bar"})
    _text(root, f"{edges[0]:.2g}", margin, high + 18, "middle")
    _text(root, f"{edges[-1]:.2g}", WIDTH - margin, high + 18, "middle")
    return _done(root)


def by_batch(report: ReportContents) -> list[str]:
    """Medians, and rows per second, against the rows of a run; none of fewer than two sizes."""
    rows = sorted(report.batch_rows(), key=lambda row: int(row["batch"]))
    if len(rows) < 2:
        return []
    charts = (
        ("p50_ms", "Median, ms, by rows per run"),
        ("rows_per_s", "Rows per second by rows per run"),
    )
    return [_lines(rows, key, title, report.names) for key, title in charts]


def _lines(rows: Sequence[Any], key: str, title: str, names: Sequence[str]) -> str:
    """A line for each model, on a scale of powers of two."""
    top, high, margin = 48, 110, 70
    root = _svg(top + high + 26, title)
    batches = [math.log2(row["batch"]) for row in rows]
    largest = max(row[side][key] for row in rows for side in "ab") or 1.0
    wide = (WIDTH - 2 * margin) / (batches[-1] - batches[0])
    xs = [margin + wide * (batch - batches[0]) for batch in batches]
    _text(root, title, 0, 16, "start")
    for value in (0.0, largest):
        y = top + high * (1 - value / largest)
        _add(root, "line", {"x1": margin, "x2": WIDTH - margin, "y1": y, "y2": y, "class": "mark"})
        _text(root, f"{value:,.0f}" if value >= 1000 else f"{value:.3g}", margin - 8, y + 4, "end")
    for x, row in zip(xs, rows, strict=True):
        _text(root, f"{row['batch']:,}", x, top + high + 20, "middle")
    for place, (side, mark) in enumerate((("a", "before"), ("b", "after"))):
        ys = [top + high * (1 - row[side][key] / largest) for row in rows]
        points = list(zip(xs, ys, strict=True))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        _add(root, "polyline", {"points": line, "class": mark})
        for x, y in points:
            _add(root, "circle", {"cx": x, "cy": y, "r": 3, "class": f"dot {mark}"})
        start = margin + place * (WIDTH - 2 * margin) / 2
        _add(root, "circle", {"cx": start, "cy": 32, "r": 4, "class": f"dot {mark}"})
        _text(root, text.shorten(names[place], 36), start + 9, 36, "start")
    return _done(root)


def _svg(height: float, title: str) -> ET.Element:
    box = f"0 0 {WIDTH} {height}"
    return ET.Element("svg", {"viewBox": box, "class": "chart", "role": "img", "aria-label": title})


def _add(parent: ET.Element, tag: str, attributes: Mapping[str, Any]) -> ET.Element:
    texts = {
        name: f"{value:.1f}" if isinstance(value, float) else str(value)
        for name, value in attributes.items()
    }
    return ET.SubElement(parent, tag, texts)


def _text(parent: ET.Element, words: str, x: float, y: float, anchor: str) -> None:
    element = _add(parent, "text", {"x": float(x), "y": float(y), "text-anchor": anchor})
    element.text = text.printable(words)


def _done(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode")
