"""Runs a list of transforms, and records what each of them changed and skipped.

Names and parameters of the whole list are checked before the first transform runs. A failing step
stops the run, unless it has ``ignore_errors=true``: then the run goes on with the graph from before
that step. Function library and versions do not change. A step whose check finds a violation of its
declared effect is marked, and rolled back on request.

Source: tensorflow/tools/graph_transforms/transform_graph.cc, TransformGraph.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from inspector.errors import (
    BadParameter,
    CheckNotMade,
    CheckViolated,
    InspectorError,
    InvalidGraph,
    JobCancelled,
    JobTimeout,
    UnknownTransform,
    WorkerUnavailable,
    did_you_mean,
)
from inspector.graph.graph import Graph, field_size, node_name
from inspector.graph.protos import FunctionDefLibrary, NodeDef
from inspector.passes import PASSES, contradictions
from inspector.passes.base import Evaluate, Grappler, Pass, PassContext
from inspector.passes.parser import Call, format_call, parse
from inspector.passes.records import Check, Step

Progress = Callable[[float | None, str], None]
"""Called with a fraction from 0 to 1, None if it is unknown, and the present activity."""
Transforms = str | Sequence[str] | Sequence[Call]
OnViolation = Literal["keep", "rollback", "stop"]
"""What happens to a step in violation: it is kept and marked, it is undone, or the run stops."""


@dataclass(frozen=True)
class PipelineResult:
    """The graph after the last step, and one record per step."""

    graph: Graph
    steps: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as ``--record`` writes it."""
        return {"steps": [step.to_dict() for step in self.steps]}


@dataclass(frozen=True)
class Planned:
    """A call with its pass and typed parameters, or with the error in its parameters."""

    call: Call
    text: str
    transform: Pass
    params: dict[str, Any]
    ignore_errors: bool
    error: BadParameter | None


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How transforms are run, and how their effect is checked.

    Attributes:
        evaluate: Runs kernels for `fold_constants`; without it, what needs them is left alone.
        grappler: Runs TensorFlow's graph optimiser; the transforms of that name need it.
        progress: Called with a fraction from 0 to 1 and the name of the current transform.
        cancelled: Called between steps, and by long passes; True stops the run.
        files: Parameters may name files of this machine.
        check: Compares fetched values before and after each step with the effect that the step
            declares; see `inspector.optimisation.check`.
        on_violation: What happens to a step that `check` finds in violation; ``stop`` also ends the
            run at a step that could not be checked.
        require_check: End with an error, after all steps, where one is in violation and not rolled
            back, or could not be checked.
        roll_back: Indices in the list, from 0, of steps to undo whatever the check says.
    """

    evaluate: Evaluate | None = None
    grappler: Grappler | None = None
    progress: Progress | None = None
    cancelled: Callable[[], bool] | None = None
    files: bool = False
    check: Check | None = None
    on_violation: OnViolation = "keep"
    require_check: bool = False
    roll_back: Collection[int] = ()


def plan(transforms: Transforms) -> list[Planned]:
    """Parse a list of transforms and check names and parameters, without a graph.

    Args:
        transforms: A transforms string, several of them, or parsed calls.
    Raises: TransformSyntaxError, UnknownTransform, BadParameter.
    """
    return [_planned(call) for call in _calls(transforms)]


def run(
    graph: Graph,
    inputs: Iterable[str],
    outputs: Iterable[str],
    transforms: Transforms,
    options: PipelineOptions | None = None,
) -> PipelineResult:
    """Run transforms in order; the argument `graph` stays as it is.

    Args:
        inputs, outputs: Feeds and fetches, node or tensor names; they keep name and meaning.
    Raises: TransformSyntaxError, UnknownTransform, BadParameter before work starts;
        TransformFailed, InvalidGraph; CheckViolated, CheckNotMade; JobCancelled, JobTimeout,
        WorkerUnavailable. ``ignore_errors`` does not cover the last five.
    """
    options = options or PipelineOptions()
    planned = plan(transforms)
    check_policy(options.on_violation)
    feeds, fetches = tuple(inputs), tuple(outputs)
    steps: list[Step] = []
    size = _Size(graph)
    for index, item in enumerate(planned):
        if options.progress is not None:
            options.progress(
                index / len(planned), f"{item.call.name} ({index + 1} of {len(planned)})"
            )
        ctx = PassContext(
            feeds,
            fetches,
            options.evaluate,
            options.grappler,
            ignore_errors=item.ignore_errors,
            files=options.files,
        )
        if options.cancelled is not None:
            ctx.cancelled = options.cancelled
        ctx.check_cancelled(item.call.name)
        after, step = _step(graph, item, ctx, size)
        if options.check is not None:
            step.check = options.check(graph, after, step.effect)
        if options.on_violation == "stop":
            _require([step], "stopped: ")
        rolls_back = step.violated and options.on_violation == "rollback"
        step.rolled_back = rolls_back or index in options.roll_back
        if step.rolled_back:
            size.update(after, graph)
        else:
            graph = after
        steps.append(step)
    if options.require_check:
        _require(steps)
    if options.progress is not None:
        options.progress(1.0, "done")
    return PipelineResult(graph, tuple(steps))


def check_policy(on_violation: str) -> None:
    """Raises: BadParameter if `on_violation` is no value of `OnViolation`."""
    if on_violation not in get_args(OnViolation):
        allowed = ", ".join(get_args(OnViolation))
        raise BadParameter("check", "on_violation", f"'{on_violation}' is none of {allowed}")


def _require(steps: Sequence[Step], prefix: str = "") -> None:
    """Raises: CheckViolated for a violation that stays; CheckNotMade for what was not compared."""
    for step in steps:
        if step.check is not None and step.violated and not step.rolled_back:
            raise CheckViolated(step.name, "check", prefix + step.check.why)
    for step in steps:
        if step.check is None or step.check.unsettled:
            why = "nothing here runs graphs" if step.check is None else step.check.why
            raise CheckNotMade(step.name, "check", f"{prefix}not checked: {why}")


def _step(graph: Graph, item: Planned, ctx: PassContext, size: _Size) -> tuple[Graph, Step]:
    step = Step(item.call.name, item.text, item.transform.effect)
    step.nodes_before, step.bytes_before, step.ops_before = (
        len(graph),
        size.total,
        graph.op_counts(),
    )
    unknown = item.transform.unknown(item.call.args)
    step.warnings = [f"{item.call.name} has no parameter '{key}'; ignored" for key in unknown]
    started = time.perf_counter()
    after = graph
    try:
        if item.error is not None:
            raise item.error
        result = item.transform(graph, ctx, **item.params)
        contradictions.refuse(graph, result.graph, item.call.name)
    except (JobCancelled, JobTimeout, WorkerUnavailable):
        raise  # not the fault of this step: the next one would fail as well
    except InspectorError as err:
        if not item.ignore_errors:
            raise
        step.error = err
    else:
        after = result.graph
        step.modified, step.changed, step.skipped = result.modified, result.changed, result.skipped
        step.changes, step.skips = len(result.changed), len(result.skipped)
    step.seconds = time.perf_counter() - started
    step.warnings += ctx.warnings
    if after is not graph:
        size.update(graph, after)
    _check(after, item.call.name)
    step.nodes_after, step.bytes_after = len(after), size.total
    step.ops_after = step.ops_before if after is graph else after.op_counts()
    return after, step


def _check(graph: Graph, name: str) -> None:
    """The tool's check after each transform, which ``ignore_errors`` does not cover."""
    names = {node.name for node in graph.nodes}
    for node in graph.nodes:
        for text in node.input:
            if node_name(text) not in names:
                reason = f"Invalid graph with inputs referring to nonexistent nodes: '{text}'"
                raise InvalidGraph(name, f"node '{node.name}'", reason)


