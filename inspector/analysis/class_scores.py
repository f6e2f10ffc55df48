"""Outputs that hold the probabilities of classes: which they are, and the likeliest classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inspector.analysis import class_names
from inspector.graph.tensors import Array
from inspector.model.model import Model

TOP = 10
"""Classes of a row, the likeliest first."""
ROWS = 200
"""Rows that `top` looks at."""

SUM, SUM_OF_BYTES = 1e-2, 0.2
"""How far the probabilities of a row may be from a sum of 1; those of 8 bits lose what is small."""


def is_distribution(array: Array, slack: float = SUM) -> bool:
    """Whether each row holds the probabilities of classes: from 0 to 1, with the sum 1."""
    if array.ndim != 2 or array.shape[1] < 2 or not array.size or array.dtype.kind not in "fV":
        return False
    values = array.astype(np.float64)
    inside = np.isfinite(values).all() and (values >= 0).all() and (values <= 1).all()
    return bool(inside and (np.abs(values.sum(1) - 1) <= slack).all())


def top(array: Array) -> list[list[list[float]]]:
    """Number and value of the largest entries of the first rows, the largest first."""
    values = array[:ROWS].astype(np.float64)
    values = np.nan_to_num(values, nan=-np.inf, posinf=np.finfo(np.float64).max)
    order = np.argsort(-values, axis=1, kind="stable")[:, :TOP]
    picked = np.take_along_axis(values, order, axis=1)
    return [
        [[int(at), float(share)] for at, share in zip(*row, strict=True) if np.isfinite(share)]
        for row in zip(order.tolist(), picked.tolist(), strict=True)
    ]


def winners(
    model: Model, outputs: Mapping[str, Array], names: Sequence[str] = ()
) -> dict[str, list[str]]:
    """The name or number of the likeliest class of each row, of the outputs with probabilities.

    Quantised ones are whole numbers; they count where there are names for their columns.

    Args:
        names: In place of those of the model, for outputs with as many columns.
    """
    answers = {}
    for key, array in outputs.items():
        is_named = array.ndim == 2 and len(names) == array.shape[1]
        own = None if is_named else class_names.of_output(model, array)
        listed = names if is_named else own[0] if own is not None else ()
        if is_distribution(array) or (listed and array.dtype.kind in "iu"):
            places = array.astype(np.float64).argmax(1).tolist()
            answers[key] = [listed[at] if listed else str(at) for at in places]
    return answers
