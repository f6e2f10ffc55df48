"""The command compare: how far B answers like A, and whether that is within limits."""

from __future__ import annotations

from typing import Any

import click

from inspector import api
from inspector.cli.options import JSON, ROWS, TIMEOUT, A, B
from inspector.cli.output import open_model, progress_line, show
from inspector.cli.path_options import In
from inspector.cli.statuses import NOT_MET
from inspector.printing.text_tables import table
from inspector.text import count, plain, shorten, size

LABELS = click.option(
    "--labels",
    "label_file",
    type=In(),
    metavar="FILE",
    help="Right classes or values, one per row: .npz, .csv, or a text with a label in each line.",
)
LABEL_COLUMN = click.option(
    "--label-column", metavar="NAME", help="Of --labels, where it has several."
)
CLASSES = click.option(
    "--classes",
    "class_file",
    type=In(),
    metavar="FILE",
    help="Names of the classes, one in each line; else those that a model has.",
)
MAX_DIFFERENCE = click.option(
    "--max-difference", type=float, metavar="X", help="Of any real value of any output."
)
MIN_ACCURACY = click.option(
    "--min-accuracy",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Share of rows answered as --labels say, 0 to 1.",
)
MIN_AGREEMENT = click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Share of rows with the same top-1 entry, 0 to 1.",
)
_HEAD = ["output", "grade", "largest", "of largest", "mean", "99 %", "same top-1", "differs most"]
_FEW = 3
_NODE = 60
"""Characters of a node's name in a row."""


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
@click.option("--max-bytes", type=int, metavar="N", help="Of B.")
@click.option(
    "--max-latency-ratio",
    type=click.FloatRange(0, min_open=True),
    metavar="R",
    help="Of B to A: 1 for as fast; see `benchmark`.",
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
    """Sizes, a row for each output, scores, the limits, and what is to blame."""
    sizes = answer["bytes"]
    ratio = "" if sizes["ratio"] is None else f": {sizes['ratio']:.2f} × smaller"
    lines = [f"A {size(sizes['a'])}, B {size(sizes['b'])}{ratio}"]
    lines.append(f"{count(judged.rows, 'row')}; the worst grade is: {judged.grade}")
    rows = [_row(name, item) for name, item in answer["outputs"].items()]
    lines.append(table(rows, _HEAD, right=range(2, 7)))
    lines += [f"B has no output like '{plain(name)}'" for name in answer["missing_outputs"]]
    lines += [
        f"{plain(name)}: {item['why']}" for name, item in answer["outputs"].items() if item["why"]
    ]
    lines += _changes(answer["class_changes"])
    lines += _scores(answer)
    if judged.latency is not None:
        lines.append(f"latency: {judged.latency.sentence()}")
    lines += [f"limit {limit}" for limit in judged.limits]
    lines += _blamed(answer["blame"]) if "blame" in answer else []
    lines += [_nodes(answer["blame"]["nodes"])] if every_node else []
    return "\n".join(lines)


def _blamed(blame: dict[str, Any]) -> list[str]:
    """The first node that differs, and what differs there."""
    first, broken = blame["first"], blame["first_not_finite"]
    if first is None:
        return ["no node differs by more than rounding"]
    partner = "" if first["by"] == "name" else f" (in B {plain(first['after'])}, by structure)"
    error = first["local"] or first["accumulated"]
    share = "of another shape" if error["max_rel"] is None else f"{error['max_rel']:.3g} relative"
    lines = [f"first node that differs: {plain(first['before'])}{partner}, {first['op']}, {share}"]
    lines += [f"  {plain(name)}: {', '.join(what)}" for name, what in blame["causes"].items()]
    if broken is not None:
        lines.append(f"first NaN or infinity: {plain(broken['before'])}")
    return lines


def _nodes(nodes: list[dict[str, Any]]) -> str:
    """A row for each node, in the order of A: errors relative to its largest value."""
    rows = [
        [
            shorten(item["before"], _NODE),
            item["op"],
            _relative(item["local"]),
            _relative(item["accumulated"]),
            "" if item["before"] == item["after"] else shorten(item["after"], _NODE),
            item["by"],
        ]
        for item in nodes
    ]
    return table(rows, ["node", "op", "alone", "in the run", "in B", "paired by"], right=(2, 3))


def _relative(error: dict[str, Any] | None) -> str:
    if error is None:
        return "-"
    if error["not_finite"]:
        return "NaN or inf"
    return "other shape" if error["max_rel"] is None else f"{error['max_rel']:.3g}"


def _row(name: str, item: dict[str, Any]) -> list[str]:
    figures = [item["max_abs"], item["max_rel"], item["mean_abs"]]
    figures.append((item["percentiles"] or {}).get("99"))
    same = item["argmax_equal"]
    worst = ", ".join(f"row {row['row']}" for row in item["worst_rows"][:_FEW])
    return [
        name,
        item["grade"],
        *("-" if figure is None else f"{figure:.3g}" for figure in figures),
        "-" if same is None else f"{100 * same:.2f} %",
        worst or ", ".join(f"row {row}" for row in item["changed_rows"][:_FEW]) or "-",
    ]


def _changes(by_output: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The first rows of each output whose class is another one."""
    lines = []
    for name, changes in by_output.items():
        rows = [f"row {it['row']} {plain(it['a'])} -> {plain(it['b'])}" for it in changes[:_FEW]]
        if rows:
            more = ", ..." if len(changes) > _FEW else ""
            lines.append(f"{plain(name)}: {', '.join(rows)}{more}")
    return lines


def _scores(answer: dict[str, Any]) -> list[str]:
    lines = []
    if (score := answer["accuracy"]) is not None:
        lines.append(
            f"accuracy of '{plain(score['output'])}': {100 * score['a']:.2f} % before, "
            f"{100 * score['b']:.2f} % after; {count(score['changed_right_to_wrong'], 'row')} "
            f"turned wrong, {score['changed_wrong_to_right']:,} right"
        )
        chance = "more than chance" if score["mcnemar_p"] < 0.05 else "may be chance"
        lines.append(f"McNemar's exact test: p = {score['mcnemar_p']:.3g}, {chance}")
    if (error := answer["mean_error"]) is not None:
        lines.append(
            f"mean absolute error of '{plain(error['output'])}': {error['a']:.6g} before, "
            f"{error['b']:.6g} after; {error['closer']:,} rows closer, {error['further']:,} further"
        )
    return lines
