"""How far one tensor is from another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from inspector.graph.tensors import Array


@dataclass(frozen=True)
class TensorError:
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

    def to_dict(self) -> dict[str, Any]:
        """As JSON; null for what is infinite."""
        figures = {"max_abs": self.max_abs, "max_rel": self.max_rel}
        plain = {key: value if math.isfinite(value) else None for key, value in figures.items()}
        return {**plain, "not_finite": self.not_finite}


def tensor_error(a: Array, b: Array) -> TensorError:
    """The error of `b`, a value that should be `a`."""
    if a.shape != b.shape:
        return TensorError(math.inf, math.inf, False)
    if a.dtype.kind not in "iufc" or b.dtype.kind not in "iufc":
        differs = float(not np.array_equal(a, b))
        return TensorError(differs, differs, False)
    wide = np.complex128 if "c" in a.dtype.kind + b.dtype.kind else np.float64
    first, second = a.astype(wide), b.astype(wide)
    finite = np.isfinite(first) & np.isfinite(second)
    not_finite = bool((np.isfinite(first) & ~np.isfinite(second)).any())
    if not finite.any():
        return TensorError(0.0, 0.0, not_finite)
    largest = float(np.abs(first[finite]).max())
    most = float(np.abs(first[finite] - second[finite]).max())
    relative = most / largest if largest else (math.inf if most else 0.0)
    return TensorError(most, relative, not_finite)
