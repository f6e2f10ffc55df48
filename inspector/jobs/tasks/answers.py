"""The task that compares the answers of models on the same rows, and with labels."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from inspector.analysis.class_names import class_names
from inspector.errors import InspectorError
from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.tasks import sides
from inspector.jobs.tasks.side_types import CompareAnswer, CompareArgs, ComparedSideJson
from inspector.jobs.tasks.sides import Side
from inspector.jobs.worker import JobContext, TaskResult
from inspector.measurement import grades, scores
from inspector.optimisation import corresponding

_LARGE = 8 << 20
"""Bytes of a model below which a few rows take no time."""
_LISTED_NAMES = 1000


def compare(args: CompareArgs, job: JobContext) -> TaskResult:
    """Run each model once on all rows, and compare the others with the first.

    Blobs: those of `sides.sides`; ``labels`` packed, where the request has any.
    """
    ready = sides.sides(args, job)
    labels = packing.unpack(job.blobs["labels"])["labels"] if "labels" in job.blobs else None
    rows = corresponding.rows(ready[0].feeds.values())
    clock = _Budget(args.get("budget_s"))
    ready = clock.cut(ready)
    answers: list[Mapping[str, Array]] = []
    for number, side in enumerate(ready):
        if not clock.has_time():
            break
        text = f"run: {side.name}, model {number + 1} of {len(ready)}"
        job.progress(0.1 + 0.8 * number / len(ready), text)
        answers.append(clock.timed(side))
    left_out = [side.name for side in ready[len(answers) :]]
    job.progress(0.9, "compare")
    first = answers[0] if answers else {}
    output = source = None
    names = args["classes"]
    scored = [key for key, value in first.items() if value.ndim == 2 and value.shape[1] > 1]
    if names is None and scored:
        names, source = _names(ready, first[scored[0]].shape[1])
    if labels is not None:
        shared = {key: first[key] for key in first if all(key in other for other in answers)}
        output = scores.scored_output(shared, labels, names)
    value: CompareAnswer = {
        "rows": corresponding.rows(ready[0].feeds.values()),
        "rows_given": rows,
        "left_out": left_out,
        "class_names": None if names is None else names[:_LISTED_NAMES],
        "names_from": source,
        "sides": [
            _side(side, first, answer, args["tolerance"], (labels, output, names))
            for side, answer in zip(ready[1:], answers[1:], strict=False)
        ],
    }
    return TaskResult(value)


class _Budget:
    """Seconds that a comparison nobody asked for may take.

    One row of a large model tells how many rows there is time for.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._start = time.monotonic()
        self._longest = 0.0
        self._first = ExitStack()
        self._loaded: Any = None

    def cut(self, ready: list[Side]) -> list[Side]:
        """The models with as many of their rows as there is time for."""
        first = ready[0]
        rows = corresponding.rows(first.feeds.values())
        if self._seconds is None or rows < 2 or first.model.bytes["total"] < _LARGE:
            return ready
        start = time.monotonic()
        self._loaded = sides.load(first, self._first)
        loading = time.monotonic() - start
        try:
            one = replace(first, feeds=corresponding.first_rows(first.feeds, 1))
            run = sides.run_of(one, self._first, loaded=self._loaded)
            run.once()
            seconds = run.once()[1] / 1000
        except InspectorError:  # it takes no other number of rows
            return ready
        self._longest = loading + seconds
        time_to_run = self._remaining - loading * (len(ready) - 1)
        fitting = max(1, int(time_to_run / (len(ready) * max(seconds, 1e-6))))
        if fitting >= rows:
            return ready
        return [
            replace(side, feeds=corresponding.first_rows(side.feeds, fitting)) for side in ready
        ]

    def has_time(self) -> bool:
        """Whether one more model fits, if it takes as long as the slowest until now."""
        expected = 0.0 if self._loaded is not None else self._longest
        return self._seconds is None or expected < self._remaining

    def timed(self, side: Side) -> dict[str, Array]:
        """The outputs of a model, the first of which may be loaded already."""
        start = time.monotonic()
        with self._first:
            outputs = outputs_of(side, self._loaded)
        self._loaded = None
        self._longest = max(self._longest, time.monotonic() - start)
        return outputs

    @property
    def _remaining(self) -> float:
        assert self._seconds is not None
        return self._seconds - (time.monotonic() - self._start)


def outputs_of(side: Side, loaded: Any = None) -> dict[str, Array]:
    """The outputs on all rows, by key of the first model.

    A TFLite model whose batch is fixed runs batch by batch.

    Args:
        loaded: As for `sides.run_of`.
    """
    parts: list[dict[str, Array]] = []
    for batch in _batches(side):
        with ExitStack() as stack:
            run = sides.run_of(replace(side, feeds=batch), stack, loaded=loaded)
            values = run.once()[0]
        parts.append({key: values[end.tensor] for key, end in side.outputs.items()})
    if len(parts) == 1:
        return parts[0]
    return {
        key: np.concatenate([part[key] for part in parts]) if parts[0][key].ndim else value
        for key, value in parts[0].items()
    }


def _batches(side: Side) -> Iterator[dict[str, Array]]:
    rows = corresponding.rows(side.feeds.values())
    fixed = {end.shape[0] for end in side.inputs if end.shape and end.shape[0] is not None}
    open_ones = [end for end in side.inputs if end.shape and end.shape[0] is None]
    size = fixed.pop() if side.is_lite and len(fixed) == 1 and not open_ones else None
    if size is None or size >= rows or rows % size:
        yield side.feeds
        return
    for start in range(0, rows, size):
        yield {
            key: value[start : start + size] if value.ndim and len(value) == rows else value
            for key, value in side.feeds.items()
        }


def _names(ready: Sequence[Side], classes: int) -> tuple[list[str] | None, str | None]:
    for side in ready:
        if pair := class_names(side.model, classes):
            return pair[0], f"{pair[1]} of {side.name}"
    return None, None


def _side(
    side: Side,
    first: Mapping[str, Array],
    answer: Mapping[str, Array],
    tolerance: float,
    scored: tuple[Array | None, str | None, Sequence[str] | None],
) -> ComparedSideJson:
    labels, output, names = scored
    differences = {
        key: grades.difference(first[key], answer[key], tolerance) for key in first if key in answer
    }
    accuracy = mean_error = None
    if labels is not None and output is not None:
        a, b = first[output], answer[output]
        if labels.dtype.kind == "f":
            mean_error = scores.mean_error(a, b, labels, output)
        else:
            accuracy = scores.accuracy(a, b, labels, output, names)
    return {
        "name": side.name,
        "grade": grades.worst([item["grade"] for item in differences.values()]),
        "outputs": differences,
        "class_changes": {
            key: scores.class_changes(first[key], answer[key], item["changed_rows"], names)
            for key, item in differences.items()
        },
        "missing": [key for key in first if key not in answer],
        "accuracy": accuracy,
        "mean_error": mean_error,
    }
