"""The task that does one model of a sweep: freeze, transform, write."""

from __future__ import annotations

import json
from pathlib import Path

from inspector.files import storing
from inspector.formats import graphdef, saved_model_writer
from inspector.jobs.result_files import OPTIMISED, RECORD, SAVED_MODEL, TFLITE
from inspector.jobs.tasks.read import of_ops, read_model
from inspector.jobs.tasks.sweeping.sweep_types import SweepAnswer, SweepArgs
from inspector.jobs.tasks.transform import in_this_process
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model.model import Model
from inspector.optimisation import optimise as optimising
from inspector.optimisation.optimise_options import OptimiseOptions


def sweep(args: SweepArgs, job: JobContext) -> TaskResult:
    """Freeze and transform a model; the result and its record stay in the job's folder."""
    job.progress(0.0, "read")
    options = OptimiseOptions.from_json(args["options"])
    source = read_model(args)

    def progress(fraction: float | None, text: str) -> None:
        job.progress(0.1 + 0.7 * (fraction or 0.0), text)

    result = optimising.optimise(
        of_ops(source, options.outputs), options, run=in_this_process, progress=progress
    )
    job.progress(0.8, "write")
    path, final = _write(result.model, args["to"], job.folder)
    record = json.dumps(result.record(), indent=1)
    (job.folder / RECORD).write_text(record + "\n", encoding="utf-8")
    value: SweepAnswer = {
        "format": source.format,
        "bytes": source.bytes.get("total", 0),
        "nodes": source.graph_facts().nodes,
        "result": path.name,
        "result_bytes": storing.total_bytes(path),
        "result_nodes": final.graph_facts().nodes,
        "check": result.checked(),
        "warnings": result.warnings,
        "notes": result.frozen.notes,
    }
    return TaskResult(value)


def _write(model: Model, to: str, folder: Path) -> tuple[Path, Model]:
    """Write a model in a format; where it lies, and the model as that format has it."""
    if to == "saved_model":
        path = folder / SAVED_MODEL
        path.mkdir()
        saved_model_writer.write(model, path)
        return path, model
    if to == "graphdef":
        path = folder / OPTIMISED
        graphdef.write(model, path)
        return path, model
    from inspector import formats
    from inspector.backend import tflite_conversion
    from inspector.optimisation.tflite import lite_preparation

    path = folder / TFLITE
    path.write_bytes(tflite_conversion.convert(lite_preparation.prepared(model)))
    return path, formats.open_model(path)
