"""How models differ in what they compute, as text: ``compare``, ``blame``, ``search``, quantising.

Each function takes the JSON of its command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inspector.printing.text_tables import table
from inspector.text import count, plain, shorten, size

Json = Mapping[str, Any]
_OUTPUTS = [
    "output",
    "grade",
    "largest",
    "of largest",
    "mean",
    "99 %",
    "same top-1",
    "differs most",
]
_CANDIDATES = [
    "",
    "candidate",
    "size",
    "latency",
    "99 % interval",
    "difference",
    "same top-1",
    "accuracy",
]
_FEW = 3
_NODE = 60
"""Characters of a node's name in a row."""


def comparison(answer: Json, limits: Iterable[object], latency: str | None = None) -> str:
    """Sizes, a row for each output, scores, and the limits.

    Args:
        limits: Each as a sentence.
        latency: The verdict on it in words, where it was measured.
    """
    sizes = answer["bytes"]
    ratio = "" if sizes["ratio"] is None else f": {sizes['ratio']:.2f} × smaller"
    lines = [f"A {size(sizes['a'])}, B {size(sizes['b'])}{ratio}"]
    lines.append(f"{count(answer['rows'], 'row')}; the worst grade is: {answer['grade']}")
    rows = [_output(name, item) for name, item in answer["outputs"].items()]
    lines.append(table(rows, _OUTPUTS, right=range(2, 7)))
    lines += [f"B has no output like '{plain(name)}'" for name in answer["missing_outputs"]]
    lines += [
        plain(f"{name}: {item['why']}") for name, item in answer["outputs"].items() if item["why"]
    ]
    lines += _changes(answer["class_changes"])
    lines += _scores(answer)
    if latency is not None:
        lines.append(f"latency: {latency}")
    lines += [f"limit {limit}" for limit in limits]
    return "\n".join(lines)


def blame(answer: Json) -> str:
    """The first node that differs, what differs there, and the step that did it."""
    first, broken = answer["first"], answer["first_not_finite"]
    if first is None:
        return "no node differs by more than rounding"
    partner = "" if first["by"] == "name" else f" (in B {plain(first['after'])}, by structure)"
    error = first["local"] or first["accumulated"]
    share = "of another shape" if error["max_rel"] is None else f"{error['max_rel']:.3g} relative"
    lines = [f"first node that differs: {plain(first['before'])}{partner}, {first['op']}, {share}"]
    lines += [
        f"  {plain(name)}: {plain(', '.join(what))}" for name, what in answer["causes"].items()
    ]
    if answer["step"] is not None:
        lines.append(f"the step that changed it: {plain(answer['step'])}")
    if broken is not None:
        lines.append(f"first NaN or infinity: {plain(broken['before'])}")
    return "\n".join(lines)


def node_errors(nodes: Sequence[Json]) -> str:
    """A row for each node, in the order of A: errors relative to its largest value."""
    rows = [
        [
            shorten(item["before"], _NODE),
            item["op"],
            _relative(item["local"]),
            _relative(item["accumulated"]),
            "" if item["before"] == item["after"] else shorten(item["after"], _NODE),
            item["by"],
        ]
        for item in nodes
    ]
    return table(rows, ["node", "op", "alone", "in the run", "in B", "paired by"], right=(2, 3))


def search(answer: Json) -> str:
    """A row for each candidate, those that failed with their sentence below."""
    entries = answer["candidates"]
    rows = [_candidate(entry) for entry in entries if entry["error"] is None]
    lines = [table(rows, _CANDIDATES, right=range(2, 8)), "* best   - outside the limits"]
    lines += [
        f"{plain(entry['name'])}: {plain(entry['error'])}" for entry in entries if entry["error"]
    ]
    best = ", ".join(answer["best"]) or "none is within the limits"
    lines.append(f"best of {count(len(entries), 'candidate')}: {best}")
    lines.append(f"{answer['seconds']:.0f} s")
    return "\n".join(lines)


def sensitivity(answer: Json) -> str:
    """A row for each weight that was quantised alone, and what the models were run on."""
    rows = [
        [
            layer["node"],
            layer["op"],
            f"{layer['elements']:,}",
            layer["error"] or _figure(layer["difference"]),
        ]
        for layer in answer["layers"]
    ]
    of = "the samples" if answer["rows_from"] == "samples" else "random rows"
    head = ["node", "operator", "elements", "difference"]
    return f"{table(rows, head, right=[2])}\non {answer['rows']:,} rows of {of}"


def _output(name: str, item: Json) -> list[str]:
    percentile = (item["percentiles"] or {}).get("99")
    worst = ", ".join(f"row {row['row']}" for row in item["worst_rows"][:_FEW])
    return [
        name,
        item["grade"],
        *map(_figure, (item["max_abs"], item["max_rel"], item["mean_abs"], percentile)),
        _share(item["argmax_equal"]),
        worst or ", ".join(f"row {row}" for row in item["changed_rows"][:_FEW]) or "-",
    ]


def _candidate(entry: Json) -> list[str]:
    interval, ratio = entry["interval"], entry["latency_ratio"]
    return [
        "*" if entry["best"] else "" if entry["within_limits"] else "-",
        entry["name"],
        "-" if entry["bytes"] is None else size(entry["bytes"]),
        "-" if ratio is None else f"{ratio:.3g} ×",
        "-" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}",
        _figure(entry["max_difference"]),
        _share(entry["argmax_equal"]),
        _share(entry["accuracy"]),
    ]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _relative(error: Json | None) -> str:
    if error is None:
        return "-"
    if error["not_finite"]:
        return "NaN or inf"
    return "other shape" if error["max_rel"] is None else f"{error['max_rel']:.3g}"


def _changes(by_output: Mapping[str, Sequence[Json]]) -> list[str]:
    """The first rows of each output whose class is another one."""
    lines = []
    for name, changes in by_output.items():
        rows = [f"row {it['row']} {plain(it['a'])} -> {plain(it['b'])}" for it in changes[:_FEW]]
        if rows:
            more = ", ..." if len(changes) > _FEW else ""
            lines.append(f"{plain(name)}: {', '.join(rows)}{more}")
    return lines


def _scores(answer: Json) -> list[str]:
    lines = []
    if (score := answer["accuracy"]) is not None:
        lines.append(
            f"accuracy of '{plain(score['output'])}': {100 * score['a']:.2f} % before, "
            f"{100 * score['b']:.2f} % after; {count(score['changed_right_to_wrong'], 'row')} "
            f"turned wrong, {score['changed_wrong_to_right']:,} right"
        )
        chance = "more than chance" if score["mcnemar_p"] < 0.05 else "may be chance"
        lines.append(f"McNemar's exact test: p = {score['mcnemar_p']:.3g}, {chance}")
    if (error := answer["mean_error"]) is not None:
        lines.append(
            f"mean absolute error of '{plain(error['output'])}': {error['a']:.6g} before, "
            f"{error['b']:.6g} after; {error['closer']:,} rows closer, {error['further']:,} further"
        )
    return lines
