"""Transforms for the library: here with kernels in workers, or with a check in one worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from inspector.errors import CheckNotMade, JobTimeout, WorkerDied, WorkerUnavailable
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, parse
from inspector.jobs import packing
from inspector.jobs.client import kernels
from inspector.jobs.client.ask import Deadline, Terms, ask
from inspector.jobs.request_types import TransformArgs
from inspector.model.model import Model
from inspector.optimisation import optimise as optimising
from inspector.optimisation.check import RunGraph
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.result import Optimised
from inspector.optimisation.transform_job import TransformJob, TransformResult, run_transforms
from inspector.passes import PASSES
from inspector.passes.parser import Call
from inspector.passes.pipeline import PipelineResult, Progress
from inspector.passes.records import steps_from


def optimise(model: Model, options: OptimiseOptions, terms: Terms) -> Optimised:
    """Freeze and transform a model as `run` does. Raises: what `optimisation.optimise` raises."""
    work = partial(run, deadline=terms.deadline)
    return optimising.optimise(
        model, options, run=work, progress=terms.progress, cancelled=terms.cancelled
    )


def run(
    job: TransformJob,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    deadline: Deadline | None = None,
) -> TransformResult:
    """Run the transforms: with a check in one worker, else here with kernels asked of workers.

    If the worker dies during the check, the transforms run again without it, and every step
    reports that it was not checked. WorkerUnavailable (CheckNotMade where the check is required)
    and the caller's deadline end the call.
    """
    terms = Terms(deadline, progress, cancelled)
    remote = kernels.remote_kernels(terms)
    if job.check is None:
        return run_transforms(job, remote, progress, cancelled)
    try:
        return _in_worker(job, terms)
    except WorkerUnavailable as err:
        if job.check.is_required:
            raise CheckNotMade(job.name, "check", f"not checked: {err.why}") from err
        raise
    except (WorkerDied, JobTimeout) as err:
        if deadline is not None and isinstance(err, JobTimeout):
            raise
        why = f"the check ended its process: {err.why}"

        def runner(_job: TransformJob) -> RunGraph:
            return _refusing(why)

        return run_transforms(job, replace(remote, runner=runner), progress, cancelled)


def _refusing(why: str) -> RunGraph:
    def run_graph(
        _graph: Graph, _feeds: Mapping[str, Any], _fetches: list[str]
    ) -> Mapping[str, Any]:
        raise WorkerDied("check", "run", why)

    return run_graph


def _in_worker(job: TransformJob, terms: Terms) -> TransformResult:
    job = replace(job, calls=[_with_absolute_paths(call) for call in job.calls])
    blobs = {"graph": job.graph.to_bytes()}
    if job.feeds is not None:
        blobs["feeds"] = packing.pack(job.feeds)
    args: TransformArgs = {"job": job.to_json(), "reads": _files(job)}
    answer = ask("transform", args, blobs=blobs, terms=terms)
    graph = Graph.of(parse(GraphDef, answer.blobs["graph"], job.name, "GraphDef"))
    steps = steps_from(answer.value["steps"])
    return TransformResult(PipelineResult(graph, steps), answer.value["feeds_summary"])


def _with_absolute_paths(call: Call) -> Call:
    """The call with absolute paths for files: a worker's current folder is another one."""
    files = _file_params(call)
    args = tuple(
        (key, str(Path(value).absolute()) if key in files and "\0" not in value else value)
        for key, value in call.args
    )
    return Call(call.name, args)


def _files(job: TransformJob) -> list[str]:
    """The files that the worker may read: the model's own, and those that parameters name."""
    named = [
        value
        for call in (job.calls if job.allow_files else ())
        for key, value in call.args
        if key in _file_params(call)
    ]
    return [*job.files.values(), *named]


def _file_params(call: Call) -> set[str]:
    """The parameters of a transform that name files."""
    transform = PASSES.get(call.name)
    return {param.name for param in transform.params if param.arg.file} if transform else set()
