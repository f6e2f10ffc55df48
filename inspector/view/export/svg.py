"""A layout as an SVG file, as the canvas shows it.

ElementTree escapes all text; the file has no scripts and no external resources.

Example:
    >>> Path("model.svg").write_text(svg(picture_of(tree, opened).layout), encoding="utf-8")
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from inspector.view.layout.text_width import SUB_PX, TITLE_PX
from inspector.view.table.op_kinds import INDEX, KINDS

MARGIN = 16
SIGN_ROOM = 5
"""Texts of a scope are as far left of its middle, as in the canvas: its letter is at the right."""
FONT = "'Source Sans 3', 'Source Sans Pro', 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Theme:
    """Colours with which those of the kinds are mixed."""

    background: str
    text: str


THEMES = {"light": Theme("#ffffff", "#1f2430"), "dark": Theme("#0e1117", "#f0f2f6")}


MARKS = {
    "added": "#1a9850", "removed": "#d1293d", "changed": "#d99100", "renamed": "#8c4bd6",
    "output": "#2457c5",
}  # fmt: skip
"""Border colours of differences between two graphs, and of picks."""


def svg(
    layout: Mapping[str, Any],
    *,
    theme: str = "light",
    background: bool = True,
    marks: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The SVG text of a layout.

    Args:
        background: Whether the theme's background is painted, or none.
        marks: Box name to marks, as the canvas takes them; those of `MARKS` are drawn.
    """
    colors = THEMES[theme]
    graph = layout["graph"]
    wide, high = graph["w"] + 2 * MARGIN, graph["h"] + 2 * MARGIN
    root = ET.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", width=str(wide), height=str(high),
        viewBox=f"{-MARGIN} {-MARGIN} {wide} {high}",
    )  # fmt: skip
    root.set("font-family", FONT)
    if background:
        size = {"x": -MARGIN, "y": -MARGIN, "width": wide, "height": high}
        _add(root, "rect", fill=colors.background, **size)
    for cluster in graph["clusters"]:
        _cluster(root, cluster, colors)
    for edge in graph["edges"]:
        _edge(root, edge, colors)
    muted = mix(colors.text, colors.background, 0.75)
    for number, x, y in graph["labels"]:
        _text(root, x, y, graph["edges"][number]["t"], SUB_PX, muted)
    for node in graph["nodes"]:
        _node(root, node, colors, mark_color((marks or {}).get(node["name"], ())))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def mix(color: str, other: str, share: float) -> str:
    """``share`` of the first colour, the rest of the second: ``#rrggbb`` each."""
    one, two = (bytes.fromhex(text[1:]) for text in (color, other))
    mixed = (round(a * share + b * (1 - share)) for a, b in zip(one, two, strict=True))
    return "#" + bytes(mixed).hex()


def fill_and_line(kind: int, theme: Theme) -> tuple[str, str]:
    """Fill and border of a box, mixed as in the style sheet of the canvas."""
    color = KINDS[kind].color
    return mix(color, theme.background, 0.30), mix(color, theme.text, 0.82)


def sub_color(theme: Theme) -> str:
    """The colour of the second line of a box."""
    return mix(theme.text, theme.background, 0.85)


def band_color(theme: Theme) -> str:
    """The fill of the band of a fused activation."""
    return mix(KINDS[INDEX["activation"]].color, theme.background, 0.44)


def mark_color(marks: Sequence[str]) -> str:
    """The border colour of a box with these marks, or empty."""
    return next((color for mark, color in MARKS.items() if mark in marks), "")


def _cluster(root: ET.Element, cluster: dict[str, Any], colors: Theme) -> None:
    line = mix(colors.text, colors.background, 0.28)
    shape = _add(
        root, "rect", x=cluster["x"], y=cluster["y"], width=cluster["w"], height=cluster["h"],
        rx=10, fill=mix(colors.text, colors.background, 0.035), stroke=line,
    )  # fmt: skip
    if cluster.get("ours"):
        shape.set("stroke-dasharray", "5 4")
    muted = mix(colors.text, colors.background, 0.75)
    _text(root, cluster["x"] + 12, cluster["y"] + 18, cluster["title"], 12, muted, weight=600)
    if cluster.get("same"):
        right = cluster["x"] + cluster["w"] - 14
        _text(root, right, cluster["y"] + 18, cluster["same"], 10, muted, weight=700)


