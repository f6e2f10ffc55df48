"""`inspector.report`: compare and time two models, and write the results as one file."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.analysis.describe import describe
from inspector.analysis.diff import diff
from inspector.errors import BadParameter, InspectorError, JobCancelled
from inspector.files import storing
from inspector.jobs.client import comparing, timing
from inspector.measurement.rounds import BUDGET_S
from inspector.model.model import Model
from inspector.optimisation.result import Optimised
from inspector.reporting import commands
from inspector.reporting.commands import Origin
from inspector.reporting.html_page import html
from inspector.reporting.machine import machine_facts
from inspector.reporting.markdown import markdown
from inspector.reporting.pictures import DiffPicture, diff_picture
from inspector.reporting.report_contents import (
    HTML,
    JSON,
    RANDOM_ROWS,
    SUFFIXES,
    ReportContents,
)
from inspector.view.state.union import Difference, union
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree.hierarchy import build

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress


def report(
    a: Model,
    b: Model | Optimised,
    path: str | PathLike[str],
    feeds: Mapping[str, Any] | None = None,
    labels: Any = None,
    *,
    origin: Origin | None = None,
    budget: float = BUDGET_S,
    batches: Sequence[int] = (),
    force: bool = False,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> ReportContents:
    """Write one file about two models: sizes, predictions, latency, and what changed.

    Args:
        a: The model as it was.
        b: The other one, or what `optimise` returned: then each step is in the report.
        path: Ends in ``.html`` (one file that loads nothing), ``.md`` or ``.json``.
        feeds, labels: As in `compare`; random rows and no accuracy without them.
        origin: The paths, for the command line in the report that repeats it.
        budget: Seconds for timing, as in `benchmark`.
        batches: Batch sizes to time as well, as in `benchmark_batches`, within `budget` again.
        force: Replace a file of this name.
        progress, timeout: As in `compare`.
    Returns: What the file says. A comparison that fails is a sentence under ``not_checked``.
    Raises: BadParameter, before any work; BadFeed; OutputExists; JobCancelled; LayoutError.
    """
    out = Path(fspath(path))
    if out.suffix not in SUFFIXES:
        why = f"ends in {out.suffix or 'no suffix'}; a report is one of {', '.join(SUFFIXES)}"
        raise BadParameter("report", out.name, why)
    timing.check_budget(budget)
    if batches:
        timing.check_batches(batches)
    storing.check_output(out, force=force)
    result = b if isinstance(b, Optimised) else None
    after = b.model if isinstance(b, Optimised) else b
    contents = _contents(a, after, result, out.name, origin, batches)
    job = _Job(progress, timeout)
    contents = _measured(contents, a, after, feeds, labels, budget, job)
    if batches:
        contents = _with_batches(contents, a, after, feeds, batches, budget, job)
    if out.suffix == HTML:
        file = html(contents, _picture(a, after, contents.diff))
    else:
        file = json.dumps(contents.to_dict()) if out.suffix == JSON else markdown(contents)
    with storing.new_file(out, force=force) as temporary:
        temporary.write_text(file, encoding="utf-8")
    return contents


@dataclass(frozen=True)
class _Job:
    """What every job of the report is given."""

    progress: Progress | None
    timeout: float | None

    def arguments(self) -> dict[str, Any]:
        return {"progress": self.progress, "timeout": self.timeout}


def _contents(
    a: Model,
    b: Model,
    result: Optimised | None,
    out: str,
    origin: Origin | None,
    batches: Sequence[int],
) -> ReportContents:
    """What is known without running a model."""
    origin = origin or Origin(a.name, b.name)
    if result is None:
        command = commands.report_command(origin, out, batches)
        python = commands.report_python(origin, out, batches)
    else:
        options = result.options.to_json()
        command = commands.optimise_command(origin.a, origin.b, options)
        python = commands.optimise_python(origin.a, origin.b, options)
    names = (a.name, b.name)
    if a.name == b.name:
        names = (f"{a.name} (before)", f"{b.name} (after)")
    return ReportContents(
        names=names,
        facts=(describe(a).to_dict(), describe(b).to_dict()),
        diff=diff(a, b).to_dict(),
        record=None if result is None else result.record(),
        rows_from=RANDOM_ROWS if origin.feeds is None else f"rows of {Path(origin.feeds).name}",
        machine=machine_facts(),
        command=command,
        python=python,
        created=datetime.datetime.now().astimezone().isoformat(" ", "minutes"),
    )


def _measured(
    contents: ReportContents,
    a: Model,
    b: Model,
    feeds: Mapping[str, Any] | None,
    labels: Any,
    budget: float,
    job: _Job,
) -> ReportContents:
    """The same with predictions and latency, as far as the models run."""
    not_checked = list(((contents.record or {}).get("check") or {}).get("not_checked", ()))
    comparison = latency = None
    try:
        compared = comparing.compare(a, b, feeds, labels, **job.arguments())
        comparison = compared.to_dict()
    except (JobCancelled, BadParameter):
        raise
    except InspectorError as err:
        not_checked.append(f"Predictions: {err}")
    else:
        missing = comparison["missing_outputs"]
        not_checked += [f"Output {name}: the second model has none like it" for name in missing]
        outputs = comparison["outputs"].items()
        not_checked += [f"Output {name}: {one['why']}" for name, one in outputs if one["why"]]
    try:
        latency = timing.benchmark(a, b, feeds, budget=budget, **job.arguments()).to_dict()
    except (JobCancelled, BadParameter):
        raise
    except InspectorError as err:
        not_checked.append(f"Latency: {err}")
    else:
        if latency["interval"] is None:
            not_checked.append("Latency: too few runs for a verdict within the time budget")
    rows_from = contents.rows_from
    if feeds is not None and rows_from == RANDOM_ROWS:
        rows_from = "the given rows"
    return replace(
        contents,
        comparison=comparison,
        latency=latency,
        not_checked=not_checked,
        rows_from=rows_from,
    )


def _with_batches(
    contents: ReportContents,
    a: Model,
    b: Model,
    feeds: Mapping[str, Any] | None,
    batches: Sequence[int],
    budget: float,
    job: _Job,
) -> ReportContents:
    """The same with the times of batch sizes; a failure is a sentence under ``not_checked``."""
    try:
        sweep = timing.benchmark_batches(
            a, b, feeds, batches=batches, budget=budget, **job.arguments()
        )
    except (JobCancelled, BadParameter):
        raise
    except InspectorError as err:
        return replace(contents, not_checked=[*contents.not_checked, f"Batch sizes: {err}"])
    not_checked = [f"Batch {row.batch}: {row.why}" for row in sweep.batches if row.why]
    return replace(
        contents, batches=sweep.to_dict(), not_checked=[*contents.not_checked, *not_checked]
    )


def _picture(a: Model, b: Model, delta: Mapping[str, Any]) -> DiffPicture | None:
    before, after = (NodeTableBuilder(model).node_table() for model in (a, b))
    if not len(before) and not len(after):
        return None
    difference = Difference.of(delta)
    return diff_picture(build(union(before, after, difference.renamed)), difference)
