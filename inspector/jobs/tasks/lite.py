"""The tasks that run a TFLite model, with LiteRT and without TensorFlow."""

from __future__ import annotations

from inspector.backend import lite
from inspector.formats.tflite.lite_model import lite_model
from inspector.jobs import packing
from inspector.jobs.request_types import PredictAnswer, PredictArgs, RunArgs
from inspector.jobs.tasks import class_answers
from inspector.jobs.tasks import predict as predicting
from inspector.jobs.tasks.predict import BASE
from inspector.jobs.tasks.read import read_model
from inspector.jobs.worker import JobContext, TaskResult


def run(args: RunArgs, job: JobContext) -> TaskResult:
    """Run a TFLite model once. Blob: ``feeds``. Blob of the answer: ``outputs``."""
    job.progress(None, "load")
    feeds = packing.unpack(job.blobs["feeds"])
    signature = args.get("signature")
    value = lite.predict(read_model(args), feeds, args["fetches"], signature=signature)
    return TaskResult(value, {"outputs": packing.pack(value.pop("outputs"))})


def predict(args: PredictArgs, job: JobContext) -> TaskResult:
    """Run a TFLite model any number of times. Blob: ``feeds``, the bytes of a file.

    Blobs as in `predict.predict`.
    """
    job.progress(0.0, "read")
    model = lite_model(read_model(args))
    lite.refuse_shapes(model)
    graph = model.lite.subgraph(model.signature)
    slots = {
        tensor.label: lite.slot(tensor.label, tensor)
        for tensor in (graph.tensors[index] for index in dict.fromkeys(graph.inputs))
    }
    lite.refuse(model)
    feeds = predicting.feed_source(args["feeds"], job).values(slots)
    job.progress(0.2, "load")
    side = lite.LiteRun(model, feeds, args["outputs"] or None)
    outputs, first_ms = side.once()
    times = predicting.time_in_turn({BASE: side}, args.get("runs", predicting.RUNS), job)[BASE]
    value: PredictAnswer = {
        "sides": [predicting.side_json(BASE, side.load_ms, first_ms, times, side.rows)],
        "agreement": {},
        "outputs": predicting.outputs_json({BASE: outputs}),
        "rows": side.rows,
        "runs": len(times),
        "runtime": "run by LiteRT",
    }
    class_answers.complete(value, model, {BASE: outputs}, side.real(outputs))
    files = outputs if args.get("files") else {}
    return TaskResult(value, class_answers.downloads(value, files))
