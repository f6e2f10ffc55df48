"""The verdict on a step: how far its outputs are from those before, and what its effect allows.

    exact      every fetched value is the same, bit by bit
    rounding   the largest difference is at most 1e-4 of the output's largest value (2e-2 where the
               graph computes in 16 bits); of whole numbers and text, 1 % of the rows may differ
    lossy      at most 20 %; of whole numbers and text, half of the rows
    unchecked  promises nothing about values

Under every effect it is a violation when a value turns NaN or infinite, and when a shape or a dtype
changes.
"""

from __future__ import annotations

import numpy as np

from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.tensors import Array
from inspector.measurement import agreement
from inspector.passes.records import Difference, Verdict

LARGEST = {"exact": 0.0, "rounding": 1e-4, "lossy": 0.2}
"""Effect to the largest difference, as a share of the output's largest absolute value."""
ROWS = {"exact": 0.0, "rounding": 0.01, "lossy": 0.5}
"""The same of whole numbers and text, as the share of the rows that differ."""
SIXTEEN_BITS = 2e-2
"""In place of `LARGEST` for ``rounding`` in graphs that compute in 16 bits."""
NOISE = 1e-5
"""The most that kernels differ by for the same arithmetic, as a share of the largest value: they
add up in another order where a tensor lies elsewhere in memory."""

_HALF = tuple(tensors.dtype_enum(name) for name in ("float16", "bfloat16"))


def tolerance_of(effect: str, half: bool = False) -> float | None:
    """The relative difference that an effect allows; None if it promises nothing."""
    return SIXTEEN_BITS if effect == "rounding" and half else LARGEST.get(effect)


def difference(name: str, before: Array, after: Array, noise: float = 0.0) -> Difference:
    """One output before and after a step.

    Args:
        noise: The largest difference that still counts as equal, as a share of the largest value.
    """
    before, after = np.asarray(before), np.asarray(after)
    rows = int(before.shape[0]) if before.ndim else 1
    if before.dtype != after.dtype:
        return Difference(name, False, why=f"{before.dtype} became {after.dtype}", rows=rows)
    compared = agreement.compare_arrays(before, after)
    why = compared.why
    if before.dtype.kind not in "OSUbiu" and not why:
        lost = int(np.sum(np.isfinite(_wide(before)) & ~np.isfinite(_wide(after))))
        if lost:
            why = f"{lost:,} of {after.size:,} values turned NaN or infinite"
    relative = None
    if compared.max_abs is not None:
        relative = compared.max_abs / (_largest(before) or 1.0)
    is_close = not why and relative is not None and relative <= noise
    return Difference(
        name,
        compared.equal or (is_close and before.dtype.kind not in "OSUbiu"),
        compared.max_abs,
        relative,
        compared.changed,
        rows,
        whole=before.dtype.kind in "OSUbiu",
        why=why,
    )


def judge(differences: tuple[Difference, ...], effect: str, half: bool = False) -> Verdict:
    """The verdict on a step that declares `effect`.

    Args:
        half: The graph computes in 16 bits, which rounds more.
    """
    tolerance = tolerance_of(effect, half)
    for item in differences:
        if item.why:
            return Verdict("violated", f"{item.name}: {item.why}", tolerance, differences)
    if all(item.equal for item in differences):
        return Verdict("equal", "", tolerance, differences)
    if tolerance is None:
        return Verdict("within", "", None, differences)
    for item in differences:
        if item.equal:
            continue
        if effect == "exact":
            why = "differs, although declared exact"
        elif item.max_rel is not None and not item.whole and item.max_rel > tolerance:
            why = (
                f"differs by {item.max_rel:.2g} of its largest value, {effect} allows {tolerance:g}"
            )
        elif item.whole and item.changed > ROWS[effect] * item.rows:
            why = (
                f"{item.changed:,} of {item.rows:,} rows differ, {effect} allows {ROWS[effect]:.0%}"
            )
        else:
            continue
        return Verdict("violated", f"{item.name}: {why}", tolerance, differences)
    return Verdict("within", "", tolerance, differences)


def sixteen_bits(graph: Graph) -> bool:
    """True if an op computes in float16 or bfloat16; stored and cast values do not count."""
    return any(
        "T" in node.attr and node.attr["T"].type in _HALF
        for node in graph
        if node.op not in ("Const", "Identity")
    )


def _largest(array: Array) -> float:
    values = np.abs(_wide(array))
    return float(np.max(values[np.isfinite(values)], initial=0.0))


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)
