"""How far one tensor is from another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inspector.graph.tensors import Array
from inspector.measurement.json_types import TensorErrorJson
from inspector.printing.short_record import ShortRecord

_BLOCK = 1 << 18
"""Elements that are compared at once, as float64 or complex128."""


@dataclass(frozen=True, repr=False)
class TensorError(ShortRecord):
    """The difference of a tensor of B to that of A.

    Attributes:
        max_abs: The largest absolute difference of the finite values; of text and booleans 1 where
            any differs; infinite where the shapes differ.
        max_rel: The same, relative to the largest absolute value of A.
        not_finite: Whether B has a NaN or infinity where A has a number.
    """

    max_abs: float
    max_rel: float
    not_finite: bool

    def exceeds(self, tolerance: float) -> bool:
        """Whether it is more than a part of A's largest value, or no number."""
        return self.not_finite or self.max_rel > tolerance

    @classmethod
    def from_dict(cls, data: TensorErrorJson) -> TensorError:
        """From its JSON."""
        figures = (data["max_abs"], data["max_rel"])
        most, relative = (math.inf if value is None else value for value in figures)
        return cls(most, relative, data["not_finite"])

    def to_dict(self) -> TensorErrorJson:
        """As JSON; null for what is infinite."""
        most, relative = (
            value if math.isfinite(value) else None for value in (self.max_abs, self.max_rel)
        )
        return {"max_abs": most, "max_rel": relative, "not_finite": self.not_finite}


def tensor_error(a: Array, b: Array) -> TensorError:
    """The error of `b`, a value that should be `a`."""
    if a.shape != b.shape:
        return TensorError(math.inf, math.inf, False)
    if a.dtype.kind not in "iufc" or b.dtype.kind not in "iufc":
        differs = float(not np.array_equal(a, b))
        return TensorError(differs, differs, False)
    largest = most = 0.0
    not_finite = False
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    for start in range(0, a.size, _BLOCK):
        first, second = (flat[start : start + _BLOCK] for flat in (flat_a, flat_b))
        block_largest, block_most, is_broken = _block(first, second)
        largest, most = max(largest, block_largest), max(most, block_most)
        not_finite = not_finite or is_broken
    relative = most / largest if largest else (math.inf if most else 0.0)
    return TensorError(most, relative, not_finite)


def _block(a: Array, b: Array) -> tuple[float, float, bool]:
    """The largest value of A and the largest difference, and whether B alone is not finite."""
    wide = np.complex128 if "c" in a.dtype.kind + b.dtype.kind else np.float64
    first, second = a.astype(wide), b.astype(wide)
    finite = np.isfinite(first) & np.isfinite(second)
    not_finite = bool((np.isfinite(first) & ~np.isfinite(second)).any())
    if not finite.any():
        return 0.0, 0.0, not_finite
    difference = np.abs(first[finite] - second[finite]).max()
    return float(np.abs(first[finite]).max()), float(difference), not_finite
