"""Samples for quantising as a request names them: rows by key of the model's inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from inspector.backend.litert import lite
from inspector.errors import BadFeed, LimitExceeded
from inspector.formats.tflite.lite_model import LiteModel, lite_model
from inspector.jobs.tasks.lite_types import RecipeArgs, SamplesAnswer
from inspector.jobs.tasks.read import read_model
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model.model import Model, Runtime
from inspector.optimisation import corresponding
from inspector.optimisation.feed_source import FeedSource
from inspector.optimisation.tflite import samples

BLOB = "samples"
"""The blob with the bytes of a file."""


def check(args: RecipeArgs, job: JobContext) -> TaskResult:
    """Compare samples with the inputs of a model, without running it. Blob: `BLOB`."""
    model = read_model(args)
    value: SamplesAnswer = {"rows": 0, "why": ""}
    try:
        rows = of_model(args, job, model)
    except (BadFeed, LimitExceeded) as err:
        value["why"] = str(err)
    else:
        value["rows"] = corresponding.rows(rows.values()) if rows else 0
    return TaskResult(value)


def of_model(args: RecipeArgs, job: JobContext, model: Model) -> dict[str, Any] | None:
    """The samples by key, checked; None where the request names none.

    None, too, for a model without a signature: its inputs are known once it is converted.

    Raises: BadFeed, LimitExceeded.
    """
    source = _source(args, job)
    if source is None:
        return None
    if model.runs_with is Runtime.LITERT:
        return of_lite(args, job, lite_model(model))
    slots = samples.slots_of(model)
    if not slots:
        return None
    return dict(samples.checked(source.values(slots), list(slots.values())))


def of_lite(
    args: RecipeArgs, job: JobContext, model: LiteModel, others: Collection[str] = ()
) -> dict[str, Any] | None:
    """The samples for a TFLite model by key, checked; None where the request names none.

    Args:
        others: Keys that do not matter: inputs of the model that this one was converted from.
    Raises: BadFeed, LimitExceeded.
    """
    source = _source(args, job)
    return None if source is None else read(source, model, args["name"], others)


def read(
    source: FeedSource | Mapping[str, Any],
    model: LiteModel,
    name: str,
    others: Collection[str] = (),
) -> dict[str, Any]:
    """Samples for a TFLite model by key, checked.

    Args:
        source: A source, or the arrays themselves.
        name: Of the model, for errors.
        others: As in `of_lite`.
    Raises: BadFeed, LimitExceeded.
    """
    ends = lite.ends(model)[0]
    slots = {end.tensor: end.slot for end in ends if end.slot}
    values = source.values(slots) if isinstance(source, FeedSource) else source
    input_names = {key for end in ends for key in (end.key, end.tensor)}
    needed = {
        key: value for key, value in values.items() if key in input_names or key not in others
    }
    by_key = corresponding.by_key(needed, ends, name)
    return dict(samples.checked(by_key, list(slots.values())))


def _source(args: RecipeArgs, job: JobContext) -> FeedSource | None:
    spec = args["samples"]
    return None if spec is None else FeedSource(spec, job.blobs.get(BLOB, b""), job.blobs)
