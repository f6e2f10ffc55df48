"""A small constant as a picture: the filters of a convolution side by side, or a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from inspector.graph.tensors import Array

MAX_SIDE = 64
"""Rows and columns of a matrix that is drawn."""
FILTERS, ACROSS = 32, 8
"""Filters that are drawn, and how many stand in a row."""
MAX_TAPS = 15
_GAP = 255


def of(array: Array) -> dict[str, Any] | None:
    """``rows``: lists of grey values, 0 for the smallest number, 254 for the largest; ``what``.

    None for what makes no picture: no floats, no two dimensions, too large, not finite.
    """
    if array.dtype.kind not in "fV" or array.ndim < 2 or not array.size:
        return None
    if array.ndim == 2 and max(array.shape) <= MAX_SIDE and min(array.shape) > 1:
        grey = _grey(array)
        what = f"{array.shape[0]} × {array.shape[1]} values"
        return None if grey is None else {"rows": grey.tolist(), "what": what}
    if array.ndim != 4 or not 1 < max(array.shape[:2]) <= MAX_TAPS:
        return None
    high, wide, _, count = array.shape
    filters = min(count, FILTERS)
    # An image has three channels, everything deeper is shown by its first.
    grey = _grey(array[:, :, 0, :filters])
    if grey is None:
        return None
    lines = -(-filters // ACROSS)
    across = min(filters, ACROSS)
    sheet = np.full((lines * (high + 1) - 1, across * (wide + 1) - 1), _GAP, np.uint8)
    for place in range(filters):
        top, column = place // ACROSS * (high + 1), place % ACROSS * (wide + 1)
        sheet[top : top + high, column : column + wide] = grey[:, :, place]
    return {"rows": sheet.tolist(), "what": f"{filters} of {count} filters, their first channel"}


def _grey(array: Array) -> Array | None:
    values = array.astype(np.float32)
    if not np.isfinite(values).all():
        return None
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return None
    scaled = (values - low) / (high - low) * 254
    return scaled.astype(np.uint8)
