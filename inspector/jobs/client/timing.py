"""Benchmarks for the library and the command line: one model or two, timed in a worker."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, cast

from inspector.errors import BadParameter
from inspector.jobs import packing
from inspector.jobs.client.ask import MOST_S, Deadline, Terms, ask
from inspector.jobs.client.sources import source_of
from inspector.jobs.tasks.side_types import (
    BatchesAnswer,
    BatchesArgs,
    BatchJson,
    BenchmarkAnswer,
    BenchmarkArgs,
    SideArgs,
    SidesArgs,
)
from inspector.measurement.batch_sweep import BATCHES, BatchSweep, BatchTimes, SteadyTimes
from inspector.measurement.rounds import BUDGET_S
from inspector.measurement.run_times import Benchmark, RunTimes, judgement_from
from inspector.model.model import Model, Runtime
from inspector.optimisation.feed_source import FeedsJson, PackedFeeds

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress

MOST_THREADS = 256
"""More than that no machine has cores for, and each costs memory."""
MOST_BATCHES = 64
_MOST_ROWS = 1_000_000_000
_RANDOM_ROWS = 32
"""Of a sweep over batch sizes; a larger batch repeats them."""
_A, _B = "A", "B"


def benchmark(
    a: Model,
    b: Model | None = None,
    feeds: Mapping[str, Any] | None = None,
    *,
    batch: int | None = None,
    runs: int | None = None,
    threads: int = 1,
    budget: float = BUDGET_S,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Benchmark:
    """Time a model, or two in random alternation, in a worker.

    Args:
        a, b: Models of any format. Without B the verdict is on A measured twice.
        feeds: For the inputs of A, as in `predict`; B gets the same values. By default random rows.
        batch: Rows of a run: of `feeds` the first ones, repeated where there are fewer. By default
            all rows of `feeds`, or one random row.
        runs: Steady runs of each model, in place of as many as a certain verdict needs.
        threads: That each model may use; the verdicts of one thread are the surest.
        budget: Seconds for the steady runs, where `runs` does not say how many.
        progress: As in `optimise`; the text has the ratio until now.
        timeout: As in `predict`; by default 900 s.
    Returns: ``verdict`` (``faster``, ``same``, ``slower`` or ``too noisy to tell``), ``ratio`` of
        B to A with its 99 % ``interval``; ``a`` and ``b`` with load, first run, percentiles, rows
        per second and memory. TensorFlow's own optimiser of graphs is off.
    Raises: BadParameter, and the errors of `predict`.
    """
    _check("batch", batch, 1, _MOST_ROWS)
    _check("runs", runs, 1, 1_000_000)
    _check("threads", threads, 1, MOST_THREADS)
    check_budget(budget)
    terms = Terms(Deadline.after(timeout), progress)
    models = {_A: a} if b is None else {_A: a, _B: b}
    with sides_of(models, feeds, batch) as (sides, blobs):
        args: BenchmarkArgs = {**sides, "threads": threads, "runs": runs, "budget_s": budget}
        kind = kind_of("benchmark", models.values())
        answer = cast("BenchmarkAnswer", ask(kind, args, blobs=blobs, terms=terms).value)
    timed = answer["sides"]
    times = [RunTimes(**side["times"]) for side in timed]
    return Benchmark(
        batch=answer["batch"],
        threads=answer["threads"],
        a=times[0],
        b=None if b is None else times[1],
        judgement=judgement_from(timed[-1]["judgement"]),
        runs=tuple(side["runs"] for side in timed),
        runtimes=tuple(side["runtime"] for side in timed),
    )


def benchmark_batches(
    a: Model,
    b: Model | None = None,
    feeds: Mapping[str, Any] | None = None,
    *,
    batches: Sequence[int] = BATCHES,
    threads: int = 1,
    budget: float = BUDGET_S,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> BatchSweep:
    """Time a model, or two in random alternation, with one batch size after the other.

    Args:
        a, b: As in `benchmark`.
        feeds: As in `benchmark`; the first rows, repeated where a batch has more.
        batches: Rows of a run, each once; measured in this order.
        threads: As in `benchmark`.
        budget: Seconds for all sizes together, after loading.
        progress: As in `optimise`; the text has the batch size and its figures until now.
        timeout: As in `predict`; by default 900 s.
    Returns: ``batches``, one for each size, with the times of ``a`` and ``b``, ``ratio``,
        ``interval`` and ``verdict``; or ``why`` a size was not measured: a model refuses it, or
        the budget has no time for it.
    Raises: BadParameter, and the errors of `predict` where no size can be measured.
    """
    check_batches(batches)
    _check("threads", threads, 1, MOST_THREADS)
    check_budget(budget)
    terms = Terms(Deadline.after(timeout), progress)
    models = {_A: a} if b is None else {_A: a, _B: b}
    rows = None if feeds else min(max(batches), _RANDOM_ROWS)
    with sides_of(models, feeds, rows) as (sides, blobs):
        args: BatchesArgs = {
            **sides,
            "batches": list(batches),
            "threads": threads,
            "budget_s": budget,
        }
        kind = kind_of("benchmark_batches", models.values())
        answer = ask(kind, args, blobs=blobs, terms=terms).value
    return batch_sweep_from(cast("BatchesAnswer", answer))


def check_batches(batches: Sequence[int]) -> None:
    """Raises: BadParameter for batch sizes that `benchmark_batches` does not take."""
    if not 1 <= len(batches) <= MOST_BATCHES or len(set(batches)) != len(batches):
        why = f"takes 1 to {MOST_BATCHES} different numbers of rows"
        raise BadParameter("benchmark", "batches", why)
    for batch in batches:
        _check("batches", batch, 1, _MOST_ROWS)


def batch_sweep_from(answer: BatchesAnswer) -> BatchSweep:
    """What a job has measured, as `benchmark_batches` returns it."""
    return BatchSweep(
        threads=answer["threads"],
        budget_s=answer["budget_s"],
        runtimes=tuple(answer["runtimes"]),
        batches=tuple(map(_batch_times, answer["batches"])),
    )


def _batch_times(batch: BatchJson) -> BatchTimes:
    sides = batch["sides"]
    if not sides:
        return BatchTimes(batch["batch"], None, None, None, batch["why"])
    times = [SteadyTimes(**side["times"]) for side in sides]
    return BatchTimes(
        batch["batch"],
        times[0],
        times[1] if len(times) > 1 else None,
        judgement_from(sides[-1]["judgement"]),
    )


@contextmanager
def sides_of(
    models: Mapping[str, Model], feeds: Mapping[str, Any] | None, batch: int | None
) -> Iterator[tuple[SidesArgs, dict[str, bytes]]]:
    """Arguments and blobs of a job that runs models on the same rows.

    Args:
        models: By name, the reference first.
        feeds: For the inputs of the reference; without any, random rows, one where `batch` is None.
    """
    packed: PackedFeeds = {"kind": "packed"}
    args: SidesArgs = {
        "against": {},
        "sides": [],
        "feeds": packed if feeds else random_rows(batch or 1),
        "batch": batch if feeds else None,
    }
    blobs = {"feeds": packing.pack(feeds)} if feeds else {}
    with ExitStack() as stack:
        for name, model in models.items():
            source, parts = stack.enter_context(source_of(model))
            side: SideArgs = {"name": name, "signature": model.signature}
            if "result" in source:
                side["result"] = source["result"]
            else:
                side["tag_set"] = source.get("tag_set")
                if args["sides"]:
                    args["against"][name] = source["path"]
                else:
                    args["path"] = source["path"]
            args["sides"].append(side)
            blobs |= {f"{name}.{part}": data for part, data in parts.items()}
        yield args, blobs


def random_rows(batch: int) -> FeedsJson:
    """The feeds of a request for random rows, the same in every call."""
    return {"kind": "random", "batch": batch, "seed": 0}


def kind_of(kind: str, models: Any) -> str:
    """The kind of job: without TensorFlow where LiteRT runs all models."""
    only_lite = all(model.runs_with is Runtime.LITERT for model in models)
    return f"{kind}_lite" if only_lite else kind


def _check(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise BadParameter("benchmark", name, f"takes a whole number from {low} to {high:,}")


def check_budget(budget: float) -> None:
    """Raises: BadParameter for seconds that no measurement takes."""
    if not (math.isfinite(budget) and 0 < budget <= MOST_S):
        why = f"takes seconds above 0 and up to {MOST_S:,.0f}"
        raise BadParameter("benchmark", "budget", why)
