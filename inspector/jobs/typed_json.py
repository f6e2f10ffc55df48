"""Compares a JSON value with a TypedDict."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict


def mismatch(value: object, expected: Any) -> str | None:
    """The first field of a JSON value that is not of its type; None if all are.

    Args:
        expected: A TypedDict, or a type made of ``dict[str, X]``, ``list[X]``, ``|``, str, int,
            float, bool, None and Any. A float may be a whole number.
    """
    return _checker(expected, "value")(value)


_Checker = Callable[[object], str | None]


@cache
def _checker(expected: Any, field: str) -> _Checker:
    """The check of one type: returns the wrong field, by default `field`, or None.

    Built once for each type and field: an answer may hold a hundred thousand objects.
    """
    if expected is Any:
        return lambda _value: None
    if is_typeddict(expected):
        return _object_checker(expected, field)
    if isinstance(expected, types.UnionType):
        options = [_checker(option, field) for option in get_args(expected)]
        return lambda value: None if any(option(value) is None for option in options) else field
    if get_origin(expected) is list:
        return _list_checker(_checker(get_args(expected)[0], field), field)
    if get_origin(expected) is dict:
        items = _list_checker(_checker(get_args(expected)[1], field), field)
        return lambda value: items(list(value.values())) if isinstance(value, dict) else field
    # By the very type: a bool is an int, too, and JSON has no other subclasses.
    accepted = {float: (float, int), types.NoneType: (types.NoneType,)}.get(expected, (expected,))
    return lambda value: None if type(value) in accepted else field


def _list_checker(item: _Checker, field: str) -> _Checker:
    def check(value: object) -> str | None:
        if not isinstance(value, list):
            return field
        return next(filter(None, map(item, value)), None)

    return check


def _object_checker(expected: Any, field: str) -> _Checker:
    fields = {name: _checker(hint, name) for name, hint in get_type_hints(expected).items()}
    required: frozenset[str] = expected.__required_keys__

    def check(value: object) -> str | None:
        if not isinstance(value, dict):
            return field
        if missing := required - value.keys():
            return min(missing)
        for key, item in value.items():
            if key not in fields:
                return field
            if (wrong := fields[key](item)) is not None:
                return wrong
        return None

    return check
