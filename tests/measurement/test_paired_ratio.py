"""The verdict on paired times, without a clock."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inspector.measurement.paired_ratio import LEAST_PAIRS, judge, median_ratio

RNG = np.random.default_rng(7)
BUSY = np.exp(np.cumsum(RNG.normal(0, 0.3, 200)) / 4)
"""How much slower other work makes the machine from pair to pair."""


def pairs(ratio: float, noise: float, count: int = 200) -> tuple[list[float], list[float]]:
    a, b = (BUSY[:count] * np.exp(RNG.normal(0, noise, count)) for _ in range(2))
    return list(a), list(ratio * b)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(1.0, "same"), (1.02, "same"), (1.1, "slower"), (2.0, "slower"), (0.9, "faster")],
)
def test_a_verdict_for_each_ratio(ratio: float, verdict: str) -> None:
    judgement = judge(pairs(ratio, 0.02))
    assert judgement.verdict == verdict
    assert judgement.ratio == pytest.approx(ratio, rel=0.01)
    assert judgement.interval is not None
    low, high = judgement.interval
    assert low < ratio < high
    assert (judgement.clock, judgement.pairs) == ("wall", 200)


def test_too_much_noise_decides_nothing() -> None:
    judgement = judge(pairs(1.0, 1.5))
    assert judgement.verdict == "too noisy to tell"
    assert judgement.interval is not None
    assert not judgement.is_certain


def test_the_ratio_is_that_of_the_pairs_and_not_of_the_medians() -> None:
    """By their medians, these two series do not differ."""
    a = [1.0, 10.0, 100.0] * 20
    b = [1.2 * value for value in a]
    b[:20], a[:20] = [1.2] * 20, [1.0] * 20
    assert median_ratio(a, b) == pytest.approx(1.2)
    assert judge((a, b)).verdict == "slower"


def test_processor_time_decides_where_wall_time_cannot() -> None:
    noisy, quiet = pairs(1.1, 1.5), pairs(1.1, 0.01)
    assert judge(noisy).verdict == "too noisy to tell"
    both = judge(noisy, quiet)
    assert (both.verdict, both.clock) == ("slower", "cpu")
    assert judge(quiet, noisy).clock == "wall"
    # Where neither can decide, the figures are those of wall time.
    assert judge(noisy, pairs(1.0, 1.5)) == judge(noisy)


def test_few_pairs_have_no_interval() -> None:
    """The smallest and the largest of seven enclose the median in 98.4 % of cases only."""
    assert 1 - 2 * 0.5 ** (LEAST_PAIRS - 1) < 0.99 < 1 - 2 * 0.5**LEAST_PAIRS
    few = judge(([1.0] * (LEAST_PAIRS - 1), [2.0] * (LEAST_PAIRS - 1)))
    assert (few.verdict, few.ratio, few.interval) == ("too noisy to tell", 2.0, None)
    assert judge(([1.0] * LEAST_PAIRS, [2.0] * LEAST_PAIRS)).verdict == "slower"
    assert judge(([], [])).ratio is None


def test_a_clock_that_stood_still_is_no_ratio() -> None:
    a, b = [0.0, 1.0] * 20, [1.0, 1.0] * 20
    judgement = judge((a, b))
    assert (judgement.verdict, judgement.pairs) == ("same", 20)
    assert judgement.ratio is not None
    assert math.isfinite(judgement.ratio)


def test_the_interval_covers_the_median_about_as_often_as_it_says() -> None:
    """Of 400 series of skewed ratios with the median 1.1; scipy-free, by counting."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        a = np.ones(60)
        b = 1.1 * np.exp(rng.exponential(0.3, 60) - 0.3 * math.log(2))
        interval = judge((list(a), list(b))).interval
        assert interval is not None
        inside += interval[0] <= 1.1 <= interval[1]
    assert inside >= 0.97 * 400
