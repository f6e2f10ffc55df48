"""Compares the outputs of two runs: differences of numbers, and places of the largest entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inspector.graph.tensors import Array

_ROWS = 1000


@dataclass(frozen=True)
class Agreement:
    """The comparison of one output; figures that do not apply to its dtype are None."""

    equal: bool
    """Same shape and every value the same; two NaN are the same."""
    max_abs: float | None = None
    mean_abs: float | None = None
    """Over the elements that are finite on both sides."""
    argmax_equal: float | None = None
    """Share of rows with the largest entry in the same place; for text, share of equal rows."""
    changed: int = 0
    """Number of rows with it elsewhere; for text and whole numbers, of rows that differ."""
    changed_rows: tuple[int, ...] = ()
    """Indices of the first thousand of these rows."""
    non_finite_a: int = 0
    non_finite_b: int = 0
    is_whole: bool = False
    """Text, or whole numbers on both sides: rows are equal or not."""
    why: str = ""
    """Why the two could not be compared."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "changed_rows": list(self.changed_rows)}


def compare(a: Mapping[str, Array], b: Mapping[str, Array]) -> dict[str, Agreement]:
    """Compare the outputs that both have, in the order of the first."""
    return {key: compare_arrays(a[key], b[key]) for key in a if key in b}


def compare_arrays(a: Array, b: Array) -> Agreement:
    """Compare one output of two runs on the same feeds."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        why = f"the shapes differ: {list(a.shape)} and {list(b.shape)}"
        return Agreement(equal=False, why=why)
    if _is_text(a) != _is_text(b):
        return Agreement(equal=False, why=f"the dtypes differ: {a.dtype} and {b.dtype}")
    if _is_text(a):
        return _by_equality(_text(a), _text(b))
    if a.dtype.kind in "biu" and b.dtype.kind in "biu":
        return _with_differences(_by_equality(a, b), wide(a), wide(b))
    return _real(wide(a), wide(b))


def _real(a: Array, b: Array) -> Agreement:
    both = np.isfinite(a) & np.isfinite(b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    result = Agreement(
        equal=bool(same.all()),
        non_finite_a=int(a.size - np.isfinite(a).sum()),
        non_finite_b=int(b.size - np.isfinite(b).sum()),
    )
    result = _with_differences(result, a[both], b[both])
    if a.ndim < 2 or a.shape[-1] < 2 or a.size == 0 or np.iscomplexobj(a):
        return result
    moved = a.reshape(-1, a.shape[-1]).argmax(-1) != b.reshape(-1, b.shape[-1]).argmax(-1)
    return _replace(result, **_rows(moved))


def _by_equality(a: Array, b: Array) -> Agreement:
    differs = a != b
    per_row = differs.reshape(differs.shape[0] if differs.ndim else 1, -1).any(-1)
    return Agreement(equal=not differs.any(), is_whole=True, **_rows(per_row))


def _with_differences(result: Agreement, a: Array, b: Array) -> Agreement:
    if a.size == 0:
        return _replace(result, max_abs=0.0, mean_abs=0.0) if result.equal else result
    apart = np.abs(a - b)
    return _replace(result, max_abs=float(apart.max()), mean_abs=float(apart.mean()))


def _rows(changed: Array) -> dict[str, Any]:
    count = int(changed.sum())
    share = 1.0 - count / changed.size if changed.size else 1.0
    rows = tuple(int(i) for i in np.flatnonzero(changed)[:_ROWS])
    return {"argmax_equal": share, "changed": count, "changed_rows": rows}


def _replace(result: Agreement, **fields: Any) -> Agreement:
    return Agreement(**{**result.__dict__, **fields})


def wide(array: Array) -> Array:
    """The values wide enough that differences of small types do not overflow or round."""
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)


def _is_text(array: Array) -> bool:
    return array.dtype.kind in "OSU"


def _text(array: Array) -> Array:
    """Text as an object array of bytes, whatever it was read from."""
    flat = [item.encode() if isinstance(item, str) else item for item in array.ravel().tolist()]
    text = np.empty(len(flat), np.object_)
    text[:] = flat
    return text.reshape(array.shape)
