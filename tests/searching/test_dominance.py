"""Which candidates are marked: ties by size, latency, difference; the front as properties."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from inspector.searching.dominance import (
    MOST,
    Point,
    beats,
    best,
    front,
    is_certainly_beaten,
    order,
)

ratios = st.floats(0.05, 5)


@st.composite
def points(draw: st.DrawFn) -> list[Point]:
    """Points with different names whose figures are often close to each other."""
    count = draw(st.integers(1, 12))
    return [
        Point(
            f"p{number}",
            draw(st.sampled_from((1000, 1005, 1009, 1015, 1030, 2000)) | st.integers(0, 10**6)),
            draw(st.none() | ratios.flatmap(lambda low: st.just((low, low * 1.1)))),
            draw(st.sampled_from((0.0, 0.0005, 0.001, 0.0011)) | st.floats(0, 2)),
            (draw(st.integers(0, 1)), draw(st.integers(0, 4))),
        )
        for number in range(count)
    ]


def point(name: str = "p", size: int = 1000, at: float = 1.0, difference: float = 0.0) -> Point:
    return Point(name, size, (at * 0.98, at * 1.02), difference)


def test_sizes_tie_below_one_per_cent() -> None:
    assert order(point(size=1000), point(size=1009))[0] == 0
    assert order(point(size=1000), point(size=1011))[0] == -1
    assert order(point(size=1011), point(size=1000))[0] == 1


def test_latencies_tie_where_the_intervals_overlap() -> None:
    assert order(point(at=1.0), point(at=1.03))[1] == 0
    assert order(point(at=1.0), point(at=1.05))[1] == -1
    assert order(point(at=1.05), point(at=1.0))[1] == 1
    assert order(point(), Point("unknown", 1000, None, 0.0))[1] == 0


def test_differences_tie_where_both_are_within_the_tolerance() -> None:
    assert order(point(difference=0.0), point(difference=0.001))[2] == 0
    assert order(point(difference=0.0), point(difference=0.002))[2] == -1
    assert order(point(difference=0.03), point(difference=0.02))[2] == 1
    assert order(point(difference=0.03), point(difference=0.02), tolerance=0.05)[2] == 0


def test_the_simpler_of_two_that_tie_in_all_is_kept() -> None:
    plain, more = Point("plain", 1005, None, 0.0, (0, 1)), Point("more", 1000, None, 0.0, (0, 2))
    assert front([more, plain]) == [plain]
    lite = Point("lite", 1000, None, 0.0, (1, 0))
    assert front([lite, plain]) == [plain]


def test_what_is_smaller_and_as_good_otherwise_beats_what_is_simpler() -> None:
    plain, more = Point("plain", 2000, None, 0.0, (0, 1)), Point("more", 1000, None, 0.0, (0, 2))
    assert front([more, plain]) == [more]


def test_points_that_beat_each_other_in_a_circle_leave_one() -> None:
    small, middle, plain = (
        Point("small", 1000, None, 0.0, (0, 3)),
        Point("middle", 1009, None, 0.0, (0, 2)),
        Point("plain", 1018, None, 0.0, (0, 1)),
    )
    assert beats(small, plain)
    assert beats(plain, middle)
    assert beats(middle, small)
    assert front([small, middle, plain]) == [plain]


@given(points())
def test_at_least_one_point_stays_and_none_of_those_beats_another(given_points) -> None:
    left = front(given_points)
    assert left
    assert not any(beats(a, b) for a in left for b in left if a is not b)


@given(points(), st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(given_points, rng: random.Random) -> None:
    shuffled = list(given_points)
    rng.shuffle(shuffled)
    assert {p.name for p in front(shuffled)} == {p.name for p in front(given_points)}
    assert {p.name for p in best(shuffled)} == {p.name for p in best(given_points)}


@given(points())
def test_no_two_points_beat_each_other(given_points) -> None:
    pairs = [(a, b) for a in given_points for b in given_points if a is not b]
    assert not any(beats(a, b) and beats(b, a) for a, b in pairs)


@given(points())
def test_a_point_that_is_certainly_slower_has_one_that_beats_it(given_points) -> None:
    for one in given_points:
        if is_certainly_beaten(one, given_points):
            assert any(beats(other, one) for other in given_points)


@given(points())
def test_the_best_are_few_of_the_front_with_its_extremes(given_points) -> None:
    chosen, leading = best(given_points), front(given_points)
    assert 1 <= len(chosen) <= MOST
    assert {p.name for p in chosen} <= {p.name for p in leading}
    assert min(p.bytes for p in chosen) == min(p.bytes for p in leading)
    assert min(p.difference for p in chosen) == min(p.difference for p in leading)
    assert len(chosen) == min(MOST, len(leading))
