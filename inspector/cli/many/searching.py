"""The command search: all candidate pipelines of a model, measured, the best marked."""

from __future__ import annotations

from pathlib import Path

import click

from inspector import api
from inspector.cli.gate import (
    CLASSES,
    LABEL_COLUMN,
    LABELS,
    MAX_DIFFERENCE,
    MIN_ACCURACY,
    MIN_AGREEMENT,
    labels_from,
)
from inspector.cli.options import FEEDS, FORCE, JSON, MODEL, OUTPUTS, TAG_SET, TIMEOUT
from inspector.cli.output import open_model, progress_line, show
from inspector.cli.path_options import In, Out
from inspector.cli.statuses import NOT_MET
from inspector.errors import JobCancelled
from inspector.files import storing
from inspector.printing import differences_text
from inspector.text import plain


@click.command()
@MODEL
@TAG_SET
@OUTPUTS
@click.option(
    "--feeds",
    "feed_file",
    type=In(),
    metavar=FEEDS,
    help="Rows to compare outputs on, in a .csv below the input names; by default 16 random ones.",
)
@LABELS
@LABEL_COLUMN
@CLASSES
@MAX_DIFFERENCE
@MIN_AGREEMENT
@MIN_ACCURACY
@click.option("--max-bytes", type=int, metavar="N", help="Most bytes of the result's files.")
@click.option(
    "--max-latency-ratio",
    type=click.FloatRange(0, min_open=True),
    metavar="R",
    help="Latency relative to the frozen model: 1 is as fast, 0.5 half of it.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 1_000_000),
    default=1,
    show_default=True,
    metavar="N",
    help="Rows of a timed run.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="Time for each of the two rounds of timing.",
)
@click.option("-o", "--out", type=Out(), help="Folder to write the best candidates to.")
@FORCE
@TIMEOUT
@JSON
@click.pass_context
def search(
    ctx: click.Context,
    model: str,
    tag_set: list[str] | None,
    outputs: list[str] | None,
    feed_file: str | None,
    label_file: str | None,
    label_column: str | None,
    class_file: str | None,
    max_difference: float | None,
    min_agreement: float | None,
    min_accuracy: float | None,
    max_bytes: int | None,
    max_latency_ratio: float | None,
    batch: int,
    budget: float,
    out: Path | None,
    force: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Try every pipeline on MODEL and mark the best within limits.

    Presets, Grappler, 16-bit and 8-bit weights, TFLite and its recipes: each is made, compared with
    the frozen model on the same rows, and timed. Ctrl-C shows the results so far; the same command
    continues from there. Exit status 3 if no candidate is within the limits.
    """
    if out is not None:
        storing.check_output(out, force=force)
    opened = open_model(model, tag_set)
    feeds = api.read_feeds(feed_file, opened) if feed_file is not None else None
    labels = labels_from(label_file, label_column, min_accuracy)
    classes = api.read_class_names(class_file) if class_file is not None else None
    with progress_line() as progress:
        result = api.search(
            opened,
            outputs,
            feeds,
            labels,
            classes=classes,
            max_difference=max_difference,
            min_agreement=min_agreement,
            min_accuracy=min_accuracy,
            max_bytes=max_bytes,
            max_latency_ratio=max_latency_ratio,
            batch=batch,
            budget=budget,
            progress=progress,
            timeout=timeout,
        )
    show(result.to_dict(), as_json, lambda: differences_text.search(result.to_dict()))
    if result.is_stopped:
        why = "stopped before the end; the same command continues from here"
        raise JobCancelled("search", opened.name, why)
    if not result.best:
        ctx.exit(NOT_MET)
    if out is not None:
        names = ", ".join(path.name for path in result.save(out, force=force))
        if not as_json:
            click.echo(f"wrote {names} to {plain(out.name)}")
