"""Runs a list of transforms, and records of each what it did and what it left alone.

Bad input raises before work starts: the whole list is read, names looked up and parameters
checked first. A step that fails stops the run, unless it says ``ignore_errors=true``: then the
graph goes on as it was before that step. Function library and versions are kept throughout.
A step that was checked and did not keep its promise is marked, and rolled back where that is asked.

Source: tensorflow/tools/graph_transforms/transform_graph.cc, TransformGraph.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from inspector.errors import (
    BadParameter,
    InspectorError,
    InvalidGraph,
    JobCancelled,
    TransformFailed,
    UnknownTransform,
    did_you_mean,
)
from inspector.graph import Graph, field_size, node_name
from inspector.passes import PASSES
from inspector.passes.base import Evaluate, Grappler, Pass, PassContext
from inspector.passes.parser import Call, format_call, parse
from inspector.passes.records import Check, Step
from inspector.protos import FunctionDefLibrary, NodeDef

Progress = Callable[[float | None, str], None]
"""Called with a fraction from 0 to 1, None where it is not known, and what is being done."""
Transforms = str | Sequence[str] | Sequence[Call]
OnViolation = Literal["keep", "rollback", "stop"]
"""What becomes of a step that breaks its promise: kept and marked, undone, or the run ends."""


@dataclass(frozen=True)
class PipelineResult:
    """The graph after the last step, and one record for each."""

    graph: Graph
    steps: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as ``--record`` writes it."""
        return {"steps": [step.to_dict() for step in self.steps]}


@dataclass(frozen=True)
class Planned:
    """One call that was looked up and checked, ready to run; or the error of its parameters."""

    call: Call
    text: str
    found: Pass
    params: dict[str, Any]
    ignore_errors: bool
    error: BadParameter | None


def plan(transforms: Transforms) -> list[Planned]:
    """Read a list of transforms and check names and parameters, without a graph.

    Args:
        transforms: The tool's text, or several of them, or parsed calls.
    Raises: TransformSyntaxError, UnknownTransform, BadParameter.
    """
    return [_planned(call) for call in _calls(transforms)]


def run(
    graph: Graph,
    inputs: Iterable[str],
    outputs: Iterable[str],
    transforms: Transforms,
    *,
    evaluate: Evaluate | None = None,
    grappler: Grappler | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    files: bool = False,
    check: Check | None = None,
    on_violation: OnViolation = "keep",
    roll_back: Collection[int] = (),
) -> PipelineResult:
    """Run transforms in order; the graph given in stays as it is.

    Args:
        inputs, outputs: Feeds and fetches, node or tensor names; they keep name and meaning.
        evaluate: Runs kernels for `fold_constants`; without it, what needs them is left alone.
        grappler: Runs TensorFlow's graph optimiser; the transforms of that name need it.
        progress: Called with a fraction from 0 to 1 and what is being done.
        cancelled: Asked between steps, and by long passes; True stops the run.
        files: Parameters may name files of this machine.
        check: Says of each step whether fetched values are what it declares; see
            `inspector.checking`.
        on_violation: ``keep``, ``rollback`` or ``stop``: for a step of which it says no.
        roll_back: Places in the list, from 0, of steps to undo whatever the check says.
    Raises: TransformSyntaxError, UnknownTransform, BadParameter before work starts;
        TransformFailed, InvalidGraph; JobCancelled.
    """
    planned = plan(transforms)
    check_policy(on_violation)
    feeds, fetches = tuple(inputs), tuple(outputs)
    steps: list[Step] = []
    size = _Size(graph)
    for index, item in enumerate(planned):
        if progress is not None:
            progress(index / len(planned), f"{item.call.name} ({index + 1} of {len(planned)})")
        ctx = PassContext(
            feeds, fetches, evaluate, grappler, ignore_errors=item.ignore_errors, files=files
        )
        if cancelled is not None:
            ctx.cancelled = cancelled
        ctx.check_cancelled(item.call.name)
        after, step = _step(graph, item, ctx, size)
        if check is not None:
            step.check = check(graph, after, step.effect)
        if step.violated and on_violation == "stop":
            assert step.check is not None
            raise TransformFailed(step.name, "check", f"stopped: {step.check.why}")
        step.rolled_back = index in roll_back or (step.violated and on_violation == "rollback")
        if step.rolled_back:
            size.update(after, graph)
        else:
            graph = after
        steps.append(step)
    if progress is not None:
        progress(1.0, "done")
    return PipelineResult(graph, tuple(steps))


def check_policy(on_violation: str) -> None:
    """Raises: BadParameter for a word that is no policy."""
    if on_violation not in get_args(OnViolation):
        known = ", ".join(get_args(OnViolation))
        raise BadParameter("check", "on_violation", f"'{on_violation}' is none of {known}")


def _step(graph: Graph, item: Planned, ctx: PassContext, size: _Size) -> tuple[Graph, Step]:
    step = Step(item.call.name, item.text, item.found.effect)
    step.nodes_before, step.bytes_before, step.ops_before = (
        len(graph),
        size.total,
        graph.op_counts(),
    )
    unknown = item.found.unknown(item.call.args)
    step.warnings = [f"{item.call.name} has no parameter '{key}'; ignored" for key in unknown]
    started = time.perf_counter()
    after = graph
    try:
        if item.error is not None:
            raise item.error
        result = item.found(graph, ctx, **item.params)
    except JobCancelled:
        raise
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
    """The tool's own check after each transform, which ``ignore_errors`` does not cover."""
    known = {node.name for node in graph.nodes}
    for node in graph.nodes:
        for text in node.input:
            if node_name(text) not in known:
                reason = f"Invalid graph with inputs referring to nonexistent nodes: '{text}'"
                raise InvalidGraph(name, f"node '{node.name}'", reason)


class _Size:
    """Bytes of a graph, kept up to date from what changed."""

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
    # As the tool does: several strings are one, so a call may even be spread over two of them.
    return calls or parse(" ".join(texts))


def _planned(call: Call) -> Planned:
    # Grappler's optimisers go by their own names, too; none is the name of one of the tool's.
    found = PASSES.get(call.name) or PASSES.get(f"grappler_{call.name}")
    if found is None:
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
        return Planned(call, text, found, found.read(call.args), ignore, None)
    except BadParameter as err:
        if not ignore:
            raise
        return Planned(call, text, found, {}, ignore, err)
