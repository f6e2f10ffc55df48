"""The contents of a report from the answers of jobs, for a process that reads no model."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inspector.errors import LayoutError
from inspector.jobs.client.comparing import Comparison
from inspector.jobs.client.timing import batch_sweep_from
from inspector.jobs.tasks.side_types import BatchesAnswer, BenchmarkAnswer, CompareAnswer
from inspector.measurement.run_times import Benchmark, RunTimes, judgement_from
from inspector.reporting import commands
from inspector.reporting.commands import Origin
from inspector.reporting.html_page import html
from inspector.reporting.machine import machine_facts
from inspector.reporting.markdown import markdown
from inspector.reporting.pictures import DiffPicture, diff_picture
from inspector.reporting.report_contents import (
    HTML,
    MARKDOWN,
    RANDOM_ROWS,
    ReportContents,
)
from inspector.text import count
from inspector.view.state.union import Difference
from inspector.view.tree.hierarchy import Hierarchy


@dataclass(frozen=True)
class Answers:
    """What jobs say about one optimisation.

    Args:
        name: Of the model.
        optimised: The answer of ``optimise``.
        side: The name of the optimised graph among the sides of the other answers.
        comparison: The answer of ``compare``, the model as opened first; None if there is none.
        latency: The answer of ``benchmark``, likewise.
        batches: The answer of ``benchmark_batches`` for these two graphs.
        source: The model's path in the commands.
        feeds: The path of the file with the rows, likewise; None for random rows.
        notes: Sentences for "Not checked" that only the caller knows.
    """

    name: str
    optimised: Mapping[str, Any]
    side: str
    comparison: CompareAnswer | None = None
    latency: BenchmarkAnswer | None = None
    batches: BatchesAnswer | None = None
    source: str = ""
    feeds: str | None = None
    notes: tuple[str, ...] = field(default=())


def contents(answers: Answers) -> ReportContents:
    """What a report of these answers says, without versions, machine, commands and date."""
    optimised = answers.optimised
    return ReportContents(
        names=(answers.name, f"{answers.name}, optimised"),
        facts=(optimised["before"], optimised["after"]),
        diff=optimised["diff"],
        comparison=_comparison(answers),
        latency=_latency(answers),
        batches=answers.batches and batch_sweep_from(answers.batches).to_dict(),
        record=_record(optimised),
        rows_from=RANDOM_ROWS if answers.feeds is None else f"rows of {Path(answers.feeds).name}",
        not_checked=_not_checked(answers),
    )


def file(answers: Answers, tree: Hierarchy, stem: str, suffix: str) -> str:
    """The text of a report.

    Args:
        tree: The hierarchy of both graphs, from the answer of ``optimise``.
        stem: What the names of the files in the commands begin with.
        suffix: One of `SUFFIXES`.
    """
    report = replace(
        _with_commands(contents(answers), answers, stem, suffix),
        machine=machine_facts(),
        created=datetime.datetime.now().astimezone().isoformat(" ", "minutes"),
    )
    if suffix == HTML:
        picture: DiffPicture | None = None
        try:
            if len(tree.table):
                picture = diff_picture(tree, Difference.of(report.diff))
        except LayoutError as err:
            report = replace(report, not_checked=[*report.not_checked, f"Picture: {err}"])
        return html(report, picture)
    return markdown(report) if suffix == MARKDOWN else json.dumps(report.to_dict())


def _with_commands(
    report: ReportContents, answers: Answers, stem: str, suffix: str
) -> ReportContents:
    """With the commands that make the optimised model, and then the report of the two."""
    lite = answers.optimised.get("lite")
    out = f"{stem}_optimised{'' if lite is None else '.tflite'}"
    origin = Origin(answers.source, out, answers.feeds)
    name = f"{stem}_report{suffix}"
    command = [_command(answers, out), commands.report_command(origin, name)]
    python = [
        _python(answers, out),
        commands.report_python(origin, name).removeprefix("import inspector\n\n"),
    ]
    return replace(report, command="\n".join(command), python="\n\n".join(python))


def _command(answers: Answers, out: str) -> str:
    target, options = _target(answers), answers.optimised["options"]
    if not options and target.quantising is not None:
        return commands.convert_command(answers.source, out, target.quantising)
    return commands.optimise_command(answers.source, out, options, target)


def _python(answers: Answers, out: str) -> str:
    target, options = _target(answers), answers.optimised["options"]
    if not options and target.quantising is not None:
        return commands.convert_python(answers.source, out, target.quantising)
    return commands.optimise_python(answers.source, out, options, target)


def _target(answers: Answers) -> commands.Target:
    """The format of the result."""
    lite = answers.optimised.get("lite")
    if lite is None:
        return commands.Target()
    quantising = None
    if lite["options"] is not None:
        is_own = answers.feeds is not None and Path(answers.feeds).name == lite["samples"]
        samples = answers.feeds if is_own else lite["samples"]
        quantising = commands.Quantising(lite["options"], samples)
    return commands.Target("tflite", lite["flex"], quantising)


def _comparison(answers: Answers) -> dict[str, Any] | None:
    """The JSON of ``compare``."""
    answer = answers.comparison
    sides = [] if answer is None else [s for s in answer["sides"] if s["name"] == answers.side]
    if answer is None or not sides:
        return None
    before, after = (answers.optimised[key]["bytes"]["total"] for key in ("before", "after"))
    return Comparison(
        rows=answer["rows"],
        bytes_a=before,
        bytes_b=after,
        side=sides[0],
        class_names=answer["class_names"],
        names_from=answer["names_from"],
    ).to_dict()


def _latency(answers: Answers) -> dict[str, Any] | None:
    """The JSON of ``benchmark``."""
    answer = answers.latency
    sides = [] if answer is None else [s for s in answer["sides"] if s["name"] == answers.side]
    if answer is None or not sides:
        return None
    first, last = answer["sides"][0], sides[0]
    return Benchmark(
        batch=answer["batch"],
        threads=answer["threads"],
        a=RunTimes(**first["times"]),
        b=RunTimes(**last["times"]),
        judgement=judgement_from(last["judgement"]),
        runs=(first["runs"], last["runs"]),
        runtimes=(first["runtime"], last["runtime"]),
    ).to_dict()


def _record(optimised: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the optimisation, without what the answer does not say of the signatures."""
    sizes = {
        key: {"nodes": facts["nodes"], "bytes": facts["bytes"]["total"]}
        for key, facts in (("before", optimised["frozen"]), ("after", optimised["after"]))
    }
    if steps := optimised["steps"]:  # where the steps start counting
        sizes["before"] = {key: steps[0][key]["before"] for key in ("nodes", "bytes")}
    keys = ("inputs", "outputs", "set", "transforms", "check", "steps")
    return {**{key: optimised[key] for key in keys}, **sizes}


