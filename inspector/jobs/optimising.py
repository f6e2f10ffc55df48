"""The task behind the Optimise page: freeze, transform, write the files, compare."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inspector import looking, optimising
from inspector.describe import describe
from inspector.diff import diff
from inspector.feeds import Slot
from inspector.formats import graphdef, saved_model_writer
from inspector.jobs import predicting
from inspector.jobs.files import (
    FROZEN,
    FROZEN_SAVED_MODEL,
    OPTIMISED,
    RECORD,
    SAVED_MODEL,
)
from inspector.jobs.tasks import Args, of_ops, read_model
from inspector.jobs.transforming import engine
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model import Model
from inspector.passes.pipeline import Progress
from inspector.transforming import Checking, Done, Work, perform
from inspector.view import hierarchy
from inspector.view.union import union


def optimise(args: Args, job: JobContext) -> TaskResult:
    """Freeze and transform a model; the files of the result stay in the job's folder.

    Args: path; tag_set; inputs; outputs; signature; transforms or preset; ``check``: None, or
        ``feeds`` (None, or as for the task that predicts), ``on_violation``, ``roll_back``.
    Blob: ``feeds``, the bytes of a file.
    Value: facts ``before``, ``frozen`` and ``after``; ``diff`` of before and after;
        ``diff_frozen`` of frozen and after; ``steps``; ``check``; ``notes``; ``outputs``;
        ``transforms``.
    Blobs: ``summary`` and ``hierarchy`` of the union of the graph as opened and the new one.
    """
    job.progress(0.0, "read")
    model = of_ops(read_model(args), args.get("outputs"))

    def progress(fraction: float | None, text: str) -> None:
        job.progress(0.1 + 0.6 * (fraction or 0.0), text)

    done = optimising.optimise(
        model,
        args.get("inputs"),
        args.get("outputs"),
        args.get("transforms"),
        args.get("preset"),
        signature=args.get("signature"),
        progress=progress,
        checking=_checking(args, job),
        work_with=_in_this_process,
    )
    job.progress(0.7, "write the files")
    _write(done, job.folder)
    job.progress(0.85, "compare")
    after = done.model
    value: dict[str, Any] = {
        "before": describe(model).to_dict(),
        "frozen": describe(done.frozen).to_dict(),
        "after": describe(after).to_dict(),
        "diff": diff(model, after).to_dict(),
        "diff_frozen": diff(done.frozen, after).to_dict(),
        "steps": [step.to_dict() for step in done.steps],
        "check": done.checked(),
        "notes": done.frozen.notes,
        "inputs": list(done.inputs),
        "outputs": list(done.outputs),
        "transforms": done.transforms,
    }
    summary = union(looking.Look(model).summary(), looking.Look(after).summary())
    tree = hierarchy.build(summary)
    blobs = {"summary": summary.to_json().encode(), "hierarchy": tree.to_json().encode()}
    return TaskResult(value, blobs)


def _in_this_process(
    work: Work, progress: Progress | None, cancelled: Callable[[], bool] | None
) -> Done:
    return perform(work, engine(), progress, cancelled)


def _checking(args: Args, job: JobContext) -> Checking | None:
    asked = args.get("check")
    if asked is None:
        return None
    spec = asked.get("feeds")

    def rows(wanted: Mapping[str, Slot]) -> Mapping[str, Any]:
        return predicting.feeds_of(spec, job, wanted)

    undone = tuple(int(place) for place in asked.get("roll_back", ()))
    return Checking(None if spec is None else rows, asked.get("on_violation", "keep"), undone)


def _write(done: optimising.Optimised, folder: Path) -> None:
    graphdef.write(done.frozen, folder / FROZEN)
    graphdef.write(done.model, folder / OPTIMISED)
    record = json.dumps(done.record(), indent=1)
    (folder / RECORD).write_text(record + "\n", encoding="utf-8")
    _write_saved_model(done.model, folder / SAVED_MODEL)
    if done.model.init_op is not None:  # as a GraphDef nobody would fill its tables
        _write_saved_model(done.frozen, folder / FROZEN_SAVED_MODEL)
    _zip(folder / SAVED_MODEL)


def _write_saved_model(model: Model, folder: Path) -> None:
    folder.mkdir()
    saved_model_writer.write(model, folder)


def _zip(folder: Path) -> None:
    """``x.zip`` beside a folder ``x``; the files in it lie below ``x/``."""
    with zipfile.ZipFile(
        folder.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder.parent))
