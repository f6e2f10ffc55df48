"""Figures over the picture: bytes, parameters, FLOPs, measured time, change by quantising.

A figure belongs to a node; a box has the sum of its nodes, folded ones included. A weight counts
once per box, however many of its nodes read it.

Example:
    >>> figures = boxes(tree, names, "flops")
    >>> figures["conv1/"].share, figures["conv1/"].text
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from inspector import text
from inspector.view.table import cost
from inspector.view.tree.hierarchy import Hierarchy

BYTES, PARAMETERS, FLOPS, TIME = "bytes", "parameters", "flops", "time"
SENSITIVITY = "sensitivity"
LABELS: Mapping[str, str] = {
    BYTES: "Weight size",
    PARAMETERS: "Parameters",
    FLOPS: "Arithmetic (FLOPs)",
    TIME: "Measured time",
    SENSITIVITY: "Change by quantising",
}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BoxFigure:
    """The figure of a box.

    Args:
        value: Bytes, parameters, FLOPs for one row of a batch, microseconds, or the part of the
            largest value by which an output changes.
        share: ``value`` as a part of the whole graph's, 0 to 1.
        text: Figure and share, e.g. ``1.2 MiB (34 %)``.
    """

    value: float
    share: float
    text: str


def boxes(
    tree: Hierarchy,
    names: Sequence[str],
    figure: str,
    measured: Mapping[str, float] | None = None,
) -> dict[str, BoxFigure]:
    """The figure of each box or scope of these names, without those of zero.

    Saving and initialising has none: it reads every weight, and owns none.

    Args:
        figure: A key of `LABELS`.
        measured: Node name to microseconds for ``time``, to a difference for ``sensitivity``.
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
        name: BoxFigure(
            value, value / total, f"{_text(value, figure)} ({text.percent(value / total)})"
        )
        for name, value in values.items()
        if value > 0 and total > 0
    }


def of_nodes(tree: Hierarchy, figure: str, measured: Mapping[str, float] | None = None) -> Floats:
    """The figure of each node of the table; a weight is that of the node that holds it."""
    if figure not in (BYTES, PARAMETERS):
        return _per_node(tree, figure, measured or {})
    values = np.zeros(len(tree.table))
    for node, value in _weights(tree, figure):
        values[node] = value
    return values


def as_text(value: float, figure: str) -> str:
    """A figure as a box has it, without its share."""
    return _text(value, figure)


def _weights(tree: Hierarchy, figure: str) -> Iterable[tuple[int, int]]:
    place = 1 if figure == BYTES else 0
    return ((node, pair[place]) for node, pair in tree.columns.weighed.items())


def _of_weights(tree: Hierarchy, names: Sequence[str], figure: str) -> dict[str, float]:
    index = tree.columns
    sums = index.weights if figure == BYTES else index.parameters
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
    flops = _FLOPS.get(tree)
    if flops is None:
        flops = _FLOPS[tree] = np.array(cost.flops(tree.table), dtype=np.float64)
    return flops


def _sums(tree: Hierarchy, names: Sequence[str], per_node: Floats) -> dict[str, float]:
    index = tree.columns
    sums = index.sums(per_node)
    spans = {name: index.span(item) for name in names if (item := tree.item(name)) is not None}
    return {name: float(sums[last] - sums[first]) for name, (first, last) in spans.items()}


def _text(value: float, figure: str) -> str:
    if figure == BYTES:
        return text.brief_size(int(value))
    if figure == SENSITIVITY:
        return f"{value:.2%}"
    return text.microseconds(value) if figure == TIME else text.metric(value)


def for_canvas(figures: Mapping[str, BoxFigure]) -> dict[str, list[Any]]:
    """Name to ``[strength, text]``; the strongest box has strength 1."""
    most = max((item.value for item in figures.values()), default=0.0)
    return {
        name: [round(item.value / most, 3), item.text] for name, item in figures.items() if most > 0
    }
