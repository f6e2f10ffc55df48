"""The command benchmark: how long models take."""

from __future__ import annotations

import click

from inspector import api
from inspector.cli.options import JSON, ROWS, TIMEOUT, A
from inspector.cli.output import open_model, progress_line, show
from inspector.cli.path_options import ModelPath, typed
from inspector.printing.text_tables import table
from inspector.text import count, plain, rounded_size

_PATH = 40
_HEAD = ["", "runtime", "load", "first run", "p50", "p90", "p99", "rows/s", "memory", "runs"]


@click.command()
@A
@click.argument("b", required=False, type=ModelPath())
@ROWS
@click.option(
    "--batch",
    type=click.IntRange(1, 1_000_000_000),
    metavar="N",
    help="Rows of a run; by default all of --feeds, or 1.",
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
    help="For the steady runs, without --runs.",
)
@TIMEOUT
@JSON
def benchmark(
    a: str,
    b: str | None,
    feed_file: str | None,
    batch: int | None,
    runs: int | None,
    threads: int,
    budget: float,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Latency of A, or of A and B in random alternation.

    The verdict on B is faster, same, slower or too noisy to tell.
    """
    first = open_model(a)
    second = None if b is None else open_model(b)
    feeds = api.read_feeds(feed_file, first) if feed_file is not None else None
    with progress_line() as progress:
        timing = api.benchmark(
            first,
            second,
            feeds,
            batch=batch,
            runs=runs,
            threads=threads,
            budget=budget,
            progress=progress,
            timeout=timeout,
        )
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
