"""The figures of a measurement, as the command line, the page and Python show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inspector.measurement.json_types import JudgementJson
from inspector.measurement.paired_ratio import Clock, Judgement, Verdict
from inspector.printing import times_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import count

FEW_RUNS = 300
"""With fewer runs the 99th percentile is one bad moment."""


@dataclass(frozen=True, repr=False)
class RunTimes(ShortRecord):
    """The times of one model, in milliseconds, and its memory.

    Attributes:
        load_ms: Reading the file into a session or an interpreter.
        first_ms: The first run, in which the runtime also prepares the graph.
        p50_ms, p90_ms, p99_ms: Median and percentiles of the steady runs.
        rows_per_s: Rows of a run by the median.
        peak_rss_bytes: The most that loading and the first run added to the resident memory of the
            process. TensorFlow or LiteRT itself, which is there already, does not count.
    """

    load_ms: float
    first_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_s: float
    peak_rss_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def percentiles(runs: Sequence[float], rows: int) -> dict[str, float]:
    """The figures of the steady runs.

    Args:
        runs: Seconds of each.
        rows: Rows of a run.
    """
    p50, p90, p99 = (1000 * float(np.percentile(runs, share)) for share in (50, 90, 99))
    return {
        "p50_ms": p50,
        "p90_ms": p90,
        "p99_ms": p99,
        "rows_per_s": 1000 * rows / p50 if p50 else 0.0,
    }


@dataclass(frozen=True, repr=False)
class Benchmark:
    """The times of A, or of A and B, with the verdict on B against A.

    Attributes:
        batch: Rows of a run.
        threads: Threads that each model could use.
        a, b: Times and memory of each; `b` is None without B.
        runs: Steady runs of each model that was measured.
        budget_s: Seconds that the rounds could take; None where the number of runs was given.
        runtimes: What ran each model: ``TensorFlow`` or ``LiteRT``.
        judgement: With ratio, interval and the clock that decided. Without B it says whether A
            against itself is ``same``, so that a difference could be told.
    """

    batch: int
    threads: int
    a: RunTimes
    b: RunTimes | None
    judgement: Judgement
    runs: tuple[int, ...]
    budget_s: float | None = None
    runtimes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        times = " and ".join(f"{item.p50_ms:.3g} ms" for item in (self.a, self.b) if item)
        ratio = "" if self.ratio is None else f", ratio {self.ratio:.3f}"
        return f"<Benchmark: {self.verdict}{ratio}; p50 {times}>"

    def _repr_html_(self) -> str:
        return html(times_text.benchmark(self.to_dict(), self.sentence(), self.rough))

    @property
    def verdict(self) -> Verdict:
        """``faster``, ``same``, ``slower`` or ``too noisy to tell``."""
        return self.judgement.verdict

    @property
    def ratio(self) -> float | None:
        """B to A, the median of the pairs; None without B."""
        return None if self.b is None else self.judgement.ratio

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 99 % interval of the ratio; None without B, and of fewer than eight pairs."""
        return None if self.b is None else self.judgement.interval

    @property
    def rough(self) -> tuple[bool, ...]:
        """For each model, whether its 99th percentile is of fewer than 300 runs, one bad moment."""
        return tuple(runs < FEW_RUNS for runs in self.runs)

    @property
    def clock(self) -> Clock:
        """The clock that decided."""
        return self.judgement.clock

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector benchmark``."""
        return stamped(
            {
                "batch": self.batch,
                "threads": self.threads,
                "runtimes": list(self.runtimes),
                "runs": list(self.runs),
                "a": self.a.to_dict(),
                "b": None if self.b is None else self.b.to_dict(),
                "ratio": self.ratio,
                "interval": None if self.interval is None else list(self.interval),
                "clock": self.clock,
                "verdict": self.verdict,
            }
        )

    def sentence(self) -> str:
        """The verdict in words, with what it rests on."""
        return verdict_sentence(self.judgement, alone=self.b is None)


def verdict_sentence(judgement: Judgement, *, alone: bool = False) -> str:
    """A verdict in words.

    Args:
        alone: There is no B: the verdict is on A against itself.
    """
    if judgement.interval is None:
        pairs = count(judgement.pairs, "pair")
        verb = "is" if judgement.pairs == 1 else "are"
        return f"too noisy to tell: {pairs} of runs {verb} not enough; give more time"
    if alone and judgement.verdict == "same":
        return "measured twice it takes the same time: differences of 5 % could be told"
    if alone:
        return "too noisy to tell: measured twice it takes different times; the machine is busy"
    low, high = judgement.interval
    figures = f"B takes {judgement.ratio:.3f} × of A, 99 % interval {low:.3f} to {high:.3f}"
    by = " of processor time; the machine was too busy for wall time"
    return f"{judgement.verdict}: {figures}" + (by if judgement.clock == "cpu" else "")


def judgement_json(judgement: Judgement) -> JudgementJson:
    """As JSON; `judgement_from` reads it."""
    return {
        "verdict": judgement.verdict,
        "ratio": judgement.ratio,
        "interval": None if judgement.interval is None else list(judgement.interval),
        "clock": judgement.clock,
        "pairs": judgement.pairs,
    }


def judgement_from(value: Mapping[str, Any]) -> Judgement:
    """What `judgement_json` gave."""
    interval = value["interval"]
    return Judgement(
        value["verdict"],
        value["ratio"],
        None if interval is None else (interval[0], interval[1]),
        value["clock"],
        value["pairs"],
    )
