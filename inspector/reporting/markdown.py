"""A report as Markdown, for pull requests and wikis."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector import text
from inspector.reporting.cards import card_rows
from inspector.reporting.html_page import figure, share
from inspector.reporting.report_contents import ReportContents
from inspector.reporting.verdict import figures, sentence

_SPECIAL = re.compile(r"([\\`*_\[\]#|~&$@]|:(?=//)|(?<=www)\.|^[-+=](?=\s)|(?<=^\d)[.)])")
"""What Markdown reads inside of a line, links that GitHub makes of bare addresses included."""
MAX_OPS = 40


def markdown(report: ReportContents) -> str:
    """The text of the file; texts of the models are escaped."""
    lines = [f"# {escape(report.names[0])} → {escape(report.names[1])}", "", sentence(report), ""]
    rows = [[one.title, one.value, one.detail, one.certainty] for one in figures(report)]
    lines += _table(["", "", "", "how sure"], rows)
    lines += ["## Models", ""]
    lines += _table(["", *report.names], [list(row) for row in card_rows(report.facts)])
    if steps := report.steps():
        lines += ["## Steps", ""]
        lines += _table(
            ["step", "size", "share of the change", "nodes", "check"],
            [
                [
                    step.name, text.rounded_size(step.bytes_after), share(step.share),
                    f"{step.nodes_before} → {step.nodes_after}", step.check or "–",
                ]
                for step in steps
            ],
        )  # fmt: skip
    lines += _predictions(report)
    lines += _latency(report) + _batches(report)
    changed = sorted(report.diff["op_counts"], key=lambda row: -abs(row["after"] - row["before"]))
    lines += ["## Operations", ""]
    ops = [[row["op"], str(row["before"]), str(row["after"])] for row in changed[:MAX_OPS]]
    lines += _table(["op", "before", "after"], ops)
    lines += ["## Not checked", ""]
    lines += [f"- {escape(line)}" for line in report.not_checked] or ["Nothing was left out."]
    lines += ["", "## How to reproduce this", ""]
    for language, code in (("sh", report.command), ("python", report.python)):
        if code:
            lines += [*_fenced(language, code), ""]
    lines += _table(["", ""], [[key, value] for key, value in report.machine.items()])
    return "\n".join(lines)


def escape(words: str) -> str:
    """Text that Markdown and HTML in it show as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", text.plain(words).replace("<", "‹").replace(">", "›"))


def _predictions(report: ReportContents) -> list[str]:
    lines = ["## Predictions", ""]
    comparison = report.comparison
    if comparison is None:
        return [*lines, "Not compared.", ""]
    origin = f", {escape(report.rows_from)}" if report.rows_from else ""
    lines += [f"{comparison['rows']} rows{origin}.", ""]
    rows = []
    for name, output in comparison["outputs"].items():
        agreement = output.get("argmax_equal")
        rows.append(
            [
                name,
                str(output.get("grade") or ("equal" if output["equal"] else "differs")),
                figure(output.get("max_abs")),
                figure(output.get("max_rel")),
                "–" if agreement is None else f"{agreement:.1%}",
            ]
        )
    return lines + _table(
        ["output", "grade", "largest difference", "relative", "top-1 agreement"], rows
    )


def _latency(report: ReportContents) -> list[str]:
    lines = ["## Latency", ""]
    latency = report.latency
    if latency is None or latency["interval"] is None:
        return [*lines, "Not measured.", ""]
    low, high = latency["interval"]
    lines += [
        f"{latency['ratio']:.2f}× ({low:.2f} to {high:.2f} with 99 % confidence): "
        f"{latency['verdict']}. Batch {latency['batch']}.",
        "",
    ]
    keys = ("load_ms", "first_ms", "p50_ms", "p90_ms", "p99_ms", "rows_per_s")
    rows = [
        [name, *(figure(side[key]) for key in keys)]
        for name, side in zip(report.names, (latency["a"], latency["b"]), strict=True)
    ]
    return lines + _table(["", *(key.replace("_", " ") for key in keys)], rows)


def _batches(report: ReportContents) -> list[str]:
    if report.batches is None:
        return []
    head = [
        "rows per run",
        "p50 ms before",
        "p50 ms after",
        "ratio",
        "rows/s before",
        "rows/s after",
    ]
    rows = [
        [
            str(row["batch"]), figure(row["a"]["p50_ms"]), figure(row["b"]["p50_ms"]),
            text.ratio(row["ratio"], row["interval"]),
            figure(row["a"]["rows_per_s"]), figure(row["b"]["rows_per_s"]), row["verdict"],
        ]
        for row in report.batch_rows()
    ]  # fmt: skip
    missing = [
        f"- {row['batch']} rows not measured: {escape(row['why'])}"
        for row in report.batches["batches"]
        if row["why"]
    ]
    table = _table([*head, "verdict"], rows)
    return ["### Batch sizes", "", *table, *missing, *([""] if missing else [])]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(escape(cell) for cell in cells)} |"

    return [line(header), "|" + " --- |" * len(header), *map(line, rows), ""]


def _fenced(language: str, code: str) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", code, fence]
