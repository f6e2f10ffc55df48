"""Edges as sequences of cubic Bézier curves: split at a height, moved, led around corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
STEPS = 24
"""Bisection steps to a height on a curve."""
ROUND = 0.55
"""Length of the handles of a quarter of a circle, in radii."""


Cubic = tuple[Point, Point, Point, Point]


@dataclass(frozen=True)
class Curve:
    """A start, and three points for each cubic piece behind it."""

    start: Point
    pieces: tuple[tuple[Point, Point, Point], ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Curve:
        """From ``x, y`` of the start, of the Bézier points, and of the arrow's tip, left out."""
        points = list(zip(values[::2], values[1::2], strict=True))[:-1]
        pieces = tuple((points[i], points[i + 1], points[i + 2]) for i in range(1, len(points), 3))
        return cls(points[0], pieces)

    @property
    def end(self) -> Point:
        """The last point."""
        return self.pieces[-1][2] if self.pieces else self.start

    def xs(self) -> list[float]:
        """The x of every point, handles too; they bound the curve."""
        return [self.start[0], *(point[0] for piece in self.pieces for point in piece)]

    def points(self) -> list[float]:
        """As `of` takes it, without the tip."""
        flat = list(self.start)
        for piece in self.pieces:
            for point in piece:
                flat += point
        return flat

    def moved(self, dx: float, dy: float) -> Curve:
        """The same elsewhere."""

        def at(point: Point) -> Point:
            return point[0] + dx, point[1] + dy

        return Curve(at(self.start), tuple((at(a), at(b), at(c)) for a, b, c in self.pieces))

    def joined(self, other: Curve) -> Curve:
        """The curve followed by one that starts at its end."""
        return Curve(self.start, self.pieces + other.pieces)


def split_at(curve: Curve, y: float) -> tuple[Curve, Curve]:
    """Split a curve that goes down at a height; where it ends above, the second is a point.

    Where it starts below, the first is a straight line down to it from that height.
    """
    start = curve.start
    if start[1] >= y:
        top = (start[0], y)
        return Curve(top, ()), Curve(top, (straight(top, start), *curve.pieces))
    for place, (a, b, c) in enumerate(curve.pieces):
        if c[1] < y:
            start = c
            continue
        low, high = 0.0, 1.0
        for _ in range(STEPS):
            middle = (low + high) / 2
            if _cut((start, a, b, c), middle)[0][3][1] < y:
                low = middle
            else:
                high = middle
        upper, lower = _cut((start, a, b, c), high)
        first = Curve(curve.start, (*curve.pieces[:place], upper[1:]))
        return first, Curve(lower[0], (lower[1:], *curve.pieces[place + 1 :]))
    end = curve.end
    below = (end[0], y)
    return Curve(curve.start, (*curve.pieces, straight(end, below))), Curve(below, ())


def straight(start: Point, end: Point) -> tuple[Point, Point, Point]:
    """A line as a cubic piece."""
    (x0, y0), (x1, y1) = start, end
    third = ((x1 - x0) / 3, (y1 - y0) / 3)
    return (x0 + third[0], y0 + third[1]), (x1 - third[0], y1 - third[1]), end


def lead(start: Point, end: Point, foot: float, side: float, above: float, radius: float) -> Curve:
    """From the bottom of a column to the top of the next: down, across, up, across, down.

    Args:
        foot, above: The heights at which it goes across.
        side: Where it goes up.
    """
    corners = [(start[0], foot), (side, foot), (side, above), (end[0], above)]
    return _rounded([start, *corners, end], radius)


def _rounded(points: list[Point], radius: float) -> Curve:
    """Lines from point to point with round corners."""
    pieces: list[tuple[Point, Point, Point]] = []
    here = points[0]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(radius, _length(before, corner) / 2, _length(corner, after) / 2)
        enter, leave = _towards(corner, before, reach), _towards(corner, after, reach)
        pieces.append(straight(here, enter))
        pieces.append(
            (
                _towards(enter, corner, reach * ROUND),
                _towards(leave, corner, reach * ROUND),
                leave,
            )
        )
        here = leave
    pieces.append(straight(here, points[-1]))
    return Curve(points[0], tuple(pieces))


def _length(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(start: Point, end: Point, by: float) -> Point:
    """A point on the way along an axis, so far from the start."""
    whole = _length(start, end)
    part = by / whole if whole else 0.0
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _cut(points: Cubic, part: float) -> tuple[Cubic, Cubic]:
    """One cubic as two, by de Casteljau's construction."""

    def between(a: Point, b: Point) -> Point:
        return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part

    p0, p1, p2, p3 = points
    a, b, c = between(p0, p1), between(p1, p2), between(p2, p3)
    d, e = between(a, b), between(b, c)
    middle = between(d, e)
    return (p0, a, d, middle), (middle, e, c, p3)