class _Size:
    """The size of a graph in bytes, updated from the nodes that changed."""

    def __init__(self, graph: Graph) -> None:
        self.total = graph.byte_size()

    def update(self, before: Graph, after: Graph) -> None:
        old = {id(node): node for node in before.nodes}
        new = {id(node): node for node in after.nodes}
        self.total += _sum(node for key, node in new.items() if key not in old)
        self.total -= _sum(node for key, node in old.items() if key not in new)
        if after.library is not before.library:
            self.total += _sum([after.library]) - _sum([before.library])


def _sum(parts: Iterable[NodeDef | FunctionDefLibrary]) -> int:
    return sum(field_size(part) for part in parts)


def _calls(transforms: Transforms) -> list[Call]:
    if isinstance(transforms, str):
        return parse(transforms)
    calls: list[Call] = []
    texts: list[str] = []
    for item in transforms:
        if isinstance(item, Call):
            calls.append(item)
        else:
            texts.append(item)
    # As in the tool, several strings are joined, so a call may span two of them.
    return calls or parse(" ".join(texts))


def _planned(call: Call) -> Planned:
    # Grappler's optimisers also have their short names, which no transform has.
    transform = PASSES.get(call.name) or PASSES.get(f"grappler_{call.name}")
    if transform is None:
        reason = f"Transform '{call.name}' not recognized" + did_you_mean(call.name, PASSES)
        raise UnknownTransform("transforms", call.name, reason)
    text = format_call(call)
    ignore = False
    for value in call.values("ignore_errors")[:1]:
        if value.lower() not in ("true", "false"):
            reason = f"ignore_errors should be true or false, found {value}"
            raise BadParameter(call.name, "ignore_errors", reason)
        ignore = value.lower() == "true"
    try:
        return Planned(call, text, transform, transform.read(call.args), ignore, None)
    except BadParameter as err:
        if not ignore:
            raise
        return Planned(call, text, transform, {}, ignore, err)
