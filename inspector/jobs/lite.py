"""The tasks that run a TFLite model: LiteRT in a process of its own, without TensorFlow."""

from __future__ import annotations

from inspector.backend import lite
from inspector.jobs import packing, predicting
from inspector.jobs.predicting import BASE
from inspector.jobs.tasks import Args, read_model
from inspector.jobs.worker import JobContext, TaskResult


def run(args: Args, job: JobContext) -> TaskResult:
    """Run a TFLite model once.

    Args: path; fetches; signature. Blob: ``feeds``. Blob of the answer: ``outputs``.
    """
    job.progress(None, "load")
    feeds = packing.unpack(job.blobs["feeds"])
    done = lite.predict(read_model(args), feeds, args["fetches"], signature=args["signature"])
    return TaskResult(done, {"outputs": packing.pack(done.pop("outputs"))})


def predict(args: Args, job: JobContext) -> TaskResult:
    """Run a TFLite model any number of times; the answer is that of `predicting.predict`.

    Args: path; signature; ``outputs``; ``runs``; ``feeds``. Blob: ``feeds``, the bytes of a file.
    """
    job.progress(0.0, "read")
    model = read_model(args)
    assert model.lite is not None
    graph = model.lite.subgraph(model.signature)
    wanted = {
        tensor.label: lite.slot(tensor.label, tensor)
        for tensor in (graph.tensors[index] for index in dict.fromkeys(graph.inputs))
    }
    lite.refuse(model)
    given = predicting.feeds_of(args["feeds"], job, wanted)
    job.progress(0.2, "load")
    side = lite.LiteRun(model, given, args["outputs"] or None)
    outputs, first_ms = side.once()
    times = predicting.in_turn({BASE: side}, int(args.get("runs", 15)), job)[BASE]
    figures = {"name": BASE, "load_ms": side.load_ms, "first_ms": first_ms}
    value = {
        "sides": [figures | predicting.latency(times, side.rows)],
        "agreement": {},
        "outputs": predicting.shown({BASE: outputs}),
        "rows": side.rows,
        "runs": len(times),
        "runtime": "run by LiteRT",
    }
    return TaskResult(value)
