"""The command benchmark: how long models take."""

from __future__ import annotations

from typing import Any

import click

from inspector import api
from inspector.cli.options import JSON, ROWS, TIMEOUT, A
from inspector.cli.output import open_model, progress_line, show
from inspector.cli.path_options import ModelPath, typed
from inspector.printing.text_tables import table
from inspector.text import count, plain, rounded_size

_PATH = 40
_MOST_BATCH = 1_000_000_000
_HEAD = ["", "runtime", "load", "first run", "p50", "p90", "p99", "rows/s", "memory", "runs"]
_BATCHES_OF_A = ["batch", "p50", "rows/s"]
_BATCHES_OF_BOTH = ["batch", "p50 A", "p50 B", "ratio", "rows/s A", "rows/s B", "verdict"]


class Batches(click.ParamType[tuple[int, ...]]):
    """Numbers of rows with commas between them: ``1,2,4``."""

    name = "batches"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers. A usage error for what is no number, out of range, or there twice."""
        try:
            batches = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers such as 1,2,4,8,16,32", param, ctx)
        if not all(1 <= batch <= _MOST_BATCH for batch in batches):
            self.fail(f"{value!r} has a number that is not from 1 to {_MOST_BATCH:,}", param, ctx)
        if len(set(batches)) != len(batches):
            self.fail(f"{value!r} has a number twice", param, ctx)
        return batches


@click.command()
@A
@click.argument("b", required=False, type=ModelPath())
@ROWS
@click.option(
    "--batch",
    type=click.IntRange(1, _MOST_BATCH),
    metavar="N",
    help="Rows of a run; by default all of --feeds, or 1.",
)
@click.option(
    "--batches",
    type=Batches(),
    metavar="N,N,..",
    help="Measure one batch size after the other, e.g. 1,2,4,8,16,32, within --budget.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 1_000_000),
    metavar="R",
    help="Steady runs of each; by default as many as a certain verdict needs.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="That each may use; verdicts of one are the surest.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="For the steady runs, without --runs; with --batches for all sizes together.",
)
@TIMEOUT
@JSON
def benchmark(
    a: str,
    b: str | None,
    feed_file: str | None,
    batch: int | None,
    batches: tuple[int, ...] | None,
    runs: int | None,
    as_json: bool,
    **terms: Any,
) -> None:
    """Latency of A, or of A and B in random alternation.

    The verdict on B is faster, same, slower or too noisy to tell.
    """
    if batches is not None and (batch is not None or runs is not None):
        raise click.UsageError("--batches goes with neither --batch nor --runs")
    first = open_model(a)
    second = None if b is None else open_model(b)
    feeds = api.read_feeds(feed_file, first) if feed_file is not None else None
    with progress_line() as progress:
        terms["progress"] = progress
        if batches is not None:
            sweep = api.benchmark_batches(first, second, feeds, batches=batches, **terms)
            show(sweep.to_dict(), as_json, lambda: _sweep_text(sweep))
            return
        timing = api.benchmark(first, second, feeds, batch=batch, runs=runs, **terms)
    show(timing.to_dict(), as_json, lambda: _text(timing, [a, b]))


def _text(timing: api.Benchmark, paths: list[str | None]) -> str:
    """The times as a table, what was run, and the verdict."""
    rows = []
    for place, times in enumerate(filter(None, (timing.a, timing.b))):
        latencies = (times.load_ms, times.first_ms, times.p50_ms, times.p90_ms, times.p99_ms)
        figures = [f"{value:.3g} ms" for value in latencies]
        if timing.rough[place]:
            figures[-1] = f"({figures[-1]})"
        label = f"{'AB'[place]}  {plain(typed(str(paths[place])))[-_PATH:]}"
        runs = f"{timing.runs[place]:,}"
        memory = rounded_size(times.peak_rss_bytes)
        runtime = timing.runtimes[place]
        rows.append([label, runtime, *figures, f"{times.rows_per_s:,.0f}", memory, runs])
    how = f"{count(timing.batch, 'row')} a run, {count(timing.threads, 'thread')} each"
    if "TensorFlow" in timing.runtimes:
        how += ", TensorFlow's own optimiser of graphs off"
    if any(timing.rough):
        how += "; a p99 in brackets is of too few runs to rely on"
    return "\n".join([table(rows, _HEAD, right=range(2, len(_HEAD))), how, timing.sentence()])


def _sweep_text(sweep: api.BatchSweep) -> str:
    """A row for each batch size, what was run, and why a size was not measured."""
    has_b = len(sweep.runtimes) > 1
    heads = _BATCHES_OF_BOTH if has_b else _BATCHES_OF_A
    rows = [_sweep_row(item) for item in sweep.batches if not item.why]
    models = ", ".join(
        f"{name}: {runtime}" for name, runtime in zip("AB", sweep.runtimes, strict=False)
    )
    how = f"{models}; {count(sweep.threads, 'thread')} each, {sweep.budget_s:g} s for all sizes"
    if has_b:
        how += "; the ratio is B to A with its 99 % interval"
    missing = [
        f"batch {it.batch:,} not measured: {plain(it.why)}" for it in sweep.batches if it.why
    ]
    return "\n".join([table(rows, heads, right=range(len(heads) - has_b)), how, *missing])


def _sweep_row(item: api.BatchTimes) -> list[str]:
    sides = [side for side in (item.a, item.b) if side is not None]
    medians = [f"{side.p50_ms:.3g} ms" for side in sides]
    rates = [f"{side.rows_per_s:,.0f}" for side in sides]
    if item.b is None:
        return [f"{item.batch:,}", *medians, *rates]
    ratio = "–" if item.ratio is None else f"{item.ratio:.3f}"
    if item.interval is not None:
        ratio += f" ({item.interval[0]:.3f} to {item.interval[1]:.3f})"
    by = ", by processor time" if item.clock == "cpu" else ""
    return [f"{item.batch:,}", *medians, ratio, *rates, f"{item.verdict}{by}"]
