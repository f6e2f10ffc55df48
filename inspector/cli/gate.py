"""The command compare: how far B answers like A, and whether that is within limits."""

from __future__ import annotations

from typing import Any

import click

from inspector import api
from inspector.cli.options import JSON, ROWS, TIMEOUT, A, B
from inspector.cli.output import open_model, progress_line, show
from inspector.cli.path_options import In
from inspector.cli.statuses import NOT_MET
from inspector.printing import differences_text

LABELS = click.option(
    "--labels",
    "label_file",
    type=In(),
    metavar="FILE",
    help="Correct classes or values, one per row: .npz, .csv, or text with one label per line.",
)
LABEL_COLUMN = click.option(
    "--label-column", metavar="NAME", help="The column of --labels, if the file has several."
)
CLASSES = click.option(
    "--classes",
    "class_file",
    type=In(),
    metavar="FILE",
    help="Class names, one per line; by default those in the model.",
)
MAX_DIFFERENCE = click.option(
    "--max-difference", type=float, metavar="X", help="Largest absolute difference of any value."
)
MIN_ACCURACY = click.option(
    "--min-accuracy",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Least share of rows that agree with --labels, 0 to 1.",
)
MIN_AGREEMENT = click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Least share of rows with the same top-1 class, 0 to 1.",
)


@click.command()
@A
@B
@ROWS
@LABELS
@LABEL_COLUMN
@CLASSES
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    metavar="X",
    help="The largest difference graded small, as a share of an output's largest value.",
)
@MAX_DIFFERENCE
@MIN_AGREEMENT
@MIN_ACCURACY
@click.option("--max-bytes", type=int, metavar="N", help="Most bytes of B.")
@click.option(
    "--max-latency-ratio",
    type=click.FloatRange(0, min_open=True),
    metavar="R",
    help="Latency of B relative to A: 1 is as fast; see `benchmark`.",
)
@click.option("--blame", is_flag=True, help="Name the first node that differs; needs --feeds.")
@click.option("--every-node", is_flag=True, help="With --blame: compare and list all nodes.")
@TIMEOUT
@JSON
@click.pass_context
def compare(
    ctx: click.Context,
    a: str,
    b: str,
    feed_file: str | None,
    label_file: str | None,
    label_column: str | None,
    class_file: str | None,
    tolerance: float,
    max_difference: float | None,
    min_agreement: float | None,
    min_accuracy: float | None,
    max_bytes: int | None,
    max_latency_ratio: float | None,
    blame: bool,
    every_node: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Outputs, size and accuracy of B against A on the same rows.

    With limits it is a gate: exit status 3 when one is not met.
    """
    labels = labels_from(label_file, label_column, min_accuracy)
    if blame and feed_file is None:
        raise click.UsageError("--blame needs --feeds: both models run on the same rows")
    if every_node and not blame:
        raise click.UsageError("--every-node is for --blame")
    first, second = open_model(a), open_model(b)
    feeds = api.read_feeds(feed_file, first) if feed_file is not None else None
    classes = api.read_class_names(class_file) if class_file is not None else None
    with progress_line() as progress:
        judged = api.compare(
            first,
            second,
            feeds,
            labels,
            classes=classes,
            tolerance=tolerance,
            max_difference=max_difference,
            min_agreement=min_agreement,
            min_accuracy=min_accuracy,
            max_bytes=max_bytes,
            max_latency_ratio=max_latency_ratio,
            progress=progress,
            timeout=timeout,
        )
    answer = judged.to_dict()
    if blame and feeds is not None:
        with progress_line() as progress:
            blamed = api.blame(
                first, second, feeds, every=every_node, progress=progress, timeout=timeout
            )
        answer["blame"] = blamed.to_dict()
    show(answer, as_json, lambda: _text(judged, answer, every_node))
    if not judged.met:
        ctx.exit(NOT_MET)


def labels_from(file: str | None, column: str | None, min_accuracy: float | None = None) -> Any:
    """The labels of `LABELS`; None without a file, which a limit of the accuracy needs."""
    if min_accuracy is not None and file is None:
        raise click.UsageError("--min-accuracy needs --labels")
    if file is not None:
        return api.read_labels(file, column)
    if column is not None:
        raise click.UsageError("--label-column is for --labels")
    return None


def _text(judged: api.Comparison, answer: dict[str, Any], every_node: bool) -> str:
    latency = None if judged.latency is None else judged.latency.sentence()
    lines = [differences_text.comparison(answer, judged.limits, latency)]
    if "blame" in answer:
        lines.append(differences_text.blame(answer["blame"]))
    if every_node:
        lines.append(differences_text.node_errors(answer["blame"]["nodes"]))
    return "\n".join(lines)
