"""Bounds of the columns of a node table that a job wrote: every number points to a row that exists.

The types of the elements are checked before (`element_types`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

_COLUMNS = {"op": "ops", "device": "devices", "dtype": "dtypes", "shape": "shapes"}
"""Column per node to the table of distinct values that its numbers point into."""
_SPARSE = ("controls", "weights", "former", "calls", "returns", "again")
"""Columns with node numbers as keys."""


def check(data: Mapping[str, Any]) -> None:
    """Check the columns of a node table against one another. Raises: ValueError."""
    count = len(data["names"])
    columns = _COLUMNS | ({"attr": "attrs"} if data["attr"] else {})
    for column, values in columns.items():
        if len(data[column]) != count or not _within(data[column], len(data[values])):
            raise ValueError(f"column {column} does not fit the {count} nodes")
    if data["side"] and (len(data["side"]) != count or not _within(data["side"], 3)):
        raise ValueError(f"column side does not fit the {count} nodes")
    if len(data["inputs"]) != count:
        raise ValueError(f"column inputs does not fit the {count} nodes")
    lowest = -len(data["missing"])
    if not all(_are_tensors(flat, count, lowest) for flat in data["inputs"]):
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


def _within(numbers: Collection[int], count: int, lowest: int = 0) -> bool:
    return not numbers or lowest <= min(numbers) <= max(numbers) < count


def _are_tensors(flat: Sequence[int], count: int, lowest: int = 0) -> bool:
    """Whether ``[source, port, ...]`` has pairs with sources of the table."""
    return len(flat) % 2 == 0 and _within(flat[::2], count, lowest)
