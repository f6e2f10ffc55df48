"""Profiles for the library and the command line: the time of each node, measured in a worker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from inspector.errors import BadParameter
from inspector.jobs.client.ask import MOST_S, Deadline, Terms, ask
from inspector.jobs.client.timing import kind_of, sides_of
from inspector.jobs.tasks.side_types import ProfileArgs
from inspector.measurement.json_types import ProfileJson
from inspector.measurement.node_times import PROFILE_S, Profile, profile_from
from inspector.model.model import Model

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress


def profile(
    model: Model,
    feeds: Mapping[str, Any] | None = None,
    *,
    outputs: Sequence[str] | None = None,
    signature: str | None = None,
    batch: int | None = None,
    budget: float = PROFILE_S,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Profile:
    """Time each node of a model on one thread, in a worker.

    TensorFlow's nodes are timed in its trace of whole runs. LiteRT has no profiler in Python: each
    operator runs alone, on the values that it has in the model.

    Args:
        feeds: As in `predict`; by default random rows.
        outputs: Nodes or tensors that the run is for; by default those of the signature, or the
            likeliest one.
        signature: Its key, where the model has several.
        batch: Rows of a run, as in `benchmark`.
        budget: Seconds for the runs, after loading.
        progress, timeout: As in `benchmark`.
    Returns: ``nodes`` and ``ops``, the slowest first, with time, bytes of their outputs, FLOPs and
        parameters; ``sum_ms`` beside ``run_ms``, the time of a whole run.
    Raises: BadParameter, and the errors of `predict`.
    """
    if batch is not None and not 1 <= batch <= 1_000_000_000:
        raise BadParameter("profile", "batch", "takes a whole number from 1 to 1,000,000,000")
    if not (math.isfinite(budget) and 0 < budget <= MOST_S):
        raise BadParameter("profile", "budget", f"takes seconds above 0 and up to {MOST_S:,.0f}")
    terms = Terms(Deadline.after(timeout), progress)
    with sides_of({"A": model}, feeds, batch) as (sides, blobs):
        (side,) = sides["sides"]
        side["outputs"] = None if outputs is None else list(outputs)
        side["signature"] = model.signature if signature is None else signature
        args: ProfileArgs = {**sides, "budget_s": budget}
        kind = kind_of("profile", [model])
        answer = ask(kind, args, blobs=blobs, terms=terms).value
    return profile_from(cast("ProfileJson", answer))
