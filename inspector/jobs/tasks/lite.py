"""The tasks that run a TFLite model, with LiteRT and without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from inspector import formats
from inspector.backend.litert import lite
from inspector.backend.litert.lite_beside import LiteBeside
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
    runs: dict[str, Any] = {BASE: side}
    answers, first = {BASE: outputs}, {BASE: first_ms}
    arrays = {name: np.asarray(array) for name, array in feeds.items()}
    for name, path in args.get("against", {}).items():
        runs[name] = LiteBeside(
            formats.open_model(Path(path)), {key: key for key in arrays}, arrays, outputs
        )
        answers[name], first[name] = runs[name].once()
    times = predicting.steady_runs(runs, args.get("runs", predicting.RUNS), job)
    value: PredictAnswer = {
        "sides": [
            predicting.side_json(name, run.load_ms, first[name], times[name], side.rows)
            for name, run in runs.items()
        ],
        "agreement": predicting.agreement_json(answers),
        "outputs": predicting.outputs_json(answers),
        "rows": side.rows,
        "runs": len(times[BASE]),
        "runtime": "run by LiteRT",
    }
    class_answers.complete(value, model, answers, side.real(outputs))
    files = outputs if args.get("files") else {}
    return TaskResult(value, class_answers.downloads(value, files))
