"""Keras files as graphs that run: in the job itself, or asked of a worker by the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inspector.jobs.runner import default_runner
from inspector.jobs.tasks import handed_over
from inspector.model import Model


def of_ops(
    model: Model, outputs: Sequence[str] | None = None, *, keep_devices: bool = False
) -> Model:
    """The model as a graph of ops: a Keras file is built in a worker, all others are as they are.

    Args:
        outputs: Layers or nodes that the graph is for; by default the model's outputs.
    Raises: BlockedOp, UnsupportedModel, CorruptModel, UnknownNode, JobError.
    """
    if model.layers is None:
        return model
    args: dict[str, Any] = {
        "path": str(model.path),
        "outputs": None if outputs is None else list(outputs),
        "keep_devices": keep_devices,
    }
    answer = default_runner().run("build", args)
    return handed_over(answer.value, answer.blobs)
