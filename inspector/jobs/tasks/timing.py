"""The tasks that time one model or several: loading, first run, and steady runs in rounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from inspector.errors import BadFeed
from inspector.jobs.tasks import sides
from inspector.jobs.tasks.side_types import (
    BatchesAnswer,
    BatchesArgs,
    BatchSideJson,
    BenchmarkAnswer,
    BenchmarkArgs,
    TimedSideJson,
)
from inspector.jobs.tasks.sides import Side
from inspector.jobs.worker import JobContext, TaskResult
from inspector.measurement import batch_sweep, rounds, run_times
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


def benchmark_batches(args: BatchesArgs, job: JobContext) -> TaskResult:
    """Time models that are loaded once with one batch size after the other.

    Blobs: those of `sides.sides`.
    """
    ready = sides.sides(args, job)
    batches, threads = args["batches"], args["threads"]
    with ExitStack() as stack:
        loaded: list[Any] = []
        for number, side in enumerate(ready):
            job.progress(_LOADED * number / len(ready), f"load: {side.name}")
            loaded.append(sides.load(side, stack, threads))

        def measure(batch: int, seconds: float) -> tuple[list[BatchSideJson], float]:
            done = batches.index(batch)

            def report(share: float, text: str) -> None:
                whole = _LOADED + (1 - _LOADED) * (done + share) / len(batches)
                job.progress(whole, f"batch {batch}: {text}")

            with ExitStack() as own:
                end = time.perf_counter() + seconds
                runs = [
                    _at_batch(side, batch, own, threads, session)
                    for side, session in zip(ready, loaded, strict=True)
                ]
                measured = rounds.measure(
                    [run.once for run in runs],
                    budget_s=max(0.0, end - time.perf_counter()),
                    use_cpu=threads == 1,
                    report=report,
                )
            timed = [_batch_side(side, batch, measured, at) for at, side in enumerate(ready)]
            medians = [side["times"]["p50_ms"] for side in timed]
            report(1.0, ", ".join(f"{median:.3g} ms" for median in medians))
            return timed, sum(medians) / 1000

        outcomes = batch_sweep.sweep(batches, measure, args["budget_s"])
    value: BatchesAnswer = {
        "threads": threads,
        "budget_s": args["budget_s"],
        "runtimes": [_runtime(side) for side in ready],
        "batches": [
            {"batch": outcome.batch, "sides": outcome.value or [], "why": outcome.why}
            for outcome in outcomes
        ],
    }
    return TaskResult(value)


def _at_batch(side: Side, batch: int, stack: ExitStack, threads: int, session: Any) -> Any:
    """A model after its first run on so many rows. Raises: BadFeed, RunFailed."""
    repeated = replace(side, feeds=sides.repeated(side.feeds, batch))
    run = sides.run_of(repeated, stack, threads, session)
    if run.rows != batch:
        why = f"a run has {run.rows:,} rows, whatever is asked for"
        raise BadFeed(side.model.name, "batch", why)
    run.once()
    return run


def _batch_side(side: Side, batch: int, measured: rounds.Rounds, number: int) -> BatchSideJson:
    figures = run_times.percentiles(measured.series[number].runs, batch)
    return {
        "name": side.name,
        "times": {
            "p50_ms": figures["p50_ms"],
            "p90_ms": figures["p90_ms"],
            "p99_ms": figures["p99_ms"],
            "rows_per_s": figures["rows_per_s"],
        },
        "judgement": run_times.judgement_json(measured.judgements[number]),
    }


def _runtime(side: Side) -> str:
    return "LiteRT" if side.is_lite else "TensorFlow"


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
        "runtime": _runtime(side),
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
