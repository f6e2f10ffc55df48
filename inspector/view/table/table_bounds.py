"""Bounds of the columns of a node table that a job wrote: every number points to a row that exists.

The types of the elements are checked before (`element_types`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from inspector.view.table.adjacency import Column

_COLUMNS = {"op": "ops", "device": "devices", "dtype": "dtypes", "shape": "shapes"}
"""Column per node to the table of distinct values that its numbers point into."""
_SPARSE = ("controls", "weights", "former", "calls", "returns", "again")
"""Columns with node numbers as keys."""


def check(data: Mapping[str, Any]) -> None:
    """Check the columns of a node table against one another. Raises: ValueError."""
    count = len(data["names"])
    columns = _COLUMNS | ({"attr": "attrs"} if len(data["attr"]) else {})
    for column, values in columns.items():
        if len(data[column]) != count or not _within(data[column], len(data[values])):
            raise ValueError(f"column {column} does not fit the {count} nodes")
    if len(data["side"]) and (len(data["side"]) != count or not _within(data["side"], 3)):
        raise ValueError(f"column side does not fit the {count} nodes")
    inputs, lowest = data["inputs"], -len(data["missing"])
    if len(inputs) != count or not len(inputs.source) == len(inputs.port) == inputs.start[-1]:
        raise ValueError(f"column inputs does not fit the {count} nodes")
    if not _within(inputs.source, count, lowest) or np.any(np.diff(inputs.start) < 0):
        raise ValueError("an input points outside of the table")
    for column in _SPARSE:
        if not _within(data[column], count):
            raise ValueError(f"{column} points outside of the table")
    if not _within([source for source, _ in data["again"].values()], count):
        raise ValueError("a loop's edge back points outside of the table")
    if not all(_are_tensors(flat, count) for flat in data["returns"].values()):
        raise ValueError("what a body returns points outside of the table")
    if not all(_within(sources, count) for sources in data["controls"].values()):
        raise ValueError("a control input points outside of the table")


def _within(numbers: Collection[int] | Column, count: int, lowest: int = 0) -> bool:
    if isinstance(numbers, np.ndarray):
        return not numbers.size or bool(lowest <= numbers.min() and numbers.max() < count)
    return not numbers or lowest <= min(numbers) <= max(numbers) < count


def _are_tensors(flat: Sequence[int], count: int, lowest: int = 0) -> bool:
    """Whether ``[source, port, ...]`` has pairs with sources of the table."""
    return len(flat) % 2 == 0 and _within(flat[::2], count, lowest)
