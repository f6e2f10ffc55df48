"""The tasks that make a candidate of a search: transforms or a conversion, or a quantised file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inspector.files import storing
from inspector.formats import saved_model_writer
from inspector.jobs import packing
from inspector.jobs.request_types import QuantiseArgs
from inspector.jobs.result_files import SAVED_MODEL, TFLITE
from inspector.jobs.tasks import quantise as quantising
from inspector.jobs.tasks.candidate_types import CandidateAnswer, CandidateArgs, QuantisedArgs
from inspector.jobs.tasks.predict import feed_source
from inspector.jobs.tasks.read import of_ops, read_model
from inspector.jobs.worker import JobContext, TaskResult
from inspector.optimisation import optimise as optimising
from inspector.optimisation.optimise_options import OptimiseOptions


def candidate(args: CandidateArgs, job: JobContext) -> TaskResult:
    """Freeze and transform a model, and write it to the job's folder in the format asked for."""
    from inspector.jobs.tasks.transform import in_this_process

    job.progress(0.0, "read")
    options = OptimiseOptions.from_json(args["options"])
    model = of_ops(read_model(args), options.outputs)
    job.progress(0.1, "transform")
    result = optimising.optimise(model, options, run=in_this_process)
    job.progress(0.6, "write")
    if args["to"] == "saved_model":
        path = job.folder / SAVED_MODEL
        path.mkdir()
        saved_model_writer.write(result.model, path)
        return _answer(path)
    from inspector.backend import tflite_conversion
    from inspector.optimisation.tflite import lite_preparation

    path = job.folder / TFLITE
    path.write_bytes(tflite_conversion.convert(lite_preparation.prepared(result.model)))
    return _answer(path)


def quantise(args: QuantisedArgs, job: JobContext) -> TaskResult:
    """Quantise a TFLite model of float32 into the job's folder.

    Blob: ``feeds``, for a recipe that needs samples.
    """
    data = quantising.quantise(_with_samples(args, job), job).blobs["file"]
    path = job.folder / TFLITE
    path.write_bytes(data)
    return _answer(path)


def sensitivity(args: QuantisedArgs, job: JobContext) -> TaskResult:
    """How much each weight changes the answers when it alone is quantised. Blob: as above."""
    return quantising.sensitivity(_with_samples(args, job), job)


def _with_samples(args: QuantisedArgs, job: JobContext) -> QuantiseArgs:
    """The arguments for `tasks.quantise`; the blob ``samples`` takes the place of ``feeds``."""
    samples = _samples(args, job)
    job.blobs = {} if samples is None else {"samples": packing.pack(samples)}
    return {"path": args["path"], "name": args["name"], "options": args["options"]}


def _samples(args: QuantisedArgs, job: JobContext) -> Mapping[str, object] | None:
    """The rows to measure ranges on, by key of the model's inputs. Raises: BadFeed."""
    if (spec := args["feeds"]) is None:
        return None
    from inspector.formats.tflite.lite_model import lite_model
    from inspector.jobs.tasks import sample_rows

    model, name = lite_model(read_model(args)), args["name"]
    if spec["kind"] == "packed":
        return sample_rows.read(packing.unpack(job.blobs["feeds"]), model, name)
    return sample_rows.read(feed_source(spec, job), model, name)


def _answer(path: Path) -> TaskResult:
    value: CandidateAnswer = {"bytes": storing.total_bytes(path)}
    return TaskResult(value)