def _edge(root: ET.Element, edge: dict[str, Any], colors: Theme) -> None:
    points = edge.get("p") or []
    if len(points) < 4:
        return
    *curve, tip_x, tip_y = points
    pairs = [f"{x},{y}" for x, y in zip(curve[::2], curve[1::2], strict=True)]
    line = mix(colors.text, colors.background, 0.42)
    path = _add(root, "path", d=f"M{pairs[0]} C{' '.join(pairs[1:])}", fill="none", stroke=line)
    path.set("stroke-width", f"{stroke_width(edge['n']):.1f}")
    if not edge["n"]:
        path.set("stroke-dasharray", "4 3")
    elif edge.get("back"):
        path.set("stroke-dasharray", "1.5 3")
    end_x, end_y = curve[-2], curve[-1]
    length = math.hypot(tip_x - end_x, tip_y - end_y) or 1
    across_x, across_y = (tip_y - end_y) / length * 3.2, -(tip_x - end_x) / length * 3.2
    corners = [
        (end_x + across_x, end_y + across_y), (tip_x, tip_y), (end_x - across_x, end_y - across_y),
    ]  # fmt: skip
    _add(root, "polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in corners), fill=line)


def stroke_width(tensors: int) -> float:
    """1.2 + ln(tensors), at most 4."""
    return min(4.0, 1.2 + math.log(max(1, tensors)))


def _node(root: ET.Element, node: dict[str, Any], colors: Theme, marked: str) -> None:
    fill, line = fill_and_line(node["kind"], colors)
    line = marked or line
    x, y, w, h = node["x"], node["y"], node["w"], node["h"]
    radius = h / 2 if node.get("stub") or node.get("feed") else 7
    if node.get("scope"):
        _add(root, "rect", x=x + 4, y=y + 4, width=w, height=h, rx=radius, fill=fill, stroke=line)
    box = _add(root, "rect", x=x, y=y, width=w, height=h, rx=radius, fill=fill, stroke=line)
    box.set("stroke-width", "2.6" if marked else "2.4" if node.get("fetch") else "1.2")
    if node.get("ours") or node.get("stub"):
        box.set("stroke-dasharray", "4 3")
    middle = x + w / 2 - (SIGN_ROOM if node.get("scope") else 0)
    if node.get("stub"):
        _text(root, middle, y + h / 2 + 4, node["title"], SUB_PX, colors.text, anchor="middle")
        return
    _text(root, middle, y + 16, node["title"], TITLE_PX, colors.text, anchor="middle", weight=600)
    muted = sub_color(colors)
    _text(root, middle, y + 30, node["sub"], SUB_PX, muted, anchor="middle")
    if node.get("band"):
        band = _add(root, "rect", x=x + 1, y=y + h - 16, width=w - 2, height=15, rx=6)
        band.set("fill", band_color(colors))
        _text(root, middle, y + h - 4, node["band"], SUB_PX, muted, anchor="middle")
    if node.get("same"):
        _text(root, x + w - 11, y + 31, node["same"], 10, muted, anchor="middle", weight=700)


def _text(
    root: ET.Element, x: float, y: float, text: str, px: float, fill: str,
    *, anchor: str = "start", weight: int = 400,
) -> None:  # fmt: skip
    item = _add(root, "text", x=x, y=y, fill=fill)
    item.set("font-size", str(px))
    item.set("font-weight", str(weight))
    item.set("text-anchor", anchor)
    item.text = text


def _add(root: ET.Element, tag: str, **attributes: object) -> ET.Element:
    return ET.SubElement(root, tag, {key: str(value) for key, value in attributes.items()})
