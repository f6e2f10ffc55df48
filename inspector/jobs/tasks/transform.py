"""The task that runs a list of transforms and checks each step, with TensorFlow in this process."""

from __future__ import annotations

from collections.abc import Callable

from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, parse
from inspector.jobs import packing
from inspector.jobs.request_types import TransformAnswer, TransformArgs
from inspector.jobs.worker import JobContext, TaskResult
from inspector.optimisation.check import RunGraph
from inspector.optimisation.transform_job import (
    Kernels,
    TransformJob,
    TransformResult,
    run_transforms,
)
from inspector.passes.pipeline import Progress


def transform(args: TransformArgs, job: JobContext) -> TaskResult:
    """Run a `TransformJob`.

    Blobs: ``graph``; ``feeds``, if there are any. Blob of the answer: ``graph``.
    """
    graph = Graph.of(parse(GraphDef, job.blobs["graph"], "graph", "GraphDef"))
    feeds = packing.unpack(job.blobs["feeds"]) if "feeds" in job.blobs else None
    work = TransformJob.from_json(args["job"], graph, feeds)
    result = run_transforms(work, kernels(), job.progress)
    value: TransformAnswer = {
        "steps": result.pipeline.to_dict()["steps"],
        "feeds_summary": result.feeds_summary,
    }
    return TaskResult(value, {"graph": result.pipeline.graph.to_bytes()})


def in_this_process(
    job: TransformJob, progress: Progress | None, cancelled: Callable[[], bool] | None
) -> TransformResult:
    """Run a `TransformJob` with TensorFlow in this process, which is a worker's."""
    return run_transforms(job, kernels(), progress, cancelled)


def kernels() -> Kernels:
    """TensorFlow in this process, which is a worker's."""
    from inspector.backend.check_run import CheckRun
    from inspector.backend.evaluate import evaluate
    from inspector.backend.grappler import optimise_graph
    from inspector.backend.sessions import run_on_one_thread

    def runner(job: TransformJob) -> RunGraph:
        run_on_one_thread()
        return CheckRun(job.name, job.init_op, job.files)

    return Kernels(evaluate, optimise_graph, runner)
