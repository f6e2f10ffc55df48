"""Keras files as graphs of ops, built in a worker for the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from inspector.jobs.client.ask import Terms, ask
from inspector.jobs.request_types import BuildArgs, GraphJson
from inspector.jobs.tasks.read import model_of_blobs
from inspector.model.model import Model, Runtime


def of_ops(
    model: Model,
    outputs: Sequence[str] | None = None,
    *,
    keep_devices: bool = False,
    terms: Terms | None = None,
) -> Model:
    """The model as a graph of ops: builds a Keras file in a worker, returns other models as is.

    Args:
        outputs: Layers or nodes that the graph is for; by default the model's outputs.
    Raises: BlockedOp, UnsupportedModel, CorruptModel, UnknownNode, JobError.
    """
    if model.runs_with is not Runtime.KERAS:
        return model
    args: BuildArgs = {
        "path": str(model.path),
        "outputs": None if outputs is None else list(outputs),
        "keep_devices": keep_devices,
    }
    answer = ask("build", args, terms=terms)
    return model_of_blobs(cast("GraphJson", answer.value), answer.blobs)
