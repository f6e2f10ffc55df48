"""The text output of commands: tables of the JSON that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from inspector.cli.terminal import table
from inspector.text import cut, plain, shape, size, some, versions

Json = Mapping[str, Any]
_ARGUMENTS = 6
_INPUTS = 8
"""Inputs of a suggested output that are listed; the JSON has all."""
_OPS = 6
_CHARACTERS = 60
"""Characters of the start of a file."""
_NAMES = 20
"""Names shown of a list of nodes; --json has all."""


def describe(name: str, facts: Json) -> str:
    """The figures of ``inspector describe``."""
    parts = [_head(name, facts), table(_figures(facts))]
    if len(facts["tag_sets"]) > 1:
        rows = [[", ".join(tags) or "(no tags)"] for tags in facts["tag_sets"]]
        parts.append(_titled("tag-sets", table(rows)))
    parts += _ops(facts)
    if len(facts.get("subgraphs", ())) > 1:
        parts.append(_titled("subgraphs", _subgraphs(facts["subgraphs"])))
    parts += _tensors_of_signatures(facts["signatures"])
    parts.append(_titled("placeholders", tensors(facts["placeholders"])))
    parts.append(_titled("softmax", table([name] for name in facts["softmax"])))
    suggestions = [
        [
            item["name"],
            item["why"],
            f"depends on {some(item['inputs'], _INPUTS)}" if item["inputs"] else "",
        ]
        for item in facts["suggested_outputs"]
    ]
    parts.append(_titled("suggested outputs", table(suggestions)))
    parts.append(_titled("functions to call", _callables(facts.get("callables", ()))))
    parts.append(_titled("init op", _init_op(facts.get("init_op"))))
    if facts["function_list"]:
        parts.append(_titled("functions", functions(facts["function_list"])))
    if facts["variable_list"]:
        parts.append(_titled("variables in the checkpoint", _variables(facts["variable_list"])))
    if facts.get("tensors"):
        parts.append(_titled("quantised ends", _quantised(facts["tensors"])))
    parts += _metadata(facts)
    assets = dict.fromkeys((asset["name"], asset["tensor"]) for asset in facts["assets"])
    parts.append(_titled("assets", table(assets)))
    flagged = [[item["op"], item["count"], item["why"]] for item in facts["flagged_ops"]]
    parts.append(_titled("to know before it is run", table(flagged, right=[1])))
    parts.append(_titled("warnings", "\n".join(plain(text) for text in facts["warnings"])))
    return "\n\n".join(filter(None, parts))


def _head(name: str, facts: Json) -> str:
    """Name, format, tag-set and producer on one line."""
    tags = ", ".join(facts["tag_set"])
    maker = "" if "keras" in facts else "TensorFlow "  # a Keras file names Keras itself
    producer = f"written by {maker}{facts['producer']}" if facts["producer"] else ""
    head = [name, facts["format"], f"tag-set {tags}" if tags else "", producer]
    return plain("  ·  ".join(filter(None, head)))


def _figures(facts: Json) -> list[tuple[str, str]]:
    """Counts and sizes."""
    sizes = facts["bytes"]
    figures = [("nodes", f"{facts['nodes']:,}")]
    if facts["functions"]:
        inside = sum(facts["function_op_counts"].values())
        figures.append(("functions", f"{facts['functions']:,} with {inside:,} nodes"))
    if stated := versions(facts["versions"]):
        figures.append(("versions", stated))
    return [
        *figures,
        ("constants", f"{facts['constants']:,}"),
        ("variables", f"{facts['variables']:,}"),
        ("identities", f"{facts['identities']:,}"),
        ("parameters", f"{facts['parameters']:,}"),
        ("graph", size(sizes["graph"])),
        ("variables' values", size(sizes["variables"])),
        ("assets", size(sizes["assets"])),
        ("total", size(sizes["total"])),
    ]


def _ops(facts: Json) -> list[str]:
    """Op counts of the serving function and of the main graph, or the layers of a Keras file."""
    parts = []
    if serving := facts.get("serving"):
        title = f"the serving function, its calls inlined: {serving['nodes']:,} nodes"
        parts.append(_titled(title, op_counts(serving["op_counts"])))
    if "keras" not in facts:
        return [*parts, _titled("ops of the main graph", op_counts(facts["op_counts"]))]
    parts.append(_titled("layers", op_counts(facts["op_counts"])))
    config = [(key.replace("_", " "), _value_text(value)) for key, value in facts["keras"].items()]
    return [*parts, _titled("keras", table(config))]


def _callables(rows: Sequence[Json]) -> str:
    """One line per function that Python calls: inputs, outputs, and why it cannot be frozen."""
    if not rows:
        return ""
    lines = [
        [row["name"], _tensor_list(row["inputs"]), _tensor_list(row["outputs"]), row["problem"]]
        for row in rows[:_NAMES]
    ]
    text = table(lines, ["name", "inputs", "outputs", ""])
    more = len(rows) - _NAMES
    return f"{text}\nand {more:,} more (--json has all)" if more > 0 else text


def _tensor_list(rows: Sequence[Json]) -> str:
    parts = [f"{row['name']} {row['dtype']} {shape(row['shape'])}" for row in rows[:_ARGUMENTS]]
    return ", ".join(parts) + (", ..." if len(rows) > _ARGUMENTS else "")


def _init_op(row: Json | None) -> str:
    """What runs once before the first run, and what it gives a value."""
    if row is None:
        return ""
    names = ", ".join(row["sets"][:_OPS]) + (", ..." if len(row["sets"]) > _OPS else "")
    nodes = table([name] for name in row["nodes"][:_NAMES])
    sets = f"; it sets {plain(names)}" if names else ""
    return f"{nodes}\nruns once before the first run{sets}"


def _variables(variables: Iterable[Json]) -> str:
    rows = [
        [item["name"], item["dtype"], shape(item["shape"]), f"{item['bytes']:,}"]
        for item in variables
    ]
    return table(rows, ["name", "dtype", "shape", "bytes"], right=[3])


def _value_text(value: object) -> str:
    if isinstance(value, bool) or value in (None, ""):
        return "yes" if value else "no" if value is False else "unknown"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _subgraphs(rows: Iterable[Json]) -> str:
    lines = [
        [number, row["name"] or "", row["operators"], row["tensors"], op_list(row["ops"])]
        for number, row in enumerate(rows)
    ]
    return table(lines, ["", "name", "operators", "tensors", "ops"], right=[0, 2, 3])


def _quantised(rows: Iterable[Json]) -> str:
    """Scale and zero point of quantised inputs and outputs, which their feeds need."""
    lines = [
        [row["kind"], row["name"], row["dtype"], f"{row['scale'][0]:.7g}", row["zero_point"][0]]
        for row in rows
        if row["kind"] in ("input", "output") and row["channels"] == 1 and not row["subgraph"]
    ]
    return table(lines, ["", "name", "dtype", "scale", "zero point"], right=[3, 4]) if lines else ""


def _metadata(facts: Json) -> list[str]:
    """What the metadata of a TFLite model says, and the files packed with it."""
    stated = facts.get("metadata") or {}
    rows = [[key, value] for key, value in stated.items() if isinstance(value, str)]
    for kind, side in (("input", "inputs"), ("output", "outputs")):
        rows += [
            [kind, ": ".join(filter(None, (tensor.get("name"), tensor.get("description"))))]
            for tensor in stated.get(side, ())
        ]
    files = [
        [
            row["name"],
            row["type"],
            row["tensor"],
            "missing" if row["bytes"] is None else f"{row['bytes']:,} bytes",
            cut(", ".join(row["lines"]), _CHARACTERS),
        ]
        for row in facts.get("associated_files", ())
    ]
    return [_titled("metadata", table(rows)), _titled("associated files", table(files))]


def op_list(counts: Mapping[str, int]) -> str:
    """Op and count on one line, the most frequent first."""
    pairs = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(pairs) - _OPS} more" if len(pairs) > _OPS else ""
    return ", ".join(f"{count:,} {op}" for op, count in pairs[:_OPS]) + more


def op_counts(counts: Mapping[str, int]) -> str:
    """Op and count, the most frequent first, in columns that fit a terminal."""
    pairs = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return table(((op, f"{count:,}") for op, count in pairs), right=[1])


def tensors(rows: Iterable[Json]) -> str:
    """Name, dtype and shape of each."""
    return table([row["name"], row["dtype"], shape(row["shape"])] for row in rows)


def functions(rows: Sequence[Json]) -> str:
    """One line per function: arguments, results, number of nodes and of calls."""
    lines = [
        [row["name"], _types(row["args"]), _types(row["results"]), row["nodes"], row["calls"]]
        for row in rows[:_NAMES]
    ]
    text = table(lines, ["name", "arguments", "results", "nodes", "calls"], right=[3, 4])
    more = len(rows) - _NAMES
    return f"{text}\nand {more:,} more (--json has all)" if more > 0 else text


def _types(rows: Sequence[Json]) -> str:
    parts = [
        row["dtype"] + (f" {shape(row['shape'])}" if row["shape"] is not None else "")
        for row in rows[:_ARGUMENTS]
    ]
    return ", ".join(parts) + (", ..." if len(rows) > _ARGUMENTS else "")


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
        parts.append(_titled(f"{key}: {len(nodes[key]):,} nodes", _some(nodes[key])))
    renamed = [f"{item['before']}  ->  {item['after']}" for item in delta["renamed"]]
    parts.append(_titled(f"renamed, paired by structure: {len(renamed):,} nodes", _some(renamed)))
    named = [f"{item['name']}  ({', '.join(item['fields'])})" for item in nodes["changed"]]
    parts.append(_titled(f"changed: {len(named):,} nodes", _some(named)))
    parts.append(f"unchanged: {nodes['unchanged']:,} nodes")
    signatures = [
        f"{key} {kind}" for kind, keys in delta["signatures"].items() for key in map(_named, keys)
    ]
    parts.append(_titled("signatures", _some(signatures)))
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
            f"{head}\n  {plain(row['summary'])}"
            + (f"\n{table(lines, indent='    ')}" if lines else "")
        )
    presets = [
        f"preset {row['name']}\n  {row['sentence']}\n"
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


def _tensors_of_signatures(signatures: Json) -> list[str]:
    parts = []
    for key, signature in signatures.items():
        rows = [
            [kind, name, info["name"], info["dtype"] or "", shape(info["shape"])]
            for kind, side in (("input", "inputs"), ("output", "outputs"))
            for name, info in signature[side].items()
        ]
        method = f" ({plain(signature['method_name'])})" if signature["method_name"] else ""
        parts.append(_titled(f"signature {plain(key)}{method}", table(rows)))
    return parts


def _titled(title: str, text: str) -> str:
    return f"{title}\n" + "\n".join(f"  {line}" for line in text.splitlines()) if text else ""


def _some(names: Sequence[str]) -> str:
    lines = [plain(name) for name in names[:_NAMES]]
    if len(names) > _NAMES:
        lines.append(f"and {len(names) - _NAMES:,} more (--json has all)")
    return "\n".join(lines)


def _named(item: Any) -> str:
    return str(item["name"] if isinstance(item, Mapping) and "name" in item else item)
