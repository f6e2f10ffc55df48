"""The JSON that commands print and results give: its version, and a JSON Schema for each kind.

The schemas are the files beside this module, in draft 2020-12: one for each command, one for
``benchmark --batches``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspector.errors import BadParameter, did_you_mean
from inspector.version import __version__

SCHEMA = 1
"""Grows when a field goes or changes its meaning; new fields do not change it."""

_SUFFIX = ".schema.json"
_FOLDER = Path(__file__).parent


def stamped(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the version of its form, and of the Inspector that gave it."""
    return {"schema": SCHEMA, "inspector": __version__, **answer}


def schema_names() -> list[str]:
    """The kinds of JSON with a schema: commands, ``benchmark_batches``, and ``record``."""
    return sorted(file.name.removesuffix(_SUFFIX) for file in _FOLDER.glob(f"*{_SUFFIX}"))


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of what a command prints with ``--json``, or of ``record``.

    Args:
        name: One of `schema_names`, such as ``describe``.
    Raises: BadParameter for another name.
    """
    names = schema_names()
    if name not in names:
        why = f"there are {', '.join(names)}{did_you_mean(name, names)}"
        raise BadParameter("schema", name, why)
    loaded: dict[str, Any] = json.loads((_FOLDER / f"{name}{_SUFFIX}").read_bytes())
    return loaded
