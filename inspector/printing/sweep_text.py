"""A sweep as text: a row for each model that is done, the sentences of those that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspector.printing.text_tables import table
from inspector.text import count, plain, rounded_size

_HEAD = ["model", "format", "size", "result", "nodes", "result", "check"]


def sweep(answer: Mapping[str, Any]) -> str:
    """The JSON of ``inspector sweep`` as text, the sums last."""
    models = answer["models"]
    done = [row for row in models if row["status"] == "done"]
    lines = [table(list(map(_row, done)), _HEAD, right=range(2, 6))] if done else []
    lines += [f"{plain(row['path'])}: {plain(row['error'])}" for row in models if row["error"]]
    earlier = f" ({answer['kept']} from an earlier run)" if answer["kept"] else ""
    sums = f"{answer['done']} of {count(len(models), 'model')} done{earlier}"
    if done:
        sums += f", {rounded_size(answer['bytes'])} → {rounded_size(answer['result_bytes'])}"
    return "\n".join([*lines, f"{sums}, {answer['seconds']:.0f} s"])


def _row(row: Mapping[str, Any]) -> list[str]:
    return [
        plain(row["path"]),
        row["format"],
        rounded_size(row["bytes"]),
        rounded_size(row["result_bytes"]),
        f"{row['nodes']:,}",
        f"{row['result_nodes']:,}",
        row["check"] or "-",
    ]
