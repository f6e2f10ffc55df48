"""Sets a tall picture in columns, as text is: a chain of fifty boxes fits one screen.

The picture is laid out once, top to bottom, and cut between boxes where the fewest edges cross.
The pieces stand side by side; an edge across a cut runs from the bottom of one column to the top of
the next. A scope that a cut goes through also has cuts above and below, so that its frame goes
around whole columns.

Lengths are pixels, ``y`` grows downwards, as in `inspector.view.layout.layout`.
"""

from __future__ import annotations

import math
from typing import Any

from inspector.view.layout.curves import Curve, lead, split_at
from inspector.view.layout.cuts import (
    CORNER,
    LANE,
    MARGIN,
    TITLE,
    Cuts,
    Graph,
    Strip,
    column_at,
    gutter_between,
    shared,
)

STAGE = (1120, 730)
"""Width and height that a window of 1440 by 900 has for the picture."""
ENOUGH = 1.0
"""A picture at this scale needs no columns."""
GAIN = 1.2
"""Least gain of scale for columns."""
PER_COLUMN, PER_CROSSING = 0.97, 0.98
"""Factor of the worth for each further column, and for each further edge across a cut."""
MOST = 24
PIECES = (1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 10, 12, 14, 17, 20, 24)
"""Numbers of columns to try."""
FOOT = 3
"""Distance below the boxes of a column at which its edges leave it."""
HEAD = 14
"""Distance above the boxes of the next at which they enter; arrows end nearer than this."""


def in_columns(graph: Graph) -> Graph:
    """The picture in columns where that makes it larger on a screen; else unchanged."""
    if graph["h"] <= STAGE[1] / ENOUGH or len(graph["nodes"]) < 4:
        return graph
    cuts = Cuts(graph)
    before = scale(graph["w"], graph["h"])
    best, best_strips = before * GAIN, None
    tried: set[tuple[float, ...]] = set()
    for count in PIECES:
        strips = cuts.strips(graph["h"] / count)
        key = tuple(strip.top for strip in strips)
        if not 1 < len(strips) <= MOST or key in tried:
            continue
        tried.add(key)
        size, crossing = cuts.size(strips)
        worth = scale(*size) * PER_COLUMN ** (len(strips) - 1)
        worth *= PER_CROSSING ** max(0, crossing - len(strips) + 1)
        if worth > best:
            best, best_strips = worth, strips
    return graph if best_strips is None else _set(graph, best_strips, cuts)


def scale(wide: float, high: float) -> float:
    """The scale at which a picture of this size is wholly on the screen, at most `ENOUGH`."""
    return min(ENOUGH, STAGE[0] / max(wide, 1), STAGE[1] / max(high, 1))


def _set(graph: Graph, strips: list[Strip], cuts: Cuts) -> Graph:
    """Put the columns side by side."""
    tops = [strip.top for strip in strips]
    curves = _cut_edges(graph, strips, tops)
    for pieces in curves:
        for place, piece in pieces or ():
            strips[place].left = min(strips[place].left, *piece.xs())
            strips[place].right = max(strips[place].right, *piece.xs())
    led_edges = _led(curves, len(strips))
    lanes = max((len(edges) for edges in led_edges), default=0)
    nest = _nesting(strips)
    depth = 1 + max(nest.values()) if nest else 0
    channel = 2 * CORNER + LANE * lanes
    head = channel + depth * TITLE
    x = 0.0
    for place, strip in enumerate(strips):
        if place:
            x += gutter_between(strips[place - 1], strip, len(led_edges[place - 1]))
        else:
            x += MARGIN * len(strip.frames)
        strip.x = round(x - strip.left)
        x += strip.right - strip.left
    wide = x + MARGIN * len(strips[-1].frames)

    def moved(strip: Strip) -> tuple[float, float]:
        return strip.x, round(head - strip.top)

    nodes = []
    for node in graph["nodes"]:
        dx, dy = moved(strips[column_at(tops, node["y"])])
        nodes.append(node | {"x": round(node["x"] + dx), "y": round(node["y"] + dy)})
    clusters = []
    for place, cluster in enumerate(graph["clusters"]):
        own = [number for number, strip in enumerate(strips) if place in strip.frames]
        if own:
            clusters.append(cluster | _frame(strips, own, place, nest[place], channel, led_edges))
            continue
        dx, dy = moved(strips[column_at(tops, cluster["y"])])
        clusters.append(cluster | {"x": round(cluster["x"] + dx), "y": round(cluster["y"] + dy)})
    edges = []
    for number, (edge, pieces) in enumerate(zip(graph["edges"], curves, strict=True)):
        if not pieces:
            edges.append(edge)
            continue
        edges.append(edge | {"p": _joined(edge, number, pieces, strips, head, led_edges)})
    feet = [head + strip.bottom - strip.top for strip in strips]
    feet = [
        foot + (channel if gone else 0) for foot, gone in zip(feet, [*led_edges, ()], strict=True)
    ]
    bottoms = [cluster["y"] + cluster["h"] for cluster in clusters]
    return {
        "w": math.ceil(wide) + 1, "h": math.ceil(max([*feet, *bottoms])) + 1,
        "nodes": nodes, "edges": edges, "clusters": clusters, "columns": len(strips),
    }  # fmt: skip


