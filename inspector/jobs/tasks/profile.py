"""The task behind the measured times on the picture: each node's share of a run."""

from __future__ import annotations

from inspector.freezing.freeze import freeze
from inspector.graph.graph import tensor_name
from inspector.jobs.request_types import ProfileAnswer, ProfileArgs
from inspector.jobs.tasks.predict import default_outputs, feed_source, feeds_for
from inspector.jobs.tasks.read import of_ops, read_model
from inspector.jobs.worker import JobContext, TaskResult


def profile(args: ProfileArgs, job: JobContext) -> TaskResult:
    """Freeze a model to its outputs, run it a few times, and time every node.

    Blob: ``feeds``, the bytes of a file.
    """
    from inspector.backend.profile import profile as measure

    job.progress(None, "freeze")
    model = of_ops(read_model(args), args["outputs"] or None)
    outputs = [tensor_name(name) for name in args["outputs"] or default_outputs(model)]
    frozen = freeze(model, outputs)
    feeds = feeds_for(frozen, outputs, feed_source(args["feeds"], job))
    job.progress(None, "run")
    runs = 5
    times = measure(frozen, feeds, outputs, runs)
    rows = max((len(value) for value in feeds.values() if value.ndim), default=1)
    answer: ProfileAnswer = {"times": times, "rows": rows, "runs": runs}
    return TaskResult(answer)
