"""How far an output of B is from that of A, in grades and in detail.

    identical       every value is the same
    rounding        no value differs by more than 1e-4 of the output's largest value
    small           none by more than the tolerance
    top-1 changes   none by more than the tolerance, but a row has its largest entry elsewhere
    different       some by more than the tolerance, or a shape or dtype differs, or a value is NaN
                    or infinite on one side

Of text and whole numbers the tolerance is the share of rows that may differ; below it they are
``top-1 changes``, since such outputs are classes as a rule.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from inspector.graph.tensors import Array
from inspector.measurement import agreement
from inspector.measurement.agreement import Agreement
from inspector.measurement.json_types import OutputDifference

Grade = Literal["identical", "rounding", "small", "top-1 changes", "different"]
GRADES: tuple[Grade, ...] = ("identical", "rounding", "small", "top-1 changes", "different")
"""From the best to the worst."""
ROUNDING = 1e-4
"""What arithmetic in another order makes of float32, as a share of the largest value."""
TOLERANCE = 0.1
"""By default, as a share of the output's largest value: weights in 8 bits stay within."""
PERCENTILES = (50, 90, 99)

_BINS = 20
_WORST = 10


def difference(a: Array, b: Array, tolerance: float = TOLERANCE) -> OutputDifference:
    """Compare one output of two models.

    Args:
        tolerance: The largest difference that is ``small``, as a share of the largest value of A.
    """
    a, b = np.asarray(a), np.asarray(b)
    compared = agreement.compare_arrays(a, b)
    max_rel = None
    details: dict[str, Any] = {"percentiles": None, "worst_rows": [], "histogram": None}
    if compared.max_abs is not None:
        max_rel = compared.max_abs / (_largest(a) or 1.0)
        details = _details(a, b)
    return {
        "grade": grade(compared, max_rel, tolerance, rows=a.shape[0] if a.ndim else 1),
        "equal": compared.equal,
        "max_abs": compared.max_abs,
        "mean_abs": compared.mean_abs,
        "max_rel": max_rel,
        "argmax_equal": compared.argmax_equal,
        "changed": compared.changed,
        "changed_rows": list(compared.changed_rows),
        "non_finite": [compared.non_finite_a, compared.non_finite_b],
        "is_whole": compared.is_whole,
        "why": compared.why,
        "percentiles": details["percentiles"],
        "worst_rows": details["worst_rows"],
        "histogram": details["histogram"],
    }


def grade(compared: Agreement, max_rel: float | None, tolerance: float, rows: int) -> Grade:
    """The grade of one output."""
    if compared.equal:
        return "identical"
    if compared.why or compared.non_finite_a != compared.non_finite_b:
        return "different"
    if max_rel is None or compared.is_whole:
        return "top-1 changes" if compared.changed <= tolerance * rows else "different"
    if max_rel > tolerance:
        return "different"
    if compared.changed:
        return "top-1 changes"
    return "rounding" if max_rel <= ROUNDING else "small"


def worst(grades: list[str]) -> Grade:
    """The worst of some grades; identical for none."""
    return max((item for item in GRADES if item in grades), key=GRADES.index, default="identical")


def _details(a: Array, b: Array) -> dict[str, Any]:
    """Percentiles, the rows that differ most, and the histogram."""
    first, second = agreement.wide(a), agreement.wide(b)
    finite = np.isfinite(first) & np.isfinite(second)
    apart = np.where(finite, np.abs(np.where(finite, first - second, 0)), 0)
    values = apart[finite]
    if not values.size:
        return {"percentiles": None, "worst_rows": [], "histogram": None}
    per_row = apart.reshape(apart.shape[0] if apart.ndim else 1, -1).max(axis=1)
    order = np.argsort(-per_row, kind="stable")[:_WORST]
    counts, edges = np.histogram(values, bins=_BINS, range=(0.0, float(values.max()) or 1.0))
    return {
        "percentiles": {str(share): float(np.percentile(values, share)) for share in PERCENTILES},
        "worst_rows": [
            {"row": int(row), "difference": float(per_row[row])} for row in order if per_row[row]
        ],
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }


def _largest(array: Array) -> float:
    values = np.abs(agreement.wide(array))
    return float(np.max(values[np.isfinite(values)], initial=0.0))
