"""Where two models part: the first node whose value differs, found by running both in a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from inspector.analysis.node_errors import TOLERANCE, Blame, step_of
from inspector.jobs.client.ask import Deadline, Terms, ask
from inspector.jobs.client.timing import kind_of, sides_of
from inspector.jobs.tasks.side_types import BlameArgs
from inspector.measurement.json_types import BlameJson
from inspector.model.model import Model
from inspector.optimisation.result import Optimised

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress
    from inspector.passes.records import Step

PART_BYTES = 256 << 20
"""The values of nodes that are held at a time; one that is larger is compared alone."""


def blame(
    before: Model,
    after: Model | Optimised,
    feeds: Mapping[str, Any],
    *,
    outputs: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
    every: bool = False,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Blame:
    """The first node whose values differ between two models, and what differs there.

    Args:
        after: With an answer of `optimise` the step that did it is named.
        feeds: For the inputs of `before`, as in `predict`; `after` gets the same values.
        outputs: Nodes or tensors of `before`; by default the outputs of its signature, or
            the likeliest one.
        tolerance: Differences above this part of a tensor's largest value count.
        every: Compare all nodes, not only those around the first that differs.
        progress, timeout: As in `predict`; by default 900 s.
    Raises: BadFeed, BadFetch (no outputs known), and the errors of `freeze` and `predict`.
    """
    model = after.model if isinstance(after, Optimised) else after
    terms = Terms(Deadline.after(timeout), progress)
    with sides_of({"A": before, "B": model}, feeds, None) as (sides, blobs):
        sides["sides"][0]["outputs"] = None if outputs is None else list(outputs)
        args: BlameArgs = {
            **sides,
            "tolerance": tolerance,
            "part_bytes": PART_BYTES,
            "every": every,
        }
        kind = kind_of("blame", (before, model))
        answer = cast("BlameJson", ask(kind, args, blobs=blobs, terms=terms).value)
    steps = after.steps if isinstance(after, Optimised) else ()
    return Blame.from_dict(answer, step_of(map(_record, steps), answer))


def _record(step: Step) -> dict[str, Any]:
    """What `step_of` reads, with all changes, where the JSON of a step lists a few."""
    changed = [{"name": it.name, "sources": list(it.sources)} for it in step.changed]
    return {**step.to_dict(), "changed": changed}
