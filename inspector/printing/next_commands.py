"""Commands to paste after ``describe``, of those that the model takes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from inspector.printing.csv_columns import columns
from inspector.text import plain


def next_commands(facts: Mapping[str, Any], path: str, signature: str | None) -> list[str]:
    """Feeds to fill in, and a smaller model; none for a model that cannot be run.

    Args:
        facts: The JSON of ``describe``.
        path: As it was typed.
        signature: The default one, if there is any.
    """
    functions = [item for item in facts.get("callables", ()) if not item["problem"]]
    outputs = [item["name"] for item in facts["suggested_outputs"]]
    if signature is None and not functions and not outputs:
        return []
    if facts["variables"] and not facts["variable_list"]:
        return []  # its variables have no values
    target = _quoted(path)
    if len(facts["tag_sets"]) > 1:
        target += f" --tag-set {_quoted(','.join(facts['tag_set']))}"
    inputs = {item["name"]: item for item in (facts.get("serving") or facts)["placeholders"]}
    if signature is not None:
        inputs = facts["signatures"][signature]["inputs"]
    elif not outputs:
        target += f" --signature {_quoted(functions[0]['name'])}"
        inputs = {item["name"]: item for item in functions[0]["inputs"]}
    chosen = f" --outputs {_quoted(outputs[0])}" if outputs else ""
    smaller = f"inspector optimise {target}{chosen} --preset smaller --check -o smaller"
    if facts["format"] == "TFLite":
        smaller = f"inspector benchmark {target}"
    return [f"inspector predict {target} --template feeds.{_suffix(inputs)}", smaller]


def _suffix(inputs: Mapping[str, Mapping[str, Any]]) -> str:
    """``csv`` where every input is columns; inputs of several parts are in no file of feeds."""
    shapes = {key: item["shape"] for key, item in inputs.items() if "parts" not in item}
    return "csv" if shapes and all(columns(*item) for item in shapes.items()) else "npz"


def _quoted(text: str) -> str:
    return shlex.quote(plain(text))
