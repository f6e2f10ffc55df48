"""Runs models in rounds, each round all of them in random order, until the verdicts are certain.

One run of a small model is too short to measure, so that a sample is as many runs as take 4 ms:
as many of each model, since the first run after another model finds the caches cold. The rounds end
when every model has a certain verdict, at the latest with the budget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inspector.collector import collector_paused
from inspector.measurement.paired_ratio import Judgement, judge, median_ratio

Run = Callable[[], object]
Report = Callable[[float, str], None]

BUDGET_S = 10.0
"""Seconds that a measurement takes at most, where the caller says nothing."""

_LOOKS = (40, 80, 160, 320)
_SAMPLE_S, _LONGEST_SAMPLE_S = 0.004, 0.016
_WARM_UP, _WARM_UP_S = 8, 0.1
_REPORT_S = 0.5


@dataclass(frozen=True)
class Clocks:
    """Seconds of wall time, and of processor time of this process."""

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.process_time


@dataclass
class Series:
    """The times of one model, in seconds.

    Attributes:
        runs: Each run.
        wall, cpu: Per round, the mean of the runs of its sample.
    """

    runs: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Rounds:
    """What was measured.

    Attributes:
        series: One for each model, in their order.
        judgements: Each model against the first one; of the first one against itself.
        ended: ``certain``, ``budget`` or ``rounds``: why there were no more rounds.
    """

    series: list[Series]
    judgements: list[Judgement]
    ended: str


def measure(
    models: Sequence[Run],
    *,
    budget_s: float = BUDGET_S,
    runs: int | None = None,
    most_s: float | None = None,
    use_cpu: bool = True,
    report: Report | None = None,
    clocks: Clocks | None = None,
    seed: int = 0,
) -> Rounds:
    """Run models in rounds.

    Args:
        models: A call is a run. One alone is measured against itself: its verdict is ``same``
            where the machine is quiet enough to tell differences.
        budget_s: Seconds for all rounds, warm-up included; one round is always run.
        runs: Runs of each, in place of as many as a certain verdict needs; without a budget.
        most_s: With `runs`, seconds after which there are no more rounds.
        use_cpu: Decide by processor time where wall time is too noisy: only with one thread.
        report: Called with the fraction that is done and the ratios until now.
    """
    watch = _Watch(clocks or Clocks(), most_s if runs is not None else budget_s, report)
    alone = len(models) == 1
    calls = [models[0], models[0]] if alone else list(models)
    series = [Series() for _ in calls]
    repeats = _repeats([_shortest(call, watch.clocks) for call in calls], runs)
    rng = np.random.default_rng(seed)
    most = _LOOKS[-1] if runs is None else -(-runs // repeats)
    judgements, ended = _judged(series, use_cpu), "rounds"
    with collector_paused():  # it would stop some runs and not others
        for number in range(1, most + 1):
            count = repeats if runs is None else min(repeats, runs - len(series[0].runs))
            for place in rng.permutation(len(calls)):
                _sample(calls[place], series[place], count, watch.clocks)
            watch.tell(number / most, series)
            is_over = watch.is_over(number)
            if is_over or (runs is None and number in _LOOKS) or number == most:
                judgements = _judged(series, use_cpu)
                if runs is None and all(item.is_certain for item in judgements[1:]):
                    ended = "certain"
                    break
            if is_over:
                ended = "budget"
                break
    if alone:
        return _of_itself(series, judgements[1], ended)
    return Rounds(series, judgements, ended)


class _Watch:
    """The budget, and when to report."""

    def __init__(self, clocks: Clocks, budget_s: float | None, report: Report | None) -> None:
        self.clocks = clocks
        self._start = self._reported = clocks.wall()
        self._budget_s = budget_s
        self._report = report

    def is_over(self, rounds: int) -> bool:
        """True where another round would exceed the budget."""
        if self._budget_s is None:
            return False
        spent = self.clocks.wall() - self._start
        return spent + spent / rounds > self._budget_s

    def tell(self, share: float, series: Sequence[Series]) -> None:
        """Report at most twice a second."""
        now = self.clocks.wall()
        if self._report is None or now - self._reported < _REPORT_S:
            return
        self._reported = now
        if self._budget_s is not None:
            share = max(share, (now - self._start) / self._budget_s)
        ratios = [median_ratio(series[0].wall, other.wall) for other in series[1:]]
        listed = ", ".join(f"{ratio:.2f}" for ratio in ratios if ratio is not None)
        self._report(min(share, 1.0), f"{len(series[0].wall)} rounds, ratio until now {listed}")


def _shortest(call: Run, clocks: Clocks) -> float:
    """Seconds of the shortest of a few runs, which also warm the model up."""
    shortest, spent = np.inf, 0.0
    for _ in range(_WARM_UP):
        start = clocks.wall()
        call()
        taken = clocks.wall() - start
        shortest, spent = min(shortest, taken), spent + taken
        if spent > _WARM_UP_S:
            break
    return max(shortest, 1e-9)


def _repeats(seconds: Sequence[float], runs: int | None) -> int:
    """Runs of a sample, from the seconds that one run of each model takes."""
    enough = np.ceil(_SAMPLE_S / min(seconds))
    not_too_many = max(1, np.ceil(_LONGEST_SAMPLE_S / max(seconds)))
    return int(min(enough, not_too_many, runs or enough))


def _sample(call: Run, series: Series, repeats: int, clocks: Clocks) -> None:
    wall, runs = clocks.wall, series.runs
    cpu_start = clocks.cpu()
    start = last = wall()
    for _ in range(repeats):
        call()
        now = wall()
        runs.append(now - last)
        last = now
    series.cpu.append((clocks.cpu() - cpu_start) / repeats)
    series.wall.append((last - start) / repeats)


def _judged(series: Sequence[Series], use_cpu: bool) -> list[Judgement]:
    base = series[0]
    return [judge((base.wall, it.wall), (base.cpu, it.cpu) if use_cpu else None) for it in series]


def _of_itself(series: Sequence[Series], judgement: Judgement, ended: str) -> Rounds:
    """One model that ran twice a round: what looks like a difference is noise."""
    both = Series(
        [*series[0].runs, *series[1].runs],
        [*series[0].wall, *series[1].wall],
        [*series[0].cpu, *series[1].cpu],
    )
    if judgement.verdict != "same":
        judgement = Judgement(
            "too noisy to tell",
            judgement.ratio,
            judgement.interval,
            judgement.clock,
            judgement.pairs,
        )
    return Rounds([both], [judgement], ended)
