"""Errors of nodes over the picture: a box has the largest one of its nodes.

Errors lie decades apart, so that colours follow their logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inspector.view.tree.hierarchy import Hierarchy

LOCAL, ACCUMULATED = "local", "accumulated"
LABELS: Mapping[str, str] = {LOCAL: "Error of the node alone", ACCUMULATED: "Error in the run"}
_DECADES = 4.0
"""Below the largest error, a smaller one has no colour after so many decades."""
_LEAST = 0.04
"""Of the strongest colour: what an error has at least, so that it is not taken for none."""


def for_canvas(
    tree: Hierarchy, names: Sequence[str], errors: Mapping[str, float]
) -> dict[str, list[Any]]:
    """Name of a box to ``[strength, text]``, as `overlay.for_canvas`; without those of no error.

    Args:
        errors: Node to its error, relative to the largest value; infinite for a NaN or infinity
            that the reference lacks, and for another shape.
    """
    index, table = tree.columns, tree.table
    by_number = np.zeros(index.ops(0) + 1)
    for name, error in errors.items():
        node = table.index.get(name)
        if node is not None:
            place = int(index.at[node])
            by_number[place] = max(by_number[place], error)
    worst: dict[str, float] = {}
    for name in names:
        item = tree.item(name)
        if item is None or tree.is_apart(item):
            continue
        first, last = index.span(item)
        largest = float(by_number[first:last].max(initial=0.0))
        if largest > 0:
            worst[name] = largest
    most = max((error for error in worst.values() if math.isfinite(error)), default=0.0)
    return {name: [_strength(error, most), error_text(error)] for name, error in worst.items()}


def error_text(error: float) -> str:
    """Two digits, or what an infinite error means."""
    return f"{error:.2g}" if math.isfinite(error) else "not comparable"


def _strength(error: float, most: float) -> float:
    """From 0 to 1; the canvas takes the square root."""
    if not math.isfinite(error):
        return 1.0
    share = 1 + math.log10(error / most) / _DECADES
    return round(max(_LEAST, share * share if share > 0 else 0.0), 3)
