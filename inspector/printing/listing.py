"""Results as text: tables of the JSON that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from inspector.printing.text_tables import table, titled
from inspector.text import plain, shape

Json = Mapping[str, Any]
_NAMES = 20
"""Names shown of a list of nodes; --json has all."""


def operations(rows: Sequence[Json]) -> str:
    """One line per operation, those of each function below its name."""
    parts = []
    for function, group in groupby(rows, lambda row: row["function"]):
        text = _operations(group)
        parts.append(f"function {plain(function)}\n{text}" if function else text)
    return "\n\n".join(parts)


def _operations(rows: Iterable[Json]) -> str:
    """Further outputs of an operation stand on lines of their own."""
    lines: list[list[object]] = []
    for row in rows:
        head, tail = [row["name"], row["op"]], [row["device"], ", ".join(row["inputs"])]
        for tensor in row["outputs"] or [None]:
            cells = ["", "", ""]
            if tensor is not None:
                cells = [tensor["name"], tensor["dtype"] or "?", shape(tensor["shape"])]
            lines.append([*head, *cells, *tail])
            head, tail = ["", ""], ["", ""]
    return table(lines, ["name", "op", "output", "dtype", "shape", "device", "inputs"])


def diff(delta: Json) -> str:
    """Figures before and after, op counts that changed, and the first names of each list."""
    before, after = delta["before"], delta["after"]
    rows = [
        [key, f"{before[key]:,}", f"{after[key]:,}", f"{after[key] - before[key]:+,}"]
        for key in ("nodes", "bytes")
    ]
    changed = [row for row in delta["op_counts"] if row["before"] != row["after"]]
    rows += [
        [row["op"], f"{row['before']:,}", f"{row['after']:,}", f"{row['after'] - row['before']:+,}"]
        for row in changed
    ]
    nodes = delta["nodes"]
    parts = [table(rows, ["", "before", "after", "change"], right=[1, 2, 3])]
    for key in ("removed", "added"):
        parts.append(titled(f"{key}: {len(nodes[key]):,} nodes", _some(nodes[key])))
    renamed = [f"{item['before']}  ->  {item['after']}" for item in delta["renamed"]]
    parts.append(titled(f"renamed, paired by structure: {len(renamed):,} nodes", _some(renamed)))
    named = [f"{item['name']}  ({', '.join(item['fields'])})" for item in nodes["changed"]]
    parts.append(titled(f"changed: {len(named):,} nodes", _some(named)))
    parts.append(f"unchanged: {nodes['unchanged']:,} nodes")
    signatures = [
        f"{key} {kind}" for kind, keys in delta["signatures"].items() for key in map(_named, keys)
    ]
    parts.append(titled("signatures", _some(signatures)))
    return "\n\n".join(filter(None, parts))


def steps(rows: Sequence[Json], checked: Json | None = None) -> str:
    """One line per transform that was run, with the verdict of its check; then notes.

    Args:
        checked: `Optimised.checked`.
    """
    lines = [
        [
            row["call"],
            f"{row['nodes']['before']:,} -> {row['nodes']['after']:,}",
            f"{row['bytes']['before']:,} -> {row['bytes']['after']:,}",
            f"{row['counts']['changed']:,}",
            f"{row['counts']['skipped']:,}",
            f"{row['seconds']:.3f}",
            *([verdict(row)] if checked is not None else []),
        ]
        for row in rows
    ]
    headers = ["transform", "nodes", "bytes", "changed", "left alone", "seconds"]
    headers += ["check"] if checked is not None else []
    parts = [table(lines, headers, right=[1, 2, 3, 4, 5])]
    notes = [f"{row['name']}: {row['error']['why']}" for row in rows if row["error"]]
    notes += [f"{row['name']}: {sentence}" for row in rows for sentence in row["warnings"]]
    notes += [
        f"{row['name']}: {row['check']['why']}"
        for row in rows
        if row["check"] and row["check"]["status"] == "violated"
    ]
    if checked is not None:
        notes += [f"not checked: {sentence}" for sentence in checked["not_checked"]]
        if checked["feeds"]:
            others = "the other steps: " if checked["not_checked"] else ""
            notes.append(f"{others}checked on these feeds: {checked['feeds']}")
    return "\n".join([*parts, *map(plain, notes)])


def verdict(row: Json) -> str:
    """The check of a step in a few words."""
    check = row["check"]
    if check is None:
        return ""
    worst = check["max_abs"]
    words = str(check["status"])
    if check["status"] in ("within", "violated") and worst is not None:
        words += f", {worst:.3g}"
    return words + (", rolled back" if row["rolled_back"] else "")


def transforms(catalogue: Json) -> str:
    """Each transform with its effect and its parameters; then the presets."""
    parts = []
    for row in catalogue["transforms"]:
        lines = [[_call(param), param["sentence"]] for param in row["params"]]
        head = f"{row['name']}  ({row['effect']}{', kernels' if row['needs_kernels'] else ''})"
        parts.append(
            f"{head}\n  {plain(row['summary'])}\n  size {row['size']}; speed {row['speed']}"
            + (f"\n{table(lines, indent='    ')}" if lines else "")
        )
    presets = [
        f"preset {row['name']} ({row['title']})\n  {row['sentence']}\n"
        f"  size {row['size']}; speed {row['speed']}; outputs {row['outputs']}\n"
        + (f"  {row['note']}\n" if row["note"] else "")
        + f"    {row['transforms']}"
        for row in catalogue["presets"]
    ]
    return "\n\n".join(parts + presets)


def _call(param: Json) -> str:
    if param["required"]:
        return f"{param['name']}=..."
    default = param["default"]
    if isinstance(default, bool):
        default = "true" if default else "false"
    return f"{param['name']}={'' if default in (None, []) else default}"


def _some(names: Sequence[str]) -> str:
    lines = [plain(name) for name in names[:_NAMES]]
    if len(names) > _NAMES:
        lines.append(f"and {len(names) - _NAMES:,} more (--json has all)")
    return "\n".join(lines)


def _named(item: Any) -> str:
    return str(item["name"] if isinstance(item, Mapping) and "name" in item else item)