def _not_checked(answers: Answers) -> list[str]:
    """One sentence for everything that was not compared or measured."""
    check = answers.optimised["check"]
    lines = list(check["not_checked"]) if check else ["Steps: they ran without the check"]
    comparison = _comparison(answers)
    if comparison is None:
        is_cut = answers.comparison is not None
        lines.append(f"Predictions: {'the time budget ended first' if is_cut else 'not compared'}")
    else:
        lines += _gaps(comparison, answers)
    latency = _latency(answers)
    if latency is None:
        lines.append("Latency: not measured")
    elif latency["interval"] is None:
        lines.append("Latency: too few runs for a verdict within the time budget")
    return [*lines, *answers.notes]


def _gaps(comparison: Mapping[str, Any], answers: Answers) -> list[str]:
    answer = answers.comparison
    assert answer is not None
    lines = [
        f"Output {name}: the optimised model has none like it"
        for name in comparison["missing_outputs"]
    ]
    outputs = comparison["outputs"].items()
    lines += [f"Output {name}: {output['why']}" for name, output in outputs if output["why"]]
    if answer["rows"] < answer["rows_given"]:
        total = count(answer["rows_given"], "row")
        lines.append(f"Predictions: {answer['rows']} of {total} were run within the time budget")
    if comparison["accuracy"] is None and comparison["mean_error"] is None:
        lines.append("Accuracy: no labels were given")
    return lines
