"""The task behind the measured times on the picture: each node's share of a run."""

from __future__ import annotations

from inspector.freeze import freeze
from inspector.graph import tensor_name
from inspector.jobs.predicting import fetched, given_to
from inspector.jobs.tasks import Args, of_ops, read_model
from inspector.jobs.worker import JobContext, TaskResult


def profile(args: Args, job: JobContext) -> TaskResult:
    """Freeze a model to its outputs, run it a few times, and time every node.

    Args: path; tag_set; signature; ``outputs``; ``feeds``: as the Predict page sends them.
    Blob: ``feeds``, the bytes of a file.
    Value: ``times``: node name to microseconds; ``rows``: of a run; ``runs``.
    """
    from inspector.backend.profile import profile as measure

    job.progress(None, "freeze")
    model = of_ops(read_model(args), args["outputs"] or None)
    outputs = [tensor_name(name) for name in args["outputs"] or fetched(model)]
    frozen = freeze(model, outputs)
    given = given_to(frozen, outputs, args["feeds"], job)
    job.progress(None, "run")
    runs = 5
    times = measure(frozen, given, outputs, runs)
    rows = max((len(value) for value in given.values() if value.ndim), default=1)
    return TaskResult({"times": times, "rows": rows, "runs": runs})
