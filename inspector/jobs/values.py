"""The task behind the variables table: one variable, read from the checkpoint, in figures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from inspector import looking, statistics
from inspector.errors import MissingVariables
from inspector.jobs.tasks import Args, read_model
from inspector.jobs.worker import JobContext, TaskResult
from inspector.tensors import Array

FIRST = 24
"""Values that are shown as they are."""


def variable(args: Args, job: JobContext) -> TaskResult:
    """Range, mean, zeros, histogram and first values of one variable; no other is read.

    Args: path; tag_set; signature; ``name``: its key in the checkpoint.
    Value: see `statistics.Statistics.to_dict`; ``first``: the first values as texts.
    """
    job.progress(None, "read")
    model = read_model(args)
    name = str(args["name"])
    checkpoint = model.checkpoint
    if checkpoint is None:
        raise MissingVariables(model.name, name, "there is no checkpoint to read it from")

    def pieces() -> Iterator[Array]:
        return checkpoint.pieces(name)

    found = statistics.of(pieces)
    piece = next(pieces())
    first = [looking.value_text(value) for value in islice(piece.flat, FIRST)]
    return TaskResult({**found.to_dict(), "first": first})
