"""What is in a model, as text: tables of the JSON of ``describe``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inspector.printing.text_tables import table, titled
from inspector.text import cut, plain, shape, size, some, versions

Json = Mapping[str, Any]
_ARGUMENTS = 6
_INPUTS = 8
"""Inputs of a suggested output that are listed; the JSON has all."""
_OPS = 6
_TRACES = 40
_CHARACTERS = 60
"""Characters of the start of a file."""
_NAMES = 20
"""Names shown of a list of nodes; --json has all."""


def describe(name: str, facts: Json, commands: Sequence[str] = ()) -> str:
    """The figures of ``inspector describe``.

    Args:
        commands: To paste, for what can be done next.
    """
    parts = [_head(name, facts), table(_figures(facts))]
    parts += _tag_sets(facts)
    parts += _ops(facts)
    if len(facts.get("subgraphs", ())) > 1:
        parts.append(titled("subgraphs", _subgraphs(facts["subgraphs"])))
    parts += _tensors_of_signatures(facts["signatures"])
    parts.append(titled("placeholders", tensors(facts["placeholders"])))
    parts.append(titled("softmax", table([name] for name in facts["softmax"])))
    suggestions = [
        [
            item["name"],
            item["why"],
            f"depends on {some(item['inputs'], _INPUTS)}" if item["inputs"] else "",
        ]
        for item in facts["suggested_outputs"]
    ]
    parts.append(titled("suggested outputs", table(suggestions)))
    parts.append(
        titled("functions by their Python names", _python(facts.get("python_functions", ())))
    )
    parts.append(titled("functions to call", _callables(facts.get("callables", ()))))
    parts.append(titled("init op", _init_op(facts.get("init_op"))))
    if facts["function_list"]:
        parts.append(titled("functions", functions(facts["function_list"])))
    if facts["variable_list"]:
        parts.append(titled("variables in the checkpoint", _variables(facts["variable_list"])))
    if facts.get("tensors"):
        parts.append(titled("quantised ends", _quantised(facts["tensors"])))
    parts += _metadata(facts)
    assets = dict.fromkeys((asset["name"], asset["tensor"]) for asset in facts["assets"])
    parts.append(titled("assets", table(assets)))
    flagged = [[item["op"], item["count"], item["why"]] for item in facts["flagged_ops"]]
    parts.append(titled("to know before it is run", table(flagged, right=[1])))
    parts.append(titled("warnings", "\n".join(plain(text) for text in facts["warnings"])))
    parts.append(titled("to go on", "\n".join(commands)))
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
        ("of large constants", f"{facts['constant_parameters']:,}"),
        ("control edges", f"{facts['control_edges']:,}"),
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
        parts.append(titled(title, op_counts(serving["op_counts"])))
    if "keras" not in facts:
        return [*parts, titled("ops of the main graph", op_counts(facts["op_counts"]))]
    parts.append(titled("layers", op_counts(facts["op_counts"])))
    config = [(key.replace("_", " "), _value_text(value)) for key, value in facts["keras"].items()]
    return [*parts, titled("keras", table(config))]


def _tag_sets(facts: Json) -> list[str]:
    """All tag-sets; below each but the chosen one its signatures and ops."""
    if len(facts["tag_sets"]) < 2:
        return []
    rows = [[", ".join(tags) or "(no tags)"] for tags in facts["tag_sets"]]
    parts = [titled("tag-sets", table(rows))]
    for item in facts.get("meta_graphs", ()):
        if item["tag_set"] != facts["tag_set"]:
            text = "\n".join(_tensors_of_signatures(item["signatures"]))
            ops = plain(f"ops: {', '.join(item['ops'])}")
            parts.append(titled(f"tag-set {plain(', '.join(item['tag_set']))}", f"{text}\n{ops}"))
    return parts


def _python(rows: Sequence[Json]) -> str:
    """A line for each call that a function of Python was traced for."""
    lines = [
        f"{row['name']}({', '.join(_argument(item) for item in _arguments(trace))})"
        for row in rows
        for trace in row["traces"] or [{"arguments": [], "keywords": []}]
    ]
    more = len(lines) - _TRACES
    text = "\n".join(map(plain, lines[:_TRACES]))
    return f"{text}\nand {more:,} more (--json has all)" if more > 0 else text


def _arguments(trace: Json) -> list[Json]:
    return [*trace["arguments"], *trace["keywords"]]


def _argument(item: Json) -> str:
    """``inputs: float32 [?, 784]``, ``training=False``."""
    if "items" in item:
        return f"{item['name']}=({', '.join(map(_argument, item['items']))})"
    if "dtype" in item:
        tensor = "" if item["tensor"] in ("", item["name"]) else f" '{item['tensor']}'"
        return f"{item['name']}{tensor}: {item['dtype']} {shape(item['shape'])}"
    return f"{item['name']}={item['value']!r}" if item["name"] else repr(item["value"])


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
    return [titled("metadata", table(rows)), titled("associated files", table(files))]


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


def _tensors_of_signatures(signatures: Json) -> list[str]:
    parts = []
    for key, signature in signatures.items():
        rows = [
            [kind, name, info["name"], info["dtype"] or "", shape(info["shape"])]
            for kind, side in (("input", "inputs"), ("output", "outputs"))
            for name, info in signature[side].items()
        ]
        method = f" ({plain(signature['method_name'])})" if signature["method_name"] else ""
        parts.append(titled(f"signature {plain(key)}{method}", table(rows)))
    return parts
