"""The task behind the Optimise page: freeze, transform, write the files, compare."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, cast

from inspector.analysis.describe import describe
from inspector.analysis.diff import diff
from inspector.formats import graphdef, saved_model_writer
from inspector.jobs.request_types import OptimiseAnswer, OptimiseArgs, StepJson
from inspector.jobs.result_files import FROZEN, FROZEN_SAVED_MODEL, OPTIMISED, RECORD, SAVED_MODEL
from inspector.jobs.tasks.read import of_ops, read_model
from inspector.jobs.tasks.transform import in_this_process
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model.model import Model
from inspector.optimisation import optimise as optimising
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.result import Optimised
from inspector.view.state.union import Difference, union
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree import hierarchy


def optimise(args: OptimiseArgs, job: JobContext) -> TaskResult:
    """Freeze and transform a model; the files of the result stay in the job's folder.

    Blob: ``feeds``, the bytes of a file. Blobs of the answer: ``summary`` and ``hierarchy`` of the
    union of the graph as opened and the new one.
    """
    job.progress(0.0, "read")
    options = OptimiseOptions.from_json(args["options"], job.blobs.get("feeds", b""))
    model = of_ops(read_model(args), options.outputs)

    def progress(fraction: float | None, text: str) -> None:
        job.progress(0.1 + 0.6 * (fraction or 0.0), text)

    result = optimising.optimise(model, options, run=in_this_process, progress=progress)
    job.progress(0.7, "write the files")
    write(result, job.folder)
    job.progress(0.85, "compare")
    difference, blobs = compared(model, result.model)
    return TaskResult(answer(model, result, result.model, difference), blobs)


def compared(before: Model, after: Model) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The difference of two models, and the blobs with both as one picture."""
    difference = diff(before, after).to_dict()
    summary = union(
        NodeTableBuilder(before).node_table(),
        NodeTableBuilder(after).node_table(),
        Difference.of(difference).renamed,
    )
    tree = hierarchy.build(summary)
    blobs = {"summary": summary.to_json().encode(), "hierarchy": tree.to_json().encode()}
    return difference, blobs


def answer(
    model: Model, result: Optimised, after: Model, difference: dict[str, Any]
) -> OptimiseAnswer:
    """The answer for a result, which `after` is in the format that was asked for."""
    return {
        "before": describe(model).to_dict(),
        "frozen": describe(result.frozen).to_dict(),
        "after": describe(after).to_dict(),
        "diff": difference,
        "diff_frozen": diff(result.frozen, after).to_dict(),
        "steps": [cast(StepJson, step.to_dict()) for step in result.steps],
        "check": result.checked(),
        "notes": result.frozen.notes,
        "warnings": result.warnings,
        "inputs": list(result.inputs),
        "outputs": list(result.outputs),
        "set": result.options.to_json()["set"],
        "transforms": result.transforms,
        "options": dict(result.options.to_json()),
    }


def write(result: Optimised, folder: Path) -> None:
    """Write the frozen and the transformed graph, the record and the SavedModel."""
    graphdef.write(result.frozen, folder / FROZEN)
    graphdef.write(result.model, folder / OPTIMISED)
    record = json.dumps(result.record(), indent=1)
    (folder / RECORD).write_text(record + "\n", encoding="utf-8")
    _write_saved_model(result.model, folder / SAVED_MODEL)
    if result.model.init_op is not None:  # a GraphDef has no init op to fill its tables
        _write_saved_model(result.frozen, folder / FROZEN_SAVED_MODEL)
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
