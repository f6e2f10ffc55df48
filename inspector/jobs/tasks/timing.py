"""The task that times one model or several: loading, first run, and steady runs in rounds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from inspector.jobs.tasks import sides
from inspector.jobs.tasks.side_types import BenchmarkAnswer, BenchmarkArgs, TimedSideJson
from inspector.jobs.tasks.sides import Side
from inspector.jobs.worker import JobContext, TaskResult
from inspector.measurement import rounds, run_times
from inspector.measurement.peak_memory import PeakMemory

_AGAIN_MS = 2000.0
"""Loading and first run are measured twice where they take less."""
_LOADED = 0.2
"""Share of the progress bar that loading takes."""


def benchmark(args: BenchmarkArgs, job: JobContext) -> TaskResult:
    """Time models on the same rows. Blobs: those of `sides.sides`."""
    ready = sides.sides(args, job)
    threads = args["threads"]
    with ExitStack() as stack:
        runs: list[Any] = []
        starts: list[tuple[float, int]] = []
        for number, side in enumerate(ready):
            job.progress(_LOADED * number / len(ready), f"load: {side.name}")
            with ExitStack() as own:
                run, first_ms, memory = _started(side, own, threads)
                if run.load_ms + first_ms < _AGAIN_MS:
                    # The first use of a runtime in a process prepares it, too.
                    own.close()
                    run, first_ms, memory = _started(side, own, threads)
                stack.push(own.pop_all())
            runs.append(run)
            starts.append((first_ms, memory.added))
        measured = rounds.measure(
            [run.once for run in runs],
            budget_s=args["budget_s"],
            runs=args["runs"],
            use_cpu=threads == 1,
            report=lambda share, text: job.progress(_LOADED + (1 - _LOADED) * share, text),
        )
        rows = runs[0].rows
        load_ms = [run.load_ms for run in runs]
    timed = [
        _side(side, (loaded, *start), rows, measured, number)
        for number, (side, loaded, start) in enumerate(zip(ready, load_ms, starts, strict=True))
    ]
    value: BenchmarkAnswer = {
        "batch": rows,
        "threads": threads,
        "sides": timed,
        "ended": measured.ended,
    }
    return TaskResult(value)


def _started(side: Side, stack: ExitStack, threads: int) -> tuple[Any, float, PeakMemory]:
    """A model after its first run: with the milliseconds of that run, and the memory it took."""
    with PeakMemory() as memory:
        run = sides.run_of(side, stack, threads)
        first_ms = run.once()[1]
    return run, first_ms, memory


def _side(
    side: Side, start: Sequence[float], rows: int, measured: rounds.Rounds, number: int
) -> TimedSideJson:
    load_ms, first_ms, peak = start
    steady = measured.series[number].runs
    figures = run_times.percentiles(steady, rows)
    return {
        "name": side.name,
        "runtime": "LiteRT" if side.is_lite else "TensorFlow",
        "runs": len(steady),
        "times": {
            "load_ms": load_ms,
            "first_ms": first_ms,
            "p50_ms": figures["p50_ms"],
            "p90_ms": figures["p90_ms"],
            "p99_ms": figures["p99_ms"],
            "rows_per_s": figures["rows_per_s"],
            "peak_rss_bytes": int(peak),
        },
        "judgement": run_times.judgement_json(measured.judgements[number]),
    }
