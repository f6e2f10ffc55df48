"""One run of a list of transforms on a graph, as data that another process can be given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from inspector.graph.graph import Graph
from inspector.graph.tensors import Array
from inspector.optimisation.check import Checker, RunGraph
from inspector.optimisation.optimise_options import CheckJson, CheckOptions
from inspector.passes import pipeline
from inspector.passes.base import Evaluate, Grappler
from inspector.passes.parser import Call
from inspector.passes.pipeline import PipelineOptions, PipelineResult, Progress


class CallJson(TypedDict):
    """JSON of a `Call`: its arguments as pairs of key and value."""

    name: str
    args: list[tuple[str, str]]


class TransformJson(TypedDict):
    """JSON of a `TransformJob`, without its graph and its feeds."""

    inputs: list[str]
    outputs: list[str]
    fetches: list[str]
    calls: list[CallJson]
    name: str
    init_op: str | None
    files: dict[str, str]
    check: CheckJson | None
    allow_files: bool


@dataclass(frozen=True, slots=True)
class TransformJob:
    """A graph, the transforms to run on it, and what a run of the graph needs.

    Attributes:
        inputs, outputs: Nodes or tensors that the transforms keep.
        fetches: Of the outputs, those whose values are compared.
        name: The model's.
        init_op: Node to run first, which fills tables.
        files: Node that is fed with the path of one of the model's own files, to that path.
        feeds: Arrays by tensor name; None for generated ones.
        check: None where no step is checked.
        allow_files: Parameters may name files of this machine.
    """

    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    fetches: tuple[str, ...]
    calls: Sequence[Call]
    name: str = "model"
    init_op: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    feeds: Mapping[str, Array] | None = None
    check: CheckOptions | None = None
    allow_files: bool = False

    def to_json(self) -> TransformJson:
        """As JSON; the graph and the feeds travel as blobs."""
        return {
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "fetches": list(self.fetches),
            "calls": [{"name": call.name, "args": list(call.args)} for call in self.calls],
            "name": self.name,
            "init_op": self.init_op,
            "files": dict(self.files),
            "check": None if self.check is None else self.check.to_json(),
            "allow_files": self.allow_files,
        }

    @classmethod
    def from_json(
        cls, json: TransformJson, graph: Graph, feeds: Mapping[str, Array] | None
    ) -> TransformJob:
        """From `to_json`, with the graph and the feeds."""
        calls = [
            Call(call["name"], tuple((key, value) for key, value in call["args"]))
            for call in json["calls"]
        ]
        check = json["check"]
        return cls(
            graph,
            tuple(json["inputs"]),
            tuple(json["outputs"]),
            tuple(json["fetches"]),
            calls,
            json["name"],
            json["init_op"],
            json["files"],
            feeds,
            None if check is None else CheckOptions.from_json(check),
            json["allow_files"],
        )


@dataclass(frozen=True, slots=True)
class TransformResult:
    """The pipeline's result, and what the checked graphs were fed with, in a few words."""

    pipeline: PipelineResult
    feeds_summary: str = ""


@dataclass(frozen=True, slots=True)
class Kernels:
    """What runs ops: TensorFlow in this process or in a worker; None where there is none.

    Attributes:
        evaluate: Computes constant tensors.
        grappler: Runs TensorFlow's graph optimiser.
        runner: Returns the function that runs graphs of a job for its check.
    """

    evaluate: Evaluate | None = None
    grappler: Grappler | None = None
    runner: Callable[[TransformJob], RunGraph] | None = None


RunTransforms = Callable[
    [TransformJob, Progress | None, Callable[[], bool] | None], TransformResult
]


def run_transforms(
    job: TransformJob,
    kernels: Kernels,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TransformResult:
    """Run the transforms in this process. Raises: what `pipeline.run` raises."""
    check = job.check or CheckOptions()
    checker = None
    if job.check is not None and kernels.runner is not None:
        checker = Checker(
            kernels.runner(job),
            [name for name in job.inputs if name not in job.files],
            job.fetches,
            job.feeds,
            keep=job.files,
            budget_s=check.budget_s,
        )
    options = PipelineOptions(
        kernels.evaluate,
        kernels.grappler,
        progress,
        cancelled,
        files=job.allow_files,
        check=checker,
        on_violation=check.on_violation,
        require_check=check.require,
        roll_back=check.roll_back,
    )
    result = pipeline.run(job.graph, job.inputs, job.outputs, job.calls, options)
    return TransformResult(result, "" if checker is None else checker.feeds_summary)
