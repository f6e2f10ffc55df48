"""Accuracy of two models on the same labelled rows, and whether its change is more than chance.

The test is McNemar's, exact: of the rows that one model alone gets right, either model would get
half if both were as good. Source: Q. McNemar, Psychometrika 12 (1947), in its binomial form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inspector.errors import BadFeed
from inspector.graph.tensors import Array
from inspector.measurement.json_types import AccuracyJson, ClassChange, MeanErrorJson

_LISTED = 100


def mcnemar(right_to_wrong: int, wrong_to_right: int) -> float:
    """The two-sided exact probability, from the numbers of rows that turned."""
    trials, fewer = right_to_wrong + wrong_to_right, min(right_to_wrong, wrong_to_right)
    if not trials:
        return 1.0
    steps = np.arange(fewer, dtype=float)
    # Logarithms of the binomial coefficients, each from the one before.
    logs = np.concatenate([[0.0], np.cumsum(np.log((trials - steps) / (steps + 1)))])
    tail = float(np.exp(logs - trials * np.log(2.0)).sum())
    return min(1.0, 2.0 * tail)


def accuracy(
    a: Array, b: Array, labels: Array, output: str, names: Sequence[str] | None = None
) -> AccuracyJson:
    """How many rows of one output name the right class.

    Args:
        a, b: Scores of shape [rows, classes], or one class per row.
        labels: One per row: numbers of classes, or their names as bytes.
        names: Of the classes, for labels that are names.
    Raises: BadFeed for labels that fit neither.
    """
    right = [_right(values, labels, names) for values in (a, b)]
    lost, gained = right[0] & ~right[1], ~right[0] & right[1]
    return {
        "output": output,
        "a": float(right[0].mean()),
        "b": float(right[1].mean()),
        "changed_right_to_wrong": int(lost.sum()),
        "changed_wrong_to_right": int(gained.sum()),
        "mcnemar_p": mcnemar(int(lost.sum()), int(gained.sum())),
        "turned_wrong": np.flatnonzero(lost)[:_LISTED].tolist(),
        "turned_right": np.flatnonzero(gained)[:_LISTED].tolist(),
    }


def mean_error(a: Array, b: Array, labels: Array, output: str) -> MeanErrorJson:
    """How far one value per row is from its label."""
    errors = [np.abs(values.reshape(len(labels)).astype(float) - labels) for values in (a, b)]
    return {
        "output": output,
        "a": float(errors[0].mean()),
        "b": float(errors[1].mean()),
        "closer": int((errors[1] < errors[0]).sum()),
        "further": int((errors[1] > errors[0]).sum()),
    }


def scored_output(outputs: Mapping[str, Array], labels: Array, names: Sequence[str] | None) -> str:
    """The output that labels are for.

    Real labels are for one real value per row. Classes are for scores of shape [rows, classes],
    of several the one called like probabilities; else for one class per row; names of classes
    that no list has, for an output of text.

    Raises: BadFeed where no output fits, and for another number of labels than rows.
    """
    rows = {key: value.shape[0] for key, value in outputs.items() if value.ndim}
    if rows and len(labels) not in rows.values():
        counted = next(iter(rows.values()))
        why = f"there are {len(labels):,} of them for {counted:,} rows"
        raise BadFeed("labels", "rows", why)
    fitting = {key: value for key, value in outputs.items() if rows.get(key) == len(labels)}
    scores = [key for key, value in fitting.items() if _is_scores(value)]
    scores.sort(key=_rank)
    single = {key: value for key, value in fitting.items() if value.size == len(labels)}
    if labels.dtype.kind == "f":
        choices = [key for key, value in single.items() if value.dtype.kind not in "OSUb"]
    elif labels.dtype.kind in "OSU":
        choices = [key for key, value in single.items() if value.dtype.kind in "OSU"]
        choices = scores + choices if names is not None else choices
    else:
        choices = scores + [key for key, value in single.items() if value.dtype.kind in "iu"]
    if not choices:
        kind = {"f": "real numbers", "O": "names"}.get(labels.dtype.kind, "numbers of classes")
        hint = "; name the classes with --classes (classes= in Python)"
        hint = hint if labels.dtype.kind == "O" and scores else ""
        raise BadFeed("labels", "outputs", f"no output fits labels that are {kind}{hint}")
    return choices[0]


def class_changes(
    a: Array, b: Array, rows: Sequence[int], names: Sequence[str] | None
) -> list[ClassChange]:
    """The classes of some rows before and after, the first hundred; none for no scores."""
    if not (_is_scores(a) and a.shape == b.shape):
        return []
    named = names if names is not None and len(names) == a.shape[1] else None
    changes: list[ClassChange] = []
    for row in rows[:_LISTED]:
        places = [int(values[row].argmax()) for values in (a, b)]
        first, second = (str(at) if named is None else named[at] for at in places)
        changes.append({"row": int(row), "a": first, "b": second})
    return changes


def _is_scores(value: Array) -> bool:
    return value.ndim == 2 and value.shape[1] > 1 and value.dtype.kind not in "OSUb"


def _rank(key: str) -> int:
    words = ("prob", "softmax", "score", "pred", "logit")
    return next((at for at, word in enumerate(words) if word in key.lower()), len(words))


def _right(values: Array, labels: Array, names: Sequence[str] | None) -> Array:
    right: Array
    if not _is_scores(values):
        right = values.reshape(-1) == labels
        return right
    places = values.argmax(axis=1)
    if labels.dtype.kind not in "OSU":
        right = places == labels
        return right
    numbers = {name.encode(): at for at, name in enumerate(names or ())}
    missing = sorted({bytes(label) for label in labels.tolist()} - numbers.keys())
    if missing:
        name = missing[0].decode("utf-8", "backslashreplace")
        raise BadFeed("labels", name, "is no name of a class")
    right = places == np.array([numbers[label] for label in labels.tolist()])
    return right
