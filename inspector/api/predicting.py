"""Functions that ask workers: a prediction, the state of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspector.api.arguments import terms_of
from inspector.model.model import Model, check_model

if TYPE_CHECKING:
    from inspector.jobs.client.predict import Prediction
    from inspector.passes.pipeline import Progress


def predict(
    model: Model,
    feeds: Mapping[str, Any] | None = None,
    fetches: Sequence[str] | None = None,
    signature: str | None = None,
    *,
    init_op: str | None = None,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Prediction:
    """Run a model once, in a worker.

    Args:
        feeds: Key to array or nested list; a key is an input, a tensor name or a node name.
        fetches: Keys in the same sense; by default all outputs of the signature.
        signature: Its key; by default the one whose inputs are fed.
        init_op: The node to run first, as in `freeze`.
        progress: As in `optimise`.
        timeout: Seconds from now, at most 1,000,000; by default the run may take 120 s.
    Returns: ``outputs``: key to array; ``run_ms``: the run alone, without loading.
    Raises: BadFeed, BadFetch, UnknownSignature, BlockedOp, RunFailed, MissingVariables, JobError
        (JobTimeout after the timeout, WorkerUnavailable where TensorFlow cannot be started).
    """
    check_model(model, "predict")
    from inspector.jobs.client import predict as prediction

    terms = terms_of(progress, timeout)
    return prediction.predict(model, feeds or {}, fetches, signature, init_op, terms)


def doctor() -> dict[str, Any]:
    """What this machine provides: sandbox, programs, packages, room; as JSON, see docs/sandbox.md.

    Starts TensorFlow in a worker. ``problems`` are sentences about parts that the defaults need.
    """
    from inspector.jobs.doctor import examine

    return examine()
