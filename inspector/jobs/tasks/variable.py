"""The task behind the variables table: one variable, read from the checkpoint, in figures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from inspector.analysis import statistics
from inspector.errors import MissingVariables
from inspector.graph.tensors import Array
from inspector.jobs.request_types import VariableArgs
from inspector.jobs.tasks.read import read_model
from inspector.jobs.worker import JobContext, TaskResult
from inspector.text import value as value_text

FIRST = 24
"""How many of the first values the answer holds."""


def variable(args: VariableArgs, job: JobContext) -> TaskResult:
    """Range, mean, zeros, histogram and first values of one variable; reads no other."""
    job.progress(None, "read")
    model = read_model(args)
    name = args["name"]
    checkpoint = model.checkpoint
    if checkpoint is None:
        raise MissingVariables(model.name, name, "there is no checkpoint to read it from")

    def pieces() -> Iterator[Array]:
        return checkpoint.pieces(name)

    figures = statistics.of(pieces)
    piece = next(pieces())
    first = [value_text(value) for value in islice(piece.flat, FIRST)]
    return TaskResult({**figures.to_dict(), "first": first})
