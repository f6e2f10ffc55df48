"""A layout as DOT, PNG or PDF: the same picture as the canvas and the SVG.

For PNG and PDF Graphviz draws boxes, curves and text at the coordinates of the layout (its engine
``nop2``). DOT holds the visible graph and its scopes without coordinates. Only here does text of a
model enter DOT; `_label` escapes it.

Example:
    >>> Path("model.png").write_bytes(image(picture.layout, "png"))
    >>> Path("model.dot").write_text(dot_source(picture.visible), encoding="utf-8")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import graphviz

from inspector.errors import LayoutError
from inspector.text import printable
from inspector.view.export.svg import (
    MARGIN,
    SIGN_ROOM,
    THEMES,
    Theme,
    band_color,
    fill_and_line,
    mark_color,
    mix,
    stroke_width,
    sub_color,
)
from inspector.view.layout import dot
from inspector.view.state.visible import VisibleGraph

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
    """DOT in which everything has its place."""
    drawing = _Drawing(graph["h"], colors, background, dpi)
    frame = {"x": 0, "y": 0, "w": graph["w"], "h": graph["h"]}
    drawing.box("frame", frame, style="invis")
    for place, cluster in enumerate(graph["clusters"]):
        drawing.cluster(place, cluster)
    for place, node in enumerate(graph["nodes"]):
        drawing.node(place, node, mark_color(marks.get(node["name"], ())))
    for edge in graph["edges"]:
        drawing.edge(edge)
    for number, x, y in graph["labels"]:
        text = graph["edges"][number]["t"]
        drawing.text(f"el{number}", x + 2.9 * len(text), y - 4, text, 9.6, bold=False)
    return str(drawing.graph.source)


class _Drawing:
    """A Graphviz graph of nodes and edges at fixed places; its y grows upwards."""

    def __init__(self, height: float, colors: Theme, background: bool, dpi: int) -> None:
        self.height = height
        self.colors = colors
        self.muted = mix(colors.text, colors.background, 0.75)
        self.graph = graph = graphviz.Graph("g")
        paper = colors.background if background else "transparent"
        # Nodes stand above edges, and in the order of the text: clusters come before nodes.
        graph.attr("graph", bgcolor=paper, outputorder="nodesfirst", splines="true", dpi=str(dpi))
        graph.attr("graph", pad=f"{MARGIN / 72:.3f}")
        graph.attr("node", shape="box", fixedsize="true", label="", fontname=_FONT)
        line = mix(colors.text, colors.background, 0.42)
        graph.attr("edge", dir="forward", arrowsize="0.55", color=line)

    def box(self, name: str, item: Mapping[str, Any], **attributes: str) -> None:
        """A rectangle."""
        x, y = item["x"] + item["w"] / 2, self.height - item["y"] - item["h"] / 2
        self.graph.node(
            name,
            pos=f"{x:.1f},{y:.1f}!",
            width=f"{item['w'] / 72:.4f}",
            height=f"{item['h'] / 72:.4f}",
            **attributes,
        )

    def text(
        self, name: str, x: float, y: float, text: str, px: float, color: str = "",
        *, bold: bool = True,
    ) -> None:  # fmt: skip
        """A line of text around a point; muted unless it has a colour."""
        self.graph.node(
            name,
            pos=f"{x:.1f},{self.height - y:.1f}!",
            shape="none",
            width="0",
            height="0",
            label=_label(text),
            fontsize=f"{px:g}",
            fontcolor=color or self.muted,
            fontname=_FONT.replace(",", " Bold,", 1) if bold else _FONT,
        )

    def cluster(self, place: int, cluster: Mapping[str, Any]) -> None:
        """An open scope: its frame, its title and its letter."""
        text, background = self.colors.text, self.colors.background
        self.box(
            f"c{place}",
            cluster,
            style="rounded,filled,dashed" if cluster.get("ours") else "rounded,filled",
            fillcolor=mix(text, background, 0.035),
            color=mix(text, background, 0.28),
        )
        x, y, title = cluster["x"], cluster["y"] + 14, cluster["title"]
        self.text(f"ct{place}", x + 14 + 3.1 * len(title), y, title, 12)
        if cluster.get("same"):
            self.text(f"cl{place}", x + cluster["w"] - 12, y, cluster["same"], 9)

    def node(self, place: int, node: Mapping[str, Any], mark: str) -> None:
        """A box or a stub with its texts.

        Args:
            mark: Colour of the border of a marked box, or nothing.
        """
        fill, border = fill_and_line(node["kind"], self.colors)
        style = "rounded,filled" + (",dashed" if node.get("stub") or node.get("ours") else "")
        wide = "2.6" if mark else "2.2" if node.get("fetch") else "1"
        self.box(
            f"n{place}", node, style=style, fillcolor=fill, color=mark or border, penwidth=wide
        )
        x, y, text = node["x"] + node["w"] / 2, node["y"], self.colors.text
        x -= SIGN_ROOM if node.get("scope") else 0
        if node.get("stub"):
            self.text(f"nt{place}", x, y + node["h"] / 2, node["title"], 10.5, text, bold=False)
            return
        self.text(f"nt{place}", x, y + 12, node["title"], 11.5, text)
        if node["sub"]:
            self.text(f"ns{place}", x, y + 27, node["sub"], 9.6, sub_color(self.colors), bold=False)
        if node.get("band"):
            band = {"x": node["x"] + 1, "y": y + node["h"] - 16, "w": node["w"] - 2, "h": 15}
            fill = band_color(self.colors)
            self.box(f"nb{place}", band, style="rounded,filled", fillcolor=fill, color=fill)
            self.text(f"nf{place}", x, y + node["h"] - 8, node["band"], 9.6, text, bold=False)
        if node.get("same"):
            self.text(f"nl{place}", node["x"] + node["w"] - 10, y + 28, node["same"], 9)

    def edge(self, edge: Mapping[str, Any]) -> None:
        """A curve with its arrow, if the layout has one."""
        points = edge.get("p") or []
        if len(points) < 10:
            return
        *curve, tip_x, tip_y = points
        pairs = zip(curve[::2], curve[1::2], strict=True)
        spline = " ".join(f"{x},{self.height - y}" for x, y in pairs)
        self.graph.edge(
            f"n{edge['a']}",
            f"n{edge['b']}",
            pos=f"e,{tip_x},{self.height - tip_y} {spline}",
            penwidth=f"{stroke_width(edge['n']):.1f}",
            style="solid" if edge["n"] else "dashed",
        )
