"""One run of a list of transforms on a graph, as a thing that can be handed to another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspector import checking
from inspector.checking import Checker, RunGraph
from inspector.feeds import Slot
from inspector.graph import Graph
from inspector.passes import pipeline
from inspector.passes.base import Evaluate, Grappler
from inspector.passes.parser import Call
from inspector.passes.pipeline import OnViolation, PipelineResult, Progress
from inspector.tensors import Array

MakeFeeds = Callable[[Mapping[str, Slot]], Mapping[str, Any]]
"""Told the slots to fill by tensor name; gives values by their keys. Raises: BadFeed."""


@dataclass(frozen=True)
class Checking:
    """What is asked of the check.

    Attributes:
        feeds: Key of a signature, tensor or node name to array; None for random ones. Or what
            makes them for the tensors that have to be fed: a sample's rows, which may not fit the
            outputs that somebody chose, and then random ones are taken.
        on_violation: What becomes of a step that breaks its promise.
        roll_back: Places in the list, from 0, of steps to undo.
        budget_s: Seconds for all runs together.
    """

    feeds: Mapping[str, Any] | MakeFeeds | None = None
    on_violation: OnViolation = "keep"
    roll_back: tuple[int, ...] = ()
    budget_s: float = checking.BUDGET_S


@dataclass(frozen=True)
class Work:
    """A graph, what is to be done with it, and what it takes to run it.

    Attributes:
        inputs, outputs: What transforms keep.
        fetches: Of the outputs, those whose values are compared.
        name: The model's.
        init_op: Node to run first, which fills tables.
        files: Node that is fed with the path of one of the model's own files, to that path.
        feeds: By tensor name; None for random ones.
        checking: None where nothing is checked.
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
    checking: Checking | None = None
    allow_files: bool = False


@dataclass(frozen=True)
class Done:
    """What came of it, and what the checked graphs were fed with, in a few words."""

    result: PipelineResult
    fed: str = ""


@dataclass(frozen=True)
class Engine:
    """What computes: TensorFlow in this process or asked of another; None where there is none."""

    evaluate: Evaluate | None = None
    grappler: Grappler | None = None
    run: Callable[[Work], RunGraph] | None = None


Perform = Callable[[Work, Progress | None, Callable[[], bool] | None], Done]


def perform(
    work: Work,
    engine: Engine,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Done:
    """Do the work in this process. Raises: what `pipeline.run` raises."""
    asked = work.checking
    checker = None
    if asked is not None and engine.run is not None:
        checker = Checker(
            engine.run(work),
            [name for name in work.inputs if name not in work.files],
            work.fetches,
            work.feeds,
            keep=work.files,
            budget_s=asked.budget_s,
        )
    result = pipeline.run(
        work.graph,
        work.inputs,
        work.outputs,
        work.calls,
        evaluate=engine.evaluate,
        grappler=engine.grappler,
        progress=progress,
        cancelled=cancelled,
        files=work.allow_files,
        check=checker,
        on_violation="keep" if asked is None else asked.on_violation,
        roll_back=() if asked is None else asked.roll_back,
    )
    return Done(result, "" if checker is None else checker.fed)
