"""The command benchmark: how long models take."""

from __future__ import annotations

from typing import Any

import click

from inspector import api
from inspector.cli.batches_option import BATCHES, MOST_BATCH
from inspector.cli.options import JSON, ROWS, TIMEOUT, A
from inspector.cli.output import open_model, progress_line, show
from inspector.cli.path_options import ModelPath, typed
from inspector.printing import times_text


@click.command()
@A
@click.argument("b", required=False, type=ModelPath())
@ROWS
@click.option(
    "--batch",
    type=click.IntRange(1, MOST_BATCH),
    metavar="N",
    help="Rows of a run; by default all of --feeds, or 1.",
)
@BATCHES
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
            show(sweep.to_dict(), as_json, lambda: times_text.batches(sweep.to_dict()))
            return
        timing = api.benchmark(first, second, feeds, batch=batch, runs=runs, **terms)
    answer, labels = timing.to_dict(), [typed(path) for path in (a, b) if path is not None]
    sentence, rough = timing.sentence(), timing.rough
    show(answer, as_json, lambda: times_text.benchmark(answer, sentence, rough, labels))
