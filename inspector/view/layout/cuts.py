"""Where a tall picture may be cut into columns: between boxes, around whole scopes.

Lengths are pixels, ``y`` grows downwards, as in `inspector.view.layout.layout`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Graph = dict[str, Any]
SHORTEST, REST = 0.6, 0.3
"""Shares of a column's height: from the first on it may end where few edges cross; a last column is
at least the second.
"""
LANE, CORNER = 7, 8
"""Distance between parallel edges across a cut, and the radius of their corners."""
MARGIN, TITLE = 12, 30
"""Distance between a frame and its content; the same at the top, with the title."""


@dataclass
class Strip:
    """A column.

    Args:
        top, bottom: Of its boxes and frames, in the picture as it was.
        frames: The clusters that cuts go through and that it is in, outermost first.
        left, right: Of all it holds, edges too.
    """

    top: float
    bottom: float
    frames: tuple[int, ...]
    left: float = 0.0
    right: float = 0.0
    nodes: list[int] = field(default_factory=list)
    x: float = 0.0


@dataclass(frozen=True)
class Band:
    """A range of heights without a cut; ``cluster`` if it is that of a single cluster."""

    top: float
    bottom: float
    cluster: int = -1


class Cuts:
    """Where a picture may be cut."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.inside: dict[int, list[Band]] = {}
        members: dict[int, list[Band]] = {}
        for node in graph["nodes"]:
            members.setdefault(node["parent"], []).append(Band(node["y"], node["y"] + node["h"]))
        for place, cluster in enumerate(graph["clusters"]):
            band = Band(cluster["y"], cluster["y"] + cluster["h"], place)
            members.setdefault(cluster["parent"], []).append(band)
        for parent, bands in members.items():
            self.inside[parent] = list(merged(bands))
        # Per edge: from the bottom of its source to the top of its target.
        self.spans: list[tuple[float, float]] = []
        upward: list[Band] = []
        for edge in graph["edges"]:
            points = edge.get("p")
            if not points:
                continue
            first, last = points[1], points[-1]
            heights = points[1::2]
            if first <= last and min(heights) >= first - 1 and max(heights) <= last + 1:
                self.spans.append((first, last))
            else:
                upward.append(Band(min(heights), max(heights)))
        self.upward: list[Band] = list(merged(upward))
        self.upward_tops: list[float] = [band.top for band in self.upward]
        self.firsts: list[float] = sorted(first for first, _ in self.spans)
        self.lasts: list[float] = sorted(last for _, last in self.spans)

    def crossing(self, above: float, below: float) -> int | None:
        """Number of edges through a gap; None where one of them cannot be cut."""
        place = bisect_left(self.upward_tops, below) - 1
        if place >= 0 and above < self.upward[place].bottom:
            return None
        # No box is in a gap, so no edge begins and ends in it.
        return bisect_right(self.firsts, above + 1) - bisect_left(self.lasts, below - 1)

    def strips(self, high: float) -> list[Strip]:
        """Columns of about this height."""
        strips: list[Strip] = []
        frames: tuple[int, ...] = ()
        todo = [self._fill(-1, frames, high, strips)]
        while todo:
            scope = next(todo[-1], None)
            if scope is None:
                todo.pop()
                frames = frames[:-1]
            else:
                frames = (*frames, scope)
                todo.append(self._fill(scope, frames, high, strips))
        return strips

    def _fill(
        self, parent: int, frames: tuple[int, ...], high: float, out: list[Strip]
    ) -> Iterator[int]:
        """Fill columns with the bands of one level; yields scopes that must be cut inside."""
        bands = self.inside.get(parent, [])
        now: list[Band] = []
        for place, band in enumerate(bands):
            if self._is_torn(band, high) and self._is_free(bands, place):
                if now:
                    out.append(Strip(now[0].top, now[-1].bottom, frames))
                now = []
                yield band.cluster
                continue
            little = bands[-1].bottom - band.top < REST * high
            if now and band.bottom - now[0].top > high and not little:
                cut = self._best(now, band, high)
                if cut:
                    out.append(Strip(now[0].top, now[cut - 1].bottom, frames))
                    now = now[cut:]
            now.append(band)
        if now:
            out.append(Strip(now[0].top, now[-1].bottom, frames))

    def _is_torn(self, band: Band, high: float) -> bool:
        many = band.cluster >= 0 and len(self.inside.get(band.cluster, ())) > 1
        return many and band.bottom - band.top > 1.1 * high

    def _is_free(self, bands: Sequence[Band], place: int) -> bool:
        """Whether a band may have cuts above and below, and no edge passes beside it."""
        band = bands[place]
        if place and self.crossing(bands[place - 1].bottom, band.top) is None:
            return False
        if place + 1 < len(bands) and self.crossing(band.bottom, bands[place + 1].top) is None:
            return False
        return not any(first < band.top and band.bottom < last for first, last in self.spans)

    def _best(self, now: list[Band], band: Band, high: float) -> int:
        """Number of the bands that form a column; 0 where no cut is possible."""
        best: tuple[int, int] | None = None
        after = [*now[1:], band]
        for number, (upper, lower) in enumerate(zip(now, after, strict=True), start=1):
            if upper.bottom - now[0].top < SHORTEST * high:
                continue
            crossing = self.crossing(upper.bottom, lower.top)
            if crossing is not None and (best is None or (crossing, -number) < best):
                best = (crossing, -number)
        return -best[1] if best else 0

    def size(self, strips: list[Strip]) -> tuple[tuple[float, float], int]:
        """Estimated width and height of these columns, and the number of edges across cuts."""
        tops = [strip.top for strip in strips]
        wide = 0.0
        for strip in strips:
            strip.left, strip.right, strip.nodes = 1e9, -1e9, []
        for place, node in enumerate(self.graph["nodes"]):
            strip = strips[column_at(tops, node["y"])]
            strip.nodes.append(place)
            strip.left = min(strip.left, node["x"])
            strip.right = max(strip.right, node["x"] + node["w"])
        for cluster in self.graph["clusters"]:
            strip = strips[column_at(tops, cluster["y"])]
            if cluster["y"] + cluster["h"] <= strip.bottom + 1:
                strip.left = min(strip.left, cluster["x"])
                strip.right = max(strip.right, cluster["x"] + cluster["w"])
        total = 0
        for strip, after in pairwise(strips):
            count = self.crossing(strip.bottom, after.top) or 0
            total += count
            wide += gutter_between(strip, after, count)
        wide += sum(strip.right - strip.left for strip in strips)
        deep = max(len(strip.frames) for strip in strips)
        high = max(strip.bottom - strip.top for strip in strips)
        return (wide, high + deep * (TITLE + MARGIN) + 2 * CORNER + 2 * LANE), total


def shared(one: Strip, other: Strip) -> int:
    """Number of frames that both columns are in."""
    count = 0
    for a, b in zip(one.frames, other.frames, strict=False):
        if a != b:
            break
        count += 1
    return count


def gutter_between(before: Strip, after: Strip, lanes: int) -> float:
    """The distance between two columns."""
    around = shared(before, after)
    frames = len(before.frames) + len(after.frames) - 2 * around
    return MARGIN * frames + 2 * CORNER + LANE * lanes + 4


def column_at(tops: Sequence[float], y: float) -> int:
    """The last column that starts at or above a height."""
    place = 0
    for number, top in enumerate(tops):
        if top <= y + 0.5:
            place = number
    return place


def merged(bands: list[Band]) -> Iterator[Band]:
    """Bands, with overlapping ones merged."""
    now: Band | None = None
    for band in sorted(bands, key=lambda band: (band.top, band.bottom)):
        if now is None or band.top > now.bottom:
            if now is not None:
                yield now
            now = band
        else:
            now = Band(now.top, max(now.bottom, band.bottom))
    if now is not None:
        yield now
