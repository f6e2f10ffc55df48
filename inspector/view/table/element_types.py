"""Element types of what a job writes for the web process.

A model may have taken over the worker that writes it, so that any JSON may arrive. The functions
here return nothing and raise ValueError for an element of a wrong type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

_TEXTS = ("names", "ops", "missing", "devices", "feeds", "fetches")
_NONE = type(None)


def check_node_table(data: Mapping[str, Any]) -> None:
    """Check the lists of a node table, sparse ones with their numbers as keys."""
    for column in _TEXTS:
        check_list(column, data[column], str)
    for column in ("dtypes", "attrs"):
        check_lists(column, data[column], str)
    for column, kind in (("controls", int), ("returns", int), ("calls", str)):
        check_lists(column, list(data[column].values()), kind)
    check_list("shapes", data["shapes"], list)
    shapes = list(chain.from_iterable(data["shapes"]))
    check_list("shapes", shapes, list, _NONE)
    dims = chain.from_iterable(shape for shape in shapes if shape is not None)
    check_list("shapes", list(dims), int, _NONE)


def check_operations(columns: Mapping[str, Any]) -> None:
    """Check the columns of the table of operations: texts of equal number."""
    missing = {"name", "op", "inputs", "outputs"} - columns.keys()
    if missing:
        raise ValueError(f"no column {min(missing)}")
    for column, values in columns.items():
        check_list(column, values, str)
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError("columns of different lengths")


def check_list(name: str, values: object, *kinds: type) -> None:
    """Check that something is a list of elements of these types; a bool is no int."""
    if type(values) is not list or not _types_of(values) <= set(kinds):
        raise ValueError(f"{name} has elements of wrong types")


def check_lists(name: str, values: object, kind: type) -> None:
    """Check that something is a list of lists of elements of this type."""
    check_list(name, values, list)
    assert isinstance(values, list)
    if not _types_of(chain.from_iterable(values)) <= {kind}:
        raise ValueError(f"{name} has elements of wrong types")


def _types_of(values: Iterable[object]) -> set[type]:
    return set(map(type, values))
