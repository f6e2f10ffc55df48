"""Latency by rows per run: batch sizes measured one after the other, within one budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from inspector.errors import BadFeed, InspectorError, LimitExceeded, RunFailed
from inspector.measurement.paired_ratio import Clock, Judgement, Verdict
from inspector.printing import times_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import count

BATCHES = (1, 2, 4, 8, 16, 32)
"""Rows per run, where the caller says nothing."""

_FEWEST_RUNS = 4
"""Runs of a model that even the shortest measurement makes: first run, warm-up, one round."""

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """One batch size: what was measured, or `why` nothing was."""

    batch: int
    value: T | None
    why: str = ""


def sweep(
    batches: Sequence[int],
    measure: Callable[[int, float], tuple[T, float]],
    budget_s: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Outcome[T]]:
    """Measure batch sizes in their order, each with an equal share of the time that is left.

    Args:
        measure: Called with the rows of a run and the seconds to spend. Returns what it measured,
            and the seconds of one run of every model.
    Returns: An outcome for each: a size that a model refuses has the reason, and so has one for
        whose runs no time is left.
    Raises: The first refusal, where no size could be measured.
    """
    end = clock() + budget_s
    outcomes: list[Outcome[T]] = []
    refusals: list[InspectorError] = []
    seconds_of_row = 0.0
    for place, batch in enumerate(batches):
        seconds_left = end - clock()
        if seconds_of_row and seconds_left < _FEWEST_RUNS * seconds_of_row * batch:
            why = f"the budget of {budget_s:g} s has no time for it"
            outcomes.append(Outcome(batch, None, why))
            continue
        try:
            value, seconds = measure(batch, max(seconds_left, 0.0) / (len(batches) - place))
        except (BadFeed, RunFailed, LimitExceeded, MemoryError) as err:
            refusals.append(_as_refusal(err, batch))
            outcomes.append(Outcome(batch, None, str(refusals[-1])))
            continue
        seconds_of_row = seconds / batch
        outcomes.append(Outcome(batch, value))
    if refusals and all(outcome.value is None for outcome in outcomes):
        raise refusals[0]
    return outcomes


def _as_refusal(err: Exception, batch: int) -> InspectorError:
    if isinstance(err, InspectorError):
        return err
    return RunFailed("memory", f"batch {batch}", "the job has not enough memory for so many rows")


@dataclass(frozen=True, repr=False)
class SteadyTimes(ShortRecord):
    """The steady runs of one model with one batch size.

    Attributes:
        p50_ms, p90_ms, p99_ms: Median and percentiles.
        rows_per_s: Rows of a run by the median.
    """

    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_s: float

    def to_dict(self) -> dict[str, float]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class BatchTimes(ShortRecord):
    """One batch size of a `BatchSweep`.

    Attributes:
        batch: Rows of a run.
        a, b: The times of each model; `b` is None without B, both are None where `why` says why
            nothing was measured.
        judgement: As of a `Benchmark`.
        why: The reason where nothing was measured; else empty.
    """

    batch: int
    a: SteadyTimes | None
    b: SteadyTimes | None
    judgement: Judgement | None
    why: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """On B against A, or A against itself; None where nothing was measured."""
        return None if self.judgement is None else self.judgement.verdict

    @property
    def ratio(self) -> float | None:
        """B to A, the median of the pairs; None without B."""
        return None if self.b is None or self.judgement is None else self.judgement.ratio

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 99 % interval of the ratio; None without B, and of fewer than eight pairs."""
        return None if self.b is None or self.judgement is None else self.judgement.interval

    @property
    def clock(self) -> Clock | None:
        """The clock that decided; None where nothing was measured."""
        return None if self.judgement is None else self.judgement.clock

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "batch": self.batch,
            "a": None if self.a is None else self.a.to_dict(),
            "b": None if self.b is None else self.b.to_dict(),
            "ratio": self.ratio,
            "interval": None if self.interval is None else list(self.interval),
            "clock": self.clock,
            "verdict": self.verdict,
            "why": self.why,
        }


@dataclass(frozen=True, repr=False)
class BatchSweep:
    """The times of A, or of A and B, by batch size.

    Attributes:
        threads: Threads that each model could use.
        budget_s: Seconds that all sizes together could take, after loading.
        runtimes: What ran each model: ``TensorFlow`` or ``LiteRT``.
        batches: A `BatchTimes` for each size, in the order they were measured.
    """

    threads: int
    budget_s: float
    runtimes: tuple[str, ...]
    batches: tuple[BatchTimes, ...]

    def __repr__(self) -> str:
        sizes = count(len(self.batches), "batch size")
        missing = sum(bool(item.why) for item in self.batches)
        return f"<BatchSweep: {sizes}, {missing} not measured>"

    def _repr_html_(self) -> str:
        return html(times_text.batches(self.to_dict()))

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector benchmark --batches``."""
        return stamped(
            {
                "threads": self.threads,
                "runtimes": list(self.runtimes),
                "budget_s": self.budget_s,
                "batches": [item.to_dict() for item in self.batches],
            }
        )
