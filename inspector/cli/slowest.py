"""The command profile: how long each node of a model takes."""

from __future__ import annotations

import click

from inspector import api
from inspector.cli.options import JSON, MODEL, OUTPUTS, ROWS, SIGNATURE, TAG_SET, TIMEOUT
from inspector.cli.output import open_model, progress_line, show
from inspector.printing import times_text


@click.command()
@MODEL
@TAG_SET
@SIGNATURE
@ROWS
@OUTPUTS
@click.option(
    "--batch",
    type=click.IntRange(1, 1_000_000_000),
    metavar="N",
    help="Rows of a run; by default all of --feeds, or 1.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="For the runs, after loading.",
)
@click.option(
    "--top",
    type=click.IntRange(1, 1_000_000),
    default=times_text.TOP,
    show_default=True,
    metavar="N",
    help="Nodes and ops to list; --json has all.",
)
@TIMEOUT
@JSON
def profile(
    model: str,
    tag_set: list[str] | None,
    signature: str | None,
    feed_file: str | None,
    outputs: list[str] | None,
    batch: int | None,
    budget: float,
    top: int,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Time of each node and of each op, with FLOPs and parameters.

    TensorFlow's nodes are timed in its trace of whole runs. LiteRT has no profiler: each operator
    runs alone, on the values that it has in the model.
    """
    opened = open_model(model, tag_set)
    feeds = api.read_feeds(feed_file, opened) if feed_file is not None else None
    with progress_line() as progress:
        measured = api.profile(
            opened,
            feeds,
            outputs=outputs or None,
            signature=signature,
            batch=batch,
            budget=budget,
            progress=progress,
            timeout=timeout,
        )
    answer, sentence = measured.to_dict(), measured.sentence()
    show(answer, as_json, lambda: times_text.profile(answer, sentence, top))
