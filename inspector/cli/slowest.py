"""The command profile: how long each node of a model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from inspector import api
from inspector.cli.options import JSON, MODEL, OUTPUTS, ROWS, SIGNATURE, TAG_SET, TIMEOUT
from inspector.cli.output import open_model, progress_line, show
from inspector.printing.text_tables import table
from inspector.text import count, metric, microseconds, percent, rounded_size, shorten

_TOP = 10
_NAME = 60
_HEAD = ["time", "share", "output", "FLOPs", "parameters"]


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
    default=_TOP,
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
    show(measured.to_dict(), as_json, lambda: _text(measured, top))


def _text(measured: api.Profile, top: int) -> str:
    """The slowest nodes and ops as tables, and how they were timed."""
    nodes = [[shorten(node.name, _NAME), node.op, *_figures(node)] for node in measured.nodes[:top]]
    ops = [[row.op, f"{row.nodes:,}", *_figures(row)] for row in measured.ops[:top]]
    parts = [
        table(nodes, ["node", "op", *_HEAD], right=range(2, 7)),
        _more(len(measured.nodes), top, "node"),
        "",
        table(ops, ["op", "nodes", *_HEAD], right=range(1, 7)),
        _more(len(measured.ops), top, "op"),
        "",
        measured.sentence(),
    ]
    return "\n".join(part for part in parts if part is not None)


def _more(total: int, top: int, noun: str) -> str | None:
    return f"and {count(total - top, f'faster {noun}')}" if total > top else None


def _figures(row: Any) -> Sequence[str]:
    """The columns of a node or of an op."""
    return (
        microseconds(1000 * row.ms),
        percent(row.share),
        rounded_size(row.output_bytes),
        metric(row.flops) if row.flops else "-",
        f"{row.parameters:,}" if row.parameters else "-",
    )
