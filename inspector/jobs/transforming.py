"""A whole list of transforms in one worker, each step checked there with TensorFlow's kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from inspector.checking import RunGraph
from inspector.errors import JobTimeout, WorkerDied
from inspector.graph import Graph
from inspector.jobs import kernels, packing
from inspector.jobs.runner import default_runner
from inspector.jobs.tasks import Args
from inspector.jobs.worker import JobContext, TaskResult
from inspector.passes import PASSES
from inspector.passes.parser import Call
from inspector.passes.pipeline import PipelineResult, Progress
from inspector.passes.records import steps_from
from inspector.protos import GraphDef, parse
from inspector.transforming import Checking, Done, Engine, Work, perform

_WATCH_S = 0.1


def transform(args: Args, job: JobContext) -> TaskResult:
    """The work of `hand_over`, in the worker.

    Args: ``work``: the fields of `Work` that are JSON. Blobs: ``graph``; ``feeds``, if given.
    Value: ``steps``; ``fed``. Blob of the answer: ``graph``.
    """
    graph = Graph.of(parse(GraphDef, job.blobs["graph"], "graph", "GraphDef"))
    fields = dict(args["work"])
    fields |= {key: tuple(fields[key]) for key in ("inputs", "outputs", "fetches")}
    fields["calls"] = [Call(name, tuple(map(tuple, given))) for name, given in fields["calls"]]
    asked = fields.pop("checking")
    checking = Checking(**{**asked, "roll_back": tuple(asked["roll_back"])})
    feeds = packing.unpack(job.blobs["feeds"]) if "feeds" in job.blobs else None
    work = Work(graph=graph, feeds=feeds, checking=checking, **fields)
    done = perform(work, engine(), job.progress)
    value = {"steps": done.result.to_dict()["steps"], "fed": done.fed}
    return TaskResult(value, {"graph": done.result.graph.to_bytes()})


def engine() -> Engine:
    """TensorFlow in this process, which is a worker's."""
    from inspector.backend.check_run import CheckRun
    from inspector.backend.evaluate import evaluate
    from inspector.backend.grappler import optimise_graph

    def run(work: Work) -> RunGraph:
        return CheckRun(work.name, work.init_op, work.files)

    return Engine(evaluate, optimise_graph, run)


def hand_over(
    work: Work,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Done:
    """Do the work: in one worker if it is to be checked, else here, with kernels asked of workers.

    A worker that dies over the check does not end the work: it is done again without, and every
    step says so.
    """
    if work.checking is None:
        return perform(work, kernels.ENGINE, progress, cancelled)
    try:
        return _in_worker(work, work.checking, progress, cancelled)
    except (WorkerDied, JobTimeout) as err:
        why = f"the check ended its process: {err.why}"
        unchecked = replace(work, checking=replace(work.checking, on_violation="keep"))

        def run(_work: Work) -> RunGraph:
            return _refusing(why)

        return perform(unchecked, replace(kernels.ENGINE, run=run), progress, cancelled)


def _refusing(why: str) -> RunGraph:
    def run(_graph: Graph, _feeds: Mapping[str, Any], _fetches: list[str]) -> Mapping[str, Any]:
        raise WorkerDied("check", "run", why)

    return run


def _in_worker(
    work: Work,
    asked: Checking,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Done:
    fields = {
        "inputs": work.inputs,
        "outputs": work.outputs,
        "fetches": work.fetches,
        "calls": [[call.name, _absolute(call)] for call in work.calls],
        "name": work.name,
        "init_op": work.init_op,
        "files": dict(work.files),
        "allow_files": work.allow_files,
        "checking": {
            "on_violation": asked.on_violation,
            "roll_back": asked.roll_back,
            "budget_s": asked.budget_s,
        },
    }
    blobs = {"graph": work.graph.to_bytes()}
    if work.feeds is not None:
        blobs["feeds"] = packing.pack(work.feeds)
    job = default_runner().submit("transform", {"work": fields}, blobs=blobs)
    while not job.done():
        if progress is not None:
            progress(*job.progress)
        if cancelled is not None and cancelled():
            job.cancel()
        wait([job], timeout=_WATCH_S)
    answer = job.result()
    graph = Graph.of(parse(GraphDef, answer.blobs["graph"], work.name, "GraphDef"))
    steps = steps_from(answer.value["steps"])
    return Done(PipelineResult(graph, steps), answer.value["fed"])


def _absolute(call: Call) -> list[list[str]]:
    """A call's arguments; a worker has its own idea of where it stands."""
    found = PASSES.get(call.name)
    files = {param.name for param in found.params if param.arg.file} if found else set()
    return [
        [key, str(Path(value).absolute()) if key in files and "\0" not in value else value]
        for key, value in call.args
    ]
