"""Checks JSON of commands against the schemas in the package, and that it has no field beyond."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from inspector.schemas import schema


def checked(name: str, text: str) -> Any:
    """The JSON in a text. Raises: AssertionError where it is not as its schema says.

    Args:
        name: A command, or ``record``.
    """
    answer = json.loads(text)
    errors = list(Draft202012Validator(_closed(schema(name))).iter_errors(answer))
    assert not errors, f"{name}: {errors[0].json_path}: {errors[0].message[:300]}"
    return answer


def _closed(part: Any) -> Any:
    """A schema that allows no field that it does not name."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(value) for key, value in part.items()}
    if "properties" in closed and "required" in closed:
        closed["additionalProperties"] = False
    return closed
