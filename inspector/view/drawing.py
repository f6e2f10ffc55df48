"""A layout as DOT, PNG or PDF: the same picture as the canvas and the SVG.

For PNG and PDF Graphviz draws what is placed already (its engine ``nop2``): boxes, curves and text
at the coordinates of the layout. For DOT the visible graph is told with its scopes, to be laid out
anew by whoever reads it. Here alone text of a model enters DOT; `_label` makes it nothing but text.

Example:
    >>> Path("model.png").write_bytes(image(picture.layout, "png"))
    >>> Path("model.dot").write_text(dot_source(picture.visible), encoding="utf-8")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import graphviz

from inspector.errors import LayoutError
from inspector.view import dot
from inspector.view.export import (
    MARGIN,
    THEMES,
    Theme,
    fill_and_line,
    mark_color,
    mix,
    stroke_width,
)
from inspector.view.text import printable
from inspector.view.visible import VisibleGraph

IMAGES = ("png", "pdf")
DPI = 144
"""Of a PNG: twice the size on a screen, so that text stays sharp when it is zoomed."""
MAX_PIXELS = 32_000
"""Longest side of a PNG that Graphviz can draw; larger pictures get fewer dots per inch."""

_FONT = "Source Sans 3,Source Sans Pro,Noto Sans,DejaVu Sans,Helvetica,sans-serif"


def image(
    layout: Mapping[str, Any],
    format: str,
    *,
    theme: str = "light",
    background: bool = True,
    marks: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """The bytes of a PNG or PDF of a layout.

    Args:
        background: Whether the theme's background is painted, or none.
        marks: As the canvas takes them.
    Raises: LayoutError.
    """
    if format not in IMAGES:
        raise LayoutError(
            "picture", format, f"no picture is drawn so; there are {', '.join(IMAGES)}"
        )
    graph = layout["graph"]
    longest = (max(graph["w"], graph["h"], 1) + 2 * MARGIN) / 72
    dpi = min(DPI, int(MAX_PIXELS / longest)) or 1
    source = _placed(graph, THEMES[theme], background, marks or {}, dpi if format == "png" else 72)
    return dot.draw(source, format)


def dot_source(visible: VisibleGraph, *, direction: str = "TB") -> str:
    """The visible graph in the DOT language: a node per box, a cluster per open scope."""
    graph = graphviz.Digraph("model")
    graph.attr("graph", rankdir=direction, fontname=_FONT, fontsize="12")
    graph.attr("node", shape="box", style="rounded,filled", fontname=_FONT, fontsize="11")
    graph.attr("edge", fontname=_FONT, fontsize="9", arrowsize="0.6")
    clusters = [graphviz.Digraph(f"cluster_{place}") for place in range(len(visible.clusters))]
    for place, box in enumerate(visible.boxes):
        home = clusters[box.parent] if box.parent >= 0 else graph
        fill, line = fill_and_line(box.kind, THEMES["light"])
        shape = {"shape": "box3d"} if box.scope else {}
        home.node(
            f"n{place}",
            label=_label(box.title, box.sub),
            tooltip=_label(box.name),
            fillcolor=fill,
            color=line,
            **shape,
        )
    for place in range(len(clusters) - 1, -1, -1):
        cluster = visible.clusters[place]
        clusters[place].attr(
            label=_label(cluster.title), tooltip=_label(cluster.name), labeljust="l"
        )
        (clusters[cluster.parent] if cluster.parent >= 0 else graph).subgraph(clusters[place])
    for edge in visible.edges:
        style = {} if edge.tensors else {"style": "dashed"}
        label = _label(edge.label) if edge.tensors else ""
        graph.edge(f"n{edge.source}", f"n{edge.target}", label=label, **style)
    return str(graph.source)


def _label(*lines: str) -> str:
    """Lines that Graphviz shows as they stand: no escapes, no entities, no HTML."""
    clean = (printable(text) for text in lines if text)
    plain = (text.replace("&", "&amp;").replace("\\", "\\\\") for text in clean)
    label: str = graphviz.nohtml(r"\n".join(plain))  # a str that is never taken for HTML
    return label


def _placed(
    graph: Mapping[str, Any],
    colors: Theme,
    background: bool,
    marks: Mapping[str, Sequence[str]],
    dpi: int,
) -> str:
    """Everything as nodes and edges at fixed places; Graphviz counts upwards from the bottom."""
    drawn = graphviz.Graph("g")
    paper = colors.background if background else "transparent"
    # Nodes stand above edges, scopes below both: they are drawn in the order they are told.
    drawn.attr("graph", bgcolor=paper, outputorder="nodesfirst", splines="true", dpi=str(dpi))
    drawn.attr("graph", pad=f"{MARGIN / 72:.3f}")
    drawn.attr("node", shape="box", fixedsize="true", label="", fontname=_FONT)
    drawn.attr(
        "edge", dir="forward", arrowsize="0.55", color=mix(colors.text, colors.background, 0.42)
    )
    high = graph["h"]

    def box(name: str, item: Mapping[str, Any], **attributes: str) -> None:
        x, y = item["x"] + item["w"] / 2, high - item["y"] - item["h"] / 2
        drawn.node(
            name,
            pos=f"{x:.1f},{y:.1f}!",
            width=f"{item['w'] / 72:.4f}",
            height=f"{item['h'] / 72:.4f}",
            **attributes,
        )

    def line(name: str, x: float, y: float, text: str, size: float, color: str, bold: bool) -> None:
        font = _FONT.replace(",", " Bold,", 1) if bold else _FONT
        drawn.node(
            name,
            pos=f"{x:.1f},{high - y:.1f}!",
            shape="none",
            width="0",
            height="0",
            label=_label(text),
            fontsize=f"{size:g}",
            fontcolor=color,
            fontname=font,
        )

    frame = {"x": 0, "y": 0, "w": graph["w"], "h": high}
    box("frame", frame, style="invis")
    muted = mix(colors.text, colors.background, 0.75)
    for place, cluster in enumerate(graph["clusters"]):
        style = "rounded,filled,dashed" if cluster.get("ours") else "rounded,filled"
        box(
            f"c{place}",
            cluster,
            style=style,
            fillcolor=mix(colors.text, colors.background, 0.035),
            color=mix(colors.text, colors.background, 0.28),
        )
        half = 3.1 * len(cluster["title"])
        line(
            f"ct{place}",
            cluster["x"] + 14 + half,
            cluster["y"] + 14,
            cluster["title"],
            12,
            muted,
            True,
        )
        if cluster.get("same"):
            right = cluster["x"] + cluster["w"] - 12
            line(f"cl{place}", right, cluster["y"] + 14, cluster["same"], 9, muted, True)
    for place, node in enumerate(graph["nodes"]):
        fill, edge = fill_and_line(node["kind"], colors)
        marked = mark_color(marks.get(node["name"], ()))
        style = "rounded,filled"
        if node.get("stub") or node.get("ours"):
            style += ",dashed"
        wide = "2.6" if marked else "2.2" if node.get("fetch") else "1"
        box(f"n{place}", node, style=style, fillcolor=fill, color=marked or edge, penwidth=wide)
        middle, top = node["x"] + node["w"] / 2, node["y"]
        if node.get("stub"):
            line(f"nt{place}", middle, top + node["h"] / 2, node["title"], 10.5, colors.text, False)
            continue
        line(f"nt{place}", middle, top + 12, node["title"], 11.5, colors.text, True)
        if node["sub"]:
            line(f"ns{place}", middle, top + 27, node["sub"], 9.6, muted, False)
        if node.get("same"):
            right = node["x"] + node["w"] - 10
            line(f"nl{place}", right, top + 28, node["same"], 9, muted, True)
    for edge in graph["edges"]:
        points = edge.get("p") or []
        if len(points) < 10:
            continue
        *curve, tip_x, tip_y = points
        pairs = zip(curve[::2], curve[1::2], strict=True)
        spline = " ".join(f"{x},{high - y}" for x, y in pairs)
        drawn.edge(
            f"n{edge['a']}",
            f"n{edge['b']}",
            pos=f"e,{tip_x},{high - tip_y} {spline}",
            penwidth=f"{stroke_width(edge['n']):.1f}",
            style="solid" if edge["n"] else "dashed",
        )
    return str(drawn.source)
