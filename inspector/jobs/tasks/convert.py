"""The task that makes a TFLite model, with TensorFlow's converter in this process."""

from __future__ import annotations

from inspector.jobs.request_types import ConvertAnswer, ConvertArgs
from inspector.jobs.tasks.read import model_of_blobs
from inspector.jobs.worker import JobContext, TaskResult


def convert(args: ConvertArgs, job: JobContext) -> TaskResult:
    """Convert a model of `lite_preparation.prepared`.

    Blobs: ``graph``, ``signatures``. Blob of the answer: ``file``.
    """
    from inspector.backend import tflite_conversion
    from inspector.formats.tflite.file_edits import with_short_names

    job.progress(None, "convert")
    model = model_of_blobs(args["result"], job.blobs)
    data = tflite_conversion.convert(model, flex=args["flex"])
    if args["short_names"]:
        data = with_short_names(data)
    value: ConvertAnswer = {}
    return TaskResult(value, {"file": data})
