"""What the whole numbers of a quantised tensor stand for, and back."""

from __future__ import annotations

import numpy as np

from inspector.formats.tflite.file import Quantisation, Tensor
from inspector.graph.tensors import Array


def real(value: Array, scheme: Quantisation | None) -> Array:
    """``scale * (value - zero_point)`` as float64; the same array without one scale for all."""
    if scheme is None or len(scheme.scale) != 1:
        return value
    shifted = value.astype(np.float64) - scheme.zero_point[0]
    return np.asarray(shifted * float(scheme.scale[0]))


def stored(value: Array, tensor: Tensor, dtype: np.dtype) -> Array:
    """The numbers of a tensor of `dtype` that stand for `value`, rounded to the nearest it has."""
    scheme = tensor.quantisation
    if dtype.kind not in "iu" or value.dtype.kind == "O":
        return value.astype(dtype)
    whole = value
    if scheme is not None and len(scheme.scale) == 1:
        whole = np.rint(value / float(scheme.scale[0])) + scheme.zero_point[0]
    limits = np.iinfo(dtype)
    # No whole number stands for NaN; the lowest one differs from all that are near.
    return np.nan_to_num(whole, nan=limits.min).clip(limits.min, limits.max).astype(dtype)
