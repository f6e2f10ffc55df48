"""The verdict on two series of times that were measured in pairs.

The ratio is the median of the paired ratios, its interval the bootstrap of that median. On a busy
machine it holds where medians, minima or means of each series alone do not: what slows one run of a
pair slows the other one, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inspector.graph.tensors import Array

Verdict = Literal["faster", "same", "slower", "too noisy to tell"]
Clock = Literal["wall", "cpu"]

CONFIDENCE = 0.99
"""Of the interval."""
SLOWER, FASTER = 1.03, 0.97
"""An interval that lies above the first or below the second is a difference."""
SAME = (0.95, 1.05)
"""An interval that lies within these is none."""
LEAST_PAIRS = 8
"""Of fewer pairs not even the smallest and the largest enclose the median with `CONFIDENCE`."""

_DRAWS = 500


@dataclass(frozen=True)
class Judgement:
    """How the times of B compare with those of A.

    Attributes:
        ratio: B to A, the median of the pairs; None without a pair.
        interval: The ratio's bootstrap interval; None below `LEAST_PAIRS`.
        clock: The clock that decided: ``cpu`` where wall time was too noisy.
        pairs: The number of pairs.
    """

    verdict: Verdict
    ratio: float | None
    interval: tuple[float, float] | None
    clock: Clock
    pairs: int

    @property
    def is_certain(self) -> bool:
        """Whether the verdict says something about the two models."""
        return self.verdict != "too noisy to tell"


def judge(
    wall: tuple[Sequence[float], Sequence[float]],
    cpu: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Judgement:
    """The verdict on B against A.

    Args:
        wall: The times of A and those of B, of any unit, pair by pair.
        cpu: Processor time of the same pairs, to decide where wall time cannot; None where it does
            not count work alone, as with threads that spin while they wait.
    """
    first = _of_clock(*wall, "wall")
    if first.is_certain or cpu is None:
        return first
    second = _of_clock(*cpu, "cpu")
    return second if second.is_certain else first


def median_ratio(a: Sequence[float], b: Sequence[float]) -> float | None:
    """The median of the ratios of B to A; None without a pair."""
    logs = _logs(a, b)
    return float(np.exp(np.median(logs))) if len(logs) else None


def _of_clock(a: Sequence[float], b: Sequence[float], clock: Clock) -> Judgement:
    logs = _logs(a, b)
    ratio = median_ratio(a, b)
    if len(logs) < LEAST_PAIRS:
        return Judgement("too noisy to tell", ratio, None, clock, len(logs))
    low, high = _interval(logs)
    return Judgement(_verdict(low, high), ratio, (low, high), clock, len(logs))


def _verdict(low: float, high: float) -> Verdict:
    if low > SLOWER:
        return "slower"
    if high < FASTER:
        return "faster"
    if SAME[0] < low and high < SAME[1]:
        return "same"
    return "too noisy to tell"


def _interval(logs: Array) -> tuple[float, float]:
    """The bootstrap interval of the median ratio; the same for the same times."""
    rng = np.random.default_rng(len(logs))
    draws = logs[rng.integers(0, len(logs), (_DRAWS, len(logs)))]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.exp(np.quantile(np.median(draws, axis=1), [tail, 1 - tail]))
    return float(low), float(high)


def _logs(a: Sequence[float], b: Sequence[float]) -> Array:
    """Log ratios of the pairs; without those that a coarse clock measured as nothing."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    counted = (first > 0) & (second > 0)
    logs: Array = np.log(second[counted] / first[counted])
    return logs
