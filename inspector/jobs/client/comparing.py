"""Comparisons of two models for the library and the command line, as a gate where limits say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from inspector.analysis.describe import describe
from inspector.errors import BadFeed, BadParameter, CheckNotMade
from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.client import timing
from inspector.jobs.client.ask import Deadline, Terms, ask
from inspector.jobs.tasks.side_types import CompareAnswer, CompareArgs, ComparedSideJson
from inspector.measurement import grades
from inspector.measurement.json_types import (
    AccuracyJson,
    ClassChange,
    MeanErrorJson,
    OutputDifference,
)
from inspector.measurement.limits import Limit
from inspector.measurement.run_times import Benchmark
from inspector.model.model import Model
from inspector.printing import differences_text
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import count

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress

ROWS = 32
"""Random rows where none are given."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """How B answers beside A.

    Attributes:
        rows: That both ran on.
        bytes_a, bytes_b: Of the models' files.
        side: Grade, differences by output, and scores, as in the JSON.
        class_names: Of the output with classes, from the caller or from a model.
        names_from: Where these are from, if a model has them.
        limits: Those that were bounds for, with their values.
        latency: A benchmark, where a limit bounds for it.
    """

    rows: int
    bytes_a: int
    bytes_b: int
    side: ComparedSideJson
    class_names: list[str] | None = None
    names_from: str | None = None
    limits: tuple[Limit, ...] = ()
    latency: Benchmark | None = None

    def __repr__(self) -> str:
        met = sum(limit.met for limit in self.limits)
        limits = f", {met} of {count(len(self.limits), 'limit')} met" if self.limits else ""
        return f"<Comparison: {self.grade} on {count(self.rows, 'row')}{limits}>"

    def _repr_html_(self) -> str:
        latency = None if self.latency is None else self.latency.sentence()
        return html(differences_text.comparison(self.to_dict(), self.limits, latency))

    @property
    def grade(self) -> str:
        """The worst of all outputs: ``identical``, ``rounding``, ``small``, and so on."""
        return self.side["grade"]

    @property
    def outputs(self) -> dict[str, OutputDifference]:
        """Output of A to its differences, as in the JSON."""
        return self.side["outputs"]

    @property
    def missing_outputs(self) -> list[str]:
        """Outputs of A for which B has none."""
        return self.side["missing"]

    @property
    def class_changes(self) -> dict[str, list[ClassChange]]:
        """Output with classes to the rows that have another one."""
        return self.side["class_changes"]

    @property
    def accuracy(self) -> AccuracyJson | None:
        """Share of right rows of A and B, where labels are classes."""
        return self.side["accuracy"]

    @property
    def mean_error(self) -> MeanErrorJson | None:
        """Mean absolute error of A and B, where labels are real values."""
        return self.side["mean_error"]

    @property
    def met(self) -> bool:
        """Whether every limit is met; True without limits."""
        return all(limit.met for limit in self.limits)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector compare``."""
        ratio = self.bytes_a / self.bytes_b if self.bytes_b else None
        return stamped(
            {
                "rows": self.rows,
                "bytes": {"a": self.bytes_a, "b": self.bytes_b, "ratio": ratio},
                "grade": self.grade,
                "outputs": self.outputs,
                "class_changes": self.class_changes,
                "missing_outputs": self.missing_outputs,
                "accuracy": self.accuracy,
                "mean_error": self.mean_error,
                "class_names": self.class_names,
                "names_from": self.names_from,
                "latency": None if self.latency is None else self.latency.to_dict(),
                "limits": [limit.to_dict() for limit in self.limits],
                "met": self.met,
            }
        )


