"""Figures laid over the picture: bytes, parameters, operations of arithmetic, measured time.

A figure belongs to a node; a box has the sum of its nodes, and of what is folded into it. Weights
count once per box, however many of its nodes read them.

Example:
    >>> heat = boxes(tree, names, "flops")
    >>> heat["conv1/"].share, heat["conv1/"].text
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from inspector.view import cost
from inspector.view.hierarchy import Hierarchy
from inspector.view.tally import tally
from inspector.view.text import bytes_text

BYTES, PARAMETERS, FLOPS, TIME = "bytes", "parameters", "flops", "time"
LABELS: Mapping[str, str] = {
    BYTES: "Bytes of weights",
    PARAMETERS: "Parameters",
    FLOPS: "Arithmetic (FLOPs)",
    TIME: "Measured time",
}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Heat:
    """A box's figure.

    Args:
        value: Bytes, parameters, FLOPs for one row of a batch, or microseconds.
        share: ``value`` as a part of the whole graph's, 0 to 1.
        text: For a person, e.g. ``1.2 MiB · 34 %``.
    """

    value: float
    share: float
    text: str


def boxes(
    tree: Hierarchy,
    names: Sequence[str],
    figure: str,
    measured: Mapping[str, float] | None = None,
) -> dict[str, Heat]:
    """The figure of each box or scope of these names; those that have none are left out.

    What saves and initialises has none: it reads every weight, and none is its own.

    Args:
        figure: A key of `LABELS`.
        measured: Node name to microseconds, for ``time``.
    """
    items = {name: item for name in names if (item := tree.item(name)) is not None}
    names = [name for name, item in items.items() if not tree.is_apart(item)]
    if figure in (BYTES, PARAMETERS):
        values = _of_weights(tree, names, figure)
        total = float(sum(size for _, size in _weights(tree, figure)))
    else:
        per_node = _per_node(tree, figure, measured or {})
        values = _sums(tree, names, per_node)
        total = float(per_node.sum())
    return {
        name: Heat(value, value / total, f"{_text(value, figure)} · {_percent(value / total)}")
        for name, value in values.items()
        if value > 0 and total > 0
    }


def _weights(tree: Hierarchy, figure: str) -> Iterable[tuple[int, int]]:
    place = 1 if figure == BYTES else 0
    return ((node, pair[place]) for node, pair in tally(tree).weighed.items())


def _of_weights(tree: Hierarchy, names: Sequence[str], figure: str) -> dict[str, float]:
    found = tally(tree)
    sums = found.weights if figure == BYTES else found.parameters
    values: dict[str, float] = {}
    for name in names:
        item = tree.item(name)
        if item is not None and item in sums:
            values[name] = float(sums[item])
    return values


def _per_node(tree: Hierarchy, figure: str, measured: Mapping[str, float]) -> Floats:
    if figure == FLOPS:
        return _flops(tree)
    values = np.zeros(len(tree.table))
    for name, value in measured.items():
        node = tree.table.index.get(name)
        if node is not None:
            values[node] = value
    return values


_FLOPS: WeakKeyDictionary[Hierarchy, Floats] = WeakKeyDictionary()


def _flops(tree: Hierarchy) -> Floats:
    found = _FLOPS.get(tree)
    if found is None:
        found = _FLOPS[tree] = np.array(cost.flops(tree.table), dtype=np.float64)
    return found


def _sums(tree: Hierarchy, names: Sequence[str], per_node: Floats) -> dict[str, float]:
    found = tally(tree)
    sums = found.sums(per_node)
    spans = {name: found.span(item) for name in names if (item := tree.item(name)) is not None}
    return {name: float(sums[last] - sums[first]) for name, (first, last) in spans.items()}


def _text(value: float, figure: str) -> str:
    if figure == BYTES:
        return bytes_text(int(value))
    if figure == TIME:
        return f"{value / 1000:.2f} ms" if value >= 1000 else f"{value:.0f} µs"
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f} {letter}"
    return f"{value:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def for_canvas(heat: Mapping[str, Heat]) -> dict[str, list[Any]]:
    """Name to ``[strength, text]``; the strongest box has strength 1."""
    most = max((item.value for item in heat.values()), default=0.0)
    return {
        name: [round(item.value / most, 3), item.text] for name, item in heat.items() if most > 0
    }