def _cut_edges(
    graph: Graph, strips: list[Strip], tops: list[float]
) -> list[list[tuple[int, Curve]] | None]:
    """Per edge its pieces, each with the column it is in; an edge of one column is one piece."""
    edge_pieces: list[list[tuple[int, Curve]] | None] = []
    for edge in graph["edges"]:
        points = edge.get("p")
        if not points:
            edge_pieces.append(None)
            continue
        first = column_at(tops, graph["nodes"][edge["a"]]["y"])
        last = column_at(tops, graph["nodes"][edge["b"]]["y"])
        rest = Curve.of(points)
        pieces: list[tuple[int, Curve]] = []
        for place in range(first, last):
            foot = strips[place].bottom + FOOT
            head = max(foot + 1, strips[place + 1].top - HEAD)
            piece, rest = split_at(rest, foot)
            pieces.append((place, piece))
            rest = split_at(rest, head)[1]
        edge_pieces.append([*pieces, (last, rest)])
    return edge_pieces


def _led(curves: list[list[tuple[int, Curve]] | None], count: int) -> list[list[int]]:
    """Per gap between columns, the edges across it: from the right, so that none cross."""
    gaps: list[list[tuple[float, int]]] = [[] for _ in range(count - 1)]
    for number, pieces in enumerate(curves):
        for place, piece in (pieces or [])[:-1]:
            gaps[place].append((-piece.end[0], number))
    return [[number for _, number in sorted(edges)] for edges in gaps]


def _joined(
    edge: dict[str, Any],
    number: int,
    pieces: list[tuple[int, Curve]],
    strips: list[Strip],
    head: float,
    led: list[list[int]],
) -> list[int]:
    """The points of an edge in the new picture: its pieces and the connections between them."""
    path: Curve | None = None
    for place, piece in pieces:
        strip = strips[place]
        here = piece.moved(strip.x, round(head - strip.top))
        if path is None:
            path = here
            continue
        before = strips[place - 1]
        edges = led[place - 1]
        lane, last = edges.index(number), len(edges) - 1
        foot = head + before.bottom - before.top + FOOT + CORNER + LANE * lane
        closing = len(before.frames) - shared(before, strip)
        gutter = before.x + before.right + MARGIN * closing + CORNER + LANE * lane
        above = head - HEAD - CORNER - LANE * (last - lane)
        path = path.joined(lead(path.end, here.start, foot, gutter, above, CORNER)).joined(here)
    assert path is not None
    points = [*path.points(), *edge["p"][-2:]]
    strip = strips[pieces[-1][0]]
    points[-2] += strip.x
    points[-1] += round(head - strip.top)
    return [round(value) for value in points]


def _frame(
    strips: list[Strip],
    own: list[int],
    place: int,
    nest: int,
    channel: float,
    led: list[list[int]],
) -> dict[str, int]:
    """The rectangle of a scope that is in several columns."""
    pad = MARGIN * (nest + 1)
    first, last = strips[own[0]], strips[own[-1]]
    left_edge = first.x + first.left - MARGIN * (len(first.frames) - first.frames.index(place))
    right_edge = last.x + last.right + MARGIN * (len(last.frames) - last.frames.index(place))
    deep = 1 + max(_nesting(strips).values())
    head = channel + deep * TITLE
    top = head - channel - (nest + 1) * TITLE
    bottom = max(
        head + strips[n].bottom - strips[n].top + (channel if n < len(led) and led[n] else 0)
        for n in own
    )
    return {
        "x": round(left_edge), "y": round(top),
        "w": round(right_edge - left_edge), "h": round(bottom + pad - top),
    }  # fmt: skip


def _nesting(strips: list[Strip]) -> dict[int, int]:
    """Per scope that cuts go through, the depth of such scopes inside of it."""
    nesting: dict[int, int] = {}
    for strip in strips:
        for up, place in enumerate(reversed(strip.frames)):
            nesting[place] = max(nesting.get(place, 0), up)
    return nesting