def compare(
    a: Model,
    b: Model,
    feeds: Mapping[str, Any] | None = None,
    labels: Any = None,
    *,
    classes: Sequence[str] | None = None,
    tolerance: float = grades.TOLERANCE,
    max_difference: float | None = None,
    min_agreement: float | None = None,
    min_accuracy: float | None = None,
    max_bytes: int | None = None,
    max_latency_ratio: float | None = None,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Comparison:
    """Run two models on the same rows, in a worker, and compare their outputs.

    Args:
        a, b: Models of any format.
        feeds: For the inputs of A and B, as in `predict`. By default 32 random rows.
        labels: One per row: numbers of classes, names of classes, or real values.
        classes: Names of the classes in their order; by default those that a model has.
        tolerance: The largest difference that is ``small``, as a share of an output's largest
            value.
        max_difference, min_agreement, min_accuracy, max_bytes, max_latency_ratio: Limits on any
            real value's difference, the share of rows with the same top-1 entry, that of rows B
            gets right, B's bytes, and the ratio of `benchmark`, which then runs as well.
        progress, timeout: As in `predict`.
    Returns: ``grade``, ``outputs``, ``met``, ``limits``; ``to_dict()`` is that of the command.
    Raises: BadParameter, BadFeed for labels that fit no output, CheckNotMade where the latency is
        too noisy to tell; and the errors of `predict`.
    """
    if not 0 <= tolerance <= 1:
        raise BadParameter("compare", "tolerance", "takes a number from 0 to 1")
    check_accuracy("compare", min_accuracy, labels)
    terms = Terms(Deadline.after(timeout), progress)
    options = {"tolerance": tolerance, "classes": None if classes is None else list(classes)}
    answer = _answer({"A": a, "B": b}, feeds, labels, options, terms)
    latency = None
    if max_latency_ratio is not None:
        latency = timing.benchmark(a, b, feeds, progress=progress, timeout=timeout)
    sizes = [int(describe(model).to_dict()["bytes"]["total"]) for model in (a, b)]
    bounds = {
        "max_difference": max_difference,
        "min_agreement": min_agreement,
        "min_accuracy": min_accuracy,
        "max_bytes": max_bytes,
        "max_latency_ratio": max_latency_ratio,
    }
    return Comparison(
        rows=answer["rows"],
        bytes_a=sizes[0],
        bytes_b=sizes[1],
        side=answer["sides"][0],
        class_names=answer["class_names"],
        names_from=answer["names_from"],
        limits=_limits(bounds, answer["sides"][0], sizes[1], latency),
        latency=latency,
    )


def _answer(
    models: Mapping[str, Model],
    feeds: Mapping[str, Any] | None,
    labels: Any,
    options: Mapping[str, Any],
    terms: Terms,
) -> CompareAnswer:
    """The answer of the worker."""
    with timing.sides_of(models, feeds, None if feeds else ROWS) as (sides, blobs):
        if labels is not None:
            blobs["labels"] = packed_labels(labels)
        args = cast("CompareArgs", {**sides, **options})
        kind = timing.kind_of("compare", models.values())
        return cast("CompareAnswer", ask(kind, args, blobs=blobs, terms=terms).value)


def _limits(
    bounds: Mapping[str, float | None],
    side: ComparedSideJson,
    size: int,
    latency: Benchmark | None,
) -> tuple[Limit, ...]:
    """The limits that were bounds for, with their values. Raises: CheckNotMade."""
    outputs = side["outputs"].values()
    agreements = [item["argmax_equal"] for item in outputs if item["argmax_equal"] is not None]
    values = {
        "max_difference": _largest(side),
        "min_agreement": min(agreements, default=None),
        "min_accuracy": None if side["accuracy"] is None else side["accuracy"]["b"],
        "max_bytes": size,
        "max_latency_ratio": _ratio(latency, bounds["max_latency_ratio"]),
    }
    return tuple(
        Limit(cast("Any", name), limit, values[name])
        for name, limit in bounds.items()
        if limit is not None
    )


def check_accuracy(command: str, limit: float | None, labels: Any) -> None:
    """Raises: BadParameter where a limit of the accuracy has no labels, or is no share."""
    if limit is not None and labels is None:
        raise BadParameter(command, "min_accuracy", "needs labels to count what is right")
    if limit is not None and not 0 <= limit <= 1:
        raise BadParameter(command, "min_accuracy", "takes a number from 0 to 1")


def packed_labels(labels: Any) -> bytes:
    """Labels as the blob of a request. Raises: BadFeed."""
    return packing.pack({"labels": _labels(labels)})


def _labels(labels: Any) -> Array:
    array = np.asarray(labels)
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim != 1 or array.dtype.kind not in "iufOSU" or not array.size:
        why = "there must be one number or one name per row"
        raise BadFeed("labels", f"shape {list(array.shape)}", why)
    return array


def _largest(side: ComparedSideJson) -> float | None:
    """The largest difference of any real number; None where an output could not be compared."""
    outputs = side["outputs"].values()
    if any(item["why"] for item in outputs):
        return None
    if any(item["non_finite"][0] != item["non_finite"][1] for item in outputs):
        return None
    reals = (item["max_abs"] for item in outputs if not item["is_whole"])
    return max((value for value in reals if value is not None), default=0.0)


def _ratio(latency: Benchmark | None, limit: float | None) -> float | None:
    """The ratio, where it is certain on which side of the limit it lies. Raises: CheckNotMade."""
    if latency is None or limit is None:
        return None
    interval = latency.interval
    is_open = interval is None or interval[0] <= limit < interval[1]
    if is_open and latency.verdict == "too noisy to tell":
        raise CheckNotMade("compare", "max_latency_ratio", latency.sentence())
    return latency.ratio
