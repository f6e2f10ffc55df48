"""The task that compares the answers of models on the same rows, and with labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from inspector.analysis.class_names import class_names
from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.tasks import sides
from inspector.jobs.tasks.side_types import CompareAnswer, CompareArgs, ComparedSideJson
from inspector.jobs.tasks.sides import Side
from inspector.jobs.worker import JobContext, TaskResult
from inspector.measurement import grades, scores
from inspector.optimisation import corresponding

_LISTED_NAMES = 1000


def compare(args: CompareArgs, job: JobContext) -> TaskResult:
    """Run each model once on all rows, and compare the others with the first.

    Blobs: those of `sides.sides`; ``labels`` packed, where the request has any.
    """
    ready = sides.sides(args, job)
    labels = packing.unpack(job.blobs["labels"])["labels"] if "labels" in job.blobs else None
    answers: list[Mapping[str, Array]] = []
    for number, side in enumerate(ready):
        text = f"run: {side.name}, model {number + 1} of {len(ready)}"
        job.progress(0.1 + 0.8 * number / len(ready), text)
        answers.append(outputs_of(side))
    job.progress(0.9, "compare")
    first = answers[0]
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
        "class_names": None if names is None else names[:_LISTED_NAMES],
        "names_from": source,
        "sides": [
            _side(side, first, answer, args["tolerance"], (labels, output, names))
            for side, answer in zip(ready[1:], answers[1:], strict=True)
        ],
    }
    return TaskResult(value)


def outputs_of(side: Side) -> dict[str, Array]:
    """The outputs on all rows, by key of the first model.

    A TFLite model whose batch is fixed runs batch by batch.
    """
    parts: list[dict[str, Array]] = []
    for batch in _batches(side):
        with ExitStack() as stack:
            run = sides.run_of(replace(side, feeds=batch), stack)
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
