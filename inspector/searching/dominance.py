"""Which candidates are worth a look: none of them is beaten in what a user weighs.

Figures of measurements are compared with the precision that they have: candidates tie in size where
bytes differ by less than 1 %, in latency where the intervals overlap, and in the difference of the
answers where both are below a tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SIZE_TIE = 0.01
"""Share of the bytes by which two sizes have to differ to count as different."""
TOLERANCE = 0.001
"""Differences below this share of an output's largest value count as none, by default."""
MOST = 5
"""Candidates that are marked as best."""


@dataclass(frozen=True)
class Point:
    """The figures of a candidate.

    Attributes:
        interval: Of the latency ratio to the first candidate; None where it is not known, which
            ties with all.
        difference: The largest of any output, as a share of the output's largest value.
        complexity: See `Candidate.complexity`.
    """

    name: str
    bytes: int
    interval: tuple[float, float] | None
    difference: float
    complexity: tuple[int, int] = (0, 0)


def order(a: Point, b: Point, tolerance: float = TOLERANCE) -> tuple[int, int, int]:
    """For size, latency and difference: -1 where A is better, 1 where B is, 0 for a tie."""
    is_same_size = abs(a.bytes - b.bytes) < SIZE_TIE * max(a.bytes, b.bytes)
    is_same_answer = max(a.difference, b.difference) <= tolerance
    return (
        0 if is_same_size else _sign(a.bytes, b.bytes),
        _latency(a.interval, b.interval),
        0 if is_same_answer else _sign(a.difference, b.difference),
    )


def beats(a: Point, b: Point, tolerance: float = TOLERANCE) -> bool:
    """Whether A makes B superfluous.

    It is worse in nothing and better in something; or they tie in all, and A is the simpler one.
    """
    signs = order(a, b, tolerance)
    if any(signs):
        return max(signs) <= 0
    return (a.complexity, a.bytes, a.name) < (b.complexity, b.bytes, b.name)


def front(points: Sequence[Point], tolerance: float = TOLERANCE) -> list[Point]:
    """The points of which none beats another, in their order; at least one.

    Ties are not transitive: of three sizes that are 0.9 % apart each ties with the next, and the
    simplest may be the largest, so that points beat each other in a circle. Points are therefore
    taken out one by one, the most complex first, each because of one that is still there.
    """
    remaining = sorted(points, key=lambda point: (point.complexity, point.bytes, point.name))
    while True:
        beaten = next(
            (
                point
                for point in reversed(remaining)
                if any(other is not point and beats(other, point, tolerance) for other in remaining)
            ),
            None,
        )
        if beaten is None:
            break
        remaining.remove(beaten)
    names = {point.name for point in remaining}
    return [point for point in points if point.name in names]


def is_certainly_beaten(
    point: Point, others: Sequence[Point], tolerance: float = TOLERANCE
) -> bool:
    """Whether another one is certainly faster, and not worse in size and difference.

    More runs would not change that.
    """
    return any(
        (signs := order(other, point, tolerance))[1] < 0 and max(signs) <= 0
        for other in others
        if other is not point
    )


def best(points: Sequence[Point], tolerance: float = TOLERANCE) -> list[Point]:
    """At most `MOST` points of the front, in their order.

    The smallest, the fastest and the most faithful are among them; the others are those with the
    best balance of size and latency.
    """
    leading = front(points, tolerance)
    if len(leading) <= MOST:
        return leading
    extremes = (
        min(leading, key=lambda point: point.bytes),
        min(leading, key=_ratio),
        min(leading, key=lambda point: (point.difference, point.bytes)),
    )
    rest = sorted(leading, key=lambda point: max(point.bytes, 1) * _ratio(point))
    chosen = list(dict.fromkeys(point.name for point in (*extremes, *rest)))[:MOST]
    return [point for point in leading if point.name in chosen]


def _ratio(point: Point) -> float:
    return math.sqrt(math.prod(point.interval)) if point.interval is not None else math.inf


def _latency(a: tuple[float, float] | None, b: tuple[float, float] | None) -> int:
    if a is None or b is None or (a[0] <= b[1] and b[0] <= a[1]):
        return 0
    return -1 if a[1] < b[0] else 1


def _sign(a: float, b: float) -> int:
    return (a > b) - (a < b)
