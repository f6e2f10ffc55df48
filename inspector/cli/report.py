"""The command report: two models as one file for people who were not there."""

from __future__ import annotations

from pathlib import Path

import click

from inspector import api
from inspector.cli.batches_option import BATCHES
from inspector.cli.gate import LABEL_COLUMN, LABELS, labels_from
from inspector.cli.options import FORCE, JSON, ROWS, TIMEOUT, A, B
from inspector.cli.output import open_model, progress_line, show_written
from inspector.cli.path_options import Out, typed


@click.command()
@A
@B
@click.option(
    "-o",
    "--out",
    type=Out(),
    required=True,
    metavar="FILE.(html|md|json)",
    help="HTML is one file that loads nothing and prints well.",
)
@ROWS
@LABELS
@LABEL_COLUMN
@BATCHES
@TIMEOUT
@FORCE
@JSON
def report(
    a: str,
    b: str,
    out: Path,
    feed_file: str | None,
    label_file: str | None,
    label_column: str | None,
    batches: tuple[int, ...] | None,
    timeout: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Sizes, predictions, latency and changes of B against A, as one file."""
    first, second = open_model(a), open_model(b)
    feeds = api.read_feeds(feed_file, first) if feed_file is not None else None
    with progress_line() as progress:
        contents = api.report(
            first,
            second,
            out,
            feeds,
            labels_from(label_file, label_column),
            origin=api.Origin(typed(a), typed(b), feed_file, label_file, label_column),
            batches=batches or (),
            force=force,
            progress=progress,
            timeout=timeout,
        )
    answer = {"path": str(out), "bytes": out.stat().st_size, "verdict": contents.verdict}
    show_written(answer, as_json, f"wrote {out.name}: {contents.verdict}", out)
