"""The tasks behind the Optimise page that make a TFLite model: convert, quantise, compare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from inspector import formats
from inspector.analysis.describe import describe
from inspector.backend.litert import lite
from inspector.errors import BadFeed
from inspector.formats.tflite.lite_model import LiteModel, lite_model
from inspector.formats.tflite.quantisation_report import QuantiseAnswer
from inspector.jobs import packing
from inspector.jobs.request_types import OptimiseAnswer, QuantiseArgs
from inspector.jobs.result_files import FLOAT_TFLITE, TFLITE
from inspector.jobs.tasks import optimise as optimising_task
from inspector.jobs.tasks import quantise as quantising
from inspector.jobs.tasks import sample_rows
from inspector.jobs.tasks.lite_types import LiteAnswer, LiteResultJson, RecipeArgs, ToLiteArgs
from inspector.jobs.tasks.read import of_ops, read_model
from inspector.jobs.tasks.transform import in_this_process
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model.model import Model
from inspector.optimisation import optimise as optimising
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.tflite import lite_preparation, samples
from inspector.optimisation.tflite.quantise_options import QuantiseOptions

Rows = Mapping[str, Any]


def optimise(args: ToLiteArgs, job: JobContext) -> TaskResult:
    """Freeze and transform a model, convert it, and quantise it where that is asked for.

    Blobs: ``feeds``, the bytes of a file for the check of the transforms; ``samples``. Blobs of the
    answer as of `optimise.optimise`; the files of the result stay in the job's folder.
    """
    from inspector.backend import tflite_conversion

    job.progress(0.0, "read")
    options = OptimiseOptions.from_json(args["options"], job.blobs.get("feeds", b""))
    model = of_ops(read_model(args), options.outputs)
    recipe = args["quantise"]
    chosen = sample_rows.of_model(args, job, model)
    own = None
    if recipe is not None and args["samples"] is None:
        own = samples.own_samples(model, options)
        _require(QuantiseOptions.from_json(recipe), own)

    def progress(fraction: float | None, text: str) -> None:
        job.progress(0.05 + 0.45 * (fraction or 0.0), text)

    result = optimising.optimise(model, options, run=in_this_process, progress=progress)
    job.progress(0.5, "write the files")
    optimising_task.write(result, job.folder)
    job.progress(0.55, "convert")
    data = tflite_conversion.convert(lite_preparation.prepared(result.model), flex=args["flex"])
    after = _written(data, job.folder / TFLITE, model)
    value = None
    if recipe is not None:
        others = {*(chosen or ()), *(slot.key for slot in samples.slots_of(model).values())}
        rows = own if own is not None else sample_rows.of_lite(args, job, after, others)
        value = _quantised(args, job, after, rows)
    after = _written(None, job.folder / TFLITE, model)
    job.progress(0.9, "compare")
    difference, blobs = optimising_task.compared(model, after)
    answer = optimising_task.answer(model, result, after, difference)
    return TaskResult(_complete(answer, args, after, value, job.folder), blobs)


def quantise(args: RecipeArgs, job: JobContext) -> TaskResult:
    """Quantise a given TFLite model; blobs and files as of `optimise`."""
    job.progress(None, "read")
    model = lite_model(read_model(args))
    model.name = args["name"]
    assert args["quantise"] is not None
    assert model.path is not None
    rows = sample_rows.of_model(args, job, model)
    value = _quantised(args, job, model, rows)
    after = _written(None, job.folder / TFLITE, model)
    job.progress(0.9, "compare")
    difference, blobs = optimising_task.compared(model, after)
    inputs, outputs = lite.ends(model)
    before = describe(model).to_dict()
    answer: OptimiseAnswer = {
        "before": before,
        "frozen": before,
        "after": describe(after).to_dict(),
        "diff": difference,
        "diff_frozen": difference,
        "steps": [],
        "check": None,
        "notes": [],
        "warnings": [],
        "inputs": [end.key for end in inputs],
        "outputs": [end.key for end in outputs],
        "set": None,
        "transforms": "",
        "options": {},
    }
    return TaskResult(_complete(answer, args, after, value, job.folder), blobs)


def layers(args: RecipeArgs, job: JobContext) -> TaskResult:
    """How much each large weight changes the answers when it alone is quantised.

    Blob: ``samples``. The model is the one in ``against``, where there is one.
    """
    path = next(iter(args.get("against", {}).values()), args.get("path", ""))
    is_own = path == args.get("path")
    key = args.get("signature") if is_own else None
    model = lite_model(read_model({"path": path, "signature": key}))
    model.name = args["name"]
    others: set[str] = set()
    if not is_own:
        opened = read_model(args)
        others = {slot.key for slot in samples.slots_of(opened).values()}
    rows = sample_rows.of_lite(args, job, model, others)
    job.blobs = {} if rows is None else {sample_rows.BLOB: packing.pack(rows)}
    return quantising.sensitivity(_arguments(args, model), job)


def _require(options: QuantiseOptions, rows: Rows | None) -> None:
    recipe = options.check()
    if recipe.needs_samples and rows is None:
        why = f"the recipe {recipe.name} measures ranges on rows like those the model is used on: "
        raise BadFeed("samples", "missing", f"{why}choose some under Samples")


def _quantised(
    args: RecipeArgs, job: JobContext, model: LiteModel, rows: Rows | None
) -> QuantiseAnswer:
    """Quantise a model into the job's folder, where the float one is kept beside it."""
    assert args["quantise"] is not None
    assert model.path is not None
    _require(QuantiseOptions.from_json(args["quantise"]), rows)
    data = model.path.read_bytes()
    job.blobs = {} if rows is None else {sample_rows.BLOB: packing.pack(rows)}
    done = quantising.quantise(_arguments(args, model), job)
    (job.folder / FLOAT_TFLITE).write_bytes(data)
    (job.folder / TFLITE).write_bytes(done.blobs["file"])
    return cast(QuantiseAnswer, done.value)


def _arguments(args: RecipeArgs, model: LiteModel) -> QuantiseArgs:
    assert args["quantise"] is not None
    return {
        "path": str(model.path),
        "signature": model.signature,
        "name": model.name,
        "options": args["quantise"],
    }


def _written(data: bytes | None, path: Path, like: Model) -> LiteModel:
    """The TFLite model of a file, which these bytes are written to."""
    if data is not None:
        path.write_bytes(data)
    model = lite_model(formats.open_model(path))
    model.name = f"{Path(like.name).stem}.tflite"
    return model


def _complete(
    answer: OptimiseAnswer,
    args: RecipeArgs,
    after: LiteModel,
    quantised: QuantiseAnswer | None,
    folder: Path,
) -> LiteAnswer:
    facts = describe(after).to_dict()
    size = (folder / TFLITE).stat().st_size
    before, spec = folder / FLOAT_TFLITE, args["samples"]
    result: LiteResultJson = {
        "recipe": args["quantise"]["recipe"] if args["quantise"] is not None else "",
        "options": None if args["quantise"] is None else dict(args["quantise"]),
        "samples": spec["name"] if spec is not None and spec["kind"] == "file" else None,
        "flex": bool(args.get("flex")),
        "was_lite": not answer["options"],
        "bytes": size,
        "float_bytes": before.stat().st_size if before.is_file() else size,
        "flex_ops": [op for op in facts.get("custom_ops", ()) if op.startswith("Flex")],
        "ops": sorted(facts["op_counts"]),
        "quantised": quantised,
    }
    return {**answer, "lite": result}
