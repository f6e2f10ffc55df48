"""Measured times as text: tables of the JSON of ``benchmark`` and ``profile``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspector.printing.text_tables import table
from inspector.text import count, metric, microseconds, percent, plain, rounded_size, shorten

Json = Mapping[str, Any]
TOP = 10
"""Nodes and ops of a profile that are listed, where the caller says nothing."""
_LABEL = 40
_NAME = 60
_HEAD = ["", "runtime", "load", "first run", "p50", "p90", "p99", "rows/s", "memory", "runs"]
_BATCHES_OF_A = ["batch", "p50", "rows/s"]
_BATCHES_OF_BOTH = ["batch", "p50 A", "p50 B", "ratio", "rows/s A", "rows/s B", "verdict"]
_COSTS = ["time", "share", "output", "FLOPs", "parameters"]


def benchmark(
    answer: Json, sentence: str, rough: Sequence[bool], labels: Sequence[str] = ("", "")
) -> str:
    """The times as a table, what was run, and the verdict.

    Args:
        sentence: The verdict in words.
        rough: For each model, whether its p99 is of too few runs to rely on.
        labels: What the models are called, beside A and B.
    """
    rows = []
    for place, times in enumerate(filter(None, (answer["a"], answer["b"]))):
        figures = [f"{times[key]:.3g} ms" for key in ("load_ms", "first_ms", "p50_ms", "p90_ms")]
        p99 = f"{times['p99_ms']:.3g} ms"
        rows.append(
            [
                f"{'AB'[place]}  {plain(labels[place])[-_LABEL:]}".rstrip(),
                answer["runtimes"][place],
                *figures,
                f"({p99})" if rough[place] else p99,
                f"{times['rows_per_s']:,.0f}",
                rounded_size(times["peak_rss_bytes"]),
                f"{answer['runs'][place]:,}",
            ]
        )
    how = f"{count(answer['batch'], 'row')} a run, {count(answer['threads'], 'thread')} each"
    if "TensorFlow" in answer["runtimes"]:
        how += ", TensorFlow's own optimiser of graphs off"
    if any(rough):
        how += "; a p99 in brackets is of too few runs to rely on"
    return "\n".join([table(rows, _HEAD, right=range(2, len(_HEAD))), how, sentence])


def batches(answer: Json) -> str:
    """A row for each batch size, what was run, and why a size was not measured."""
    runtimes, sizes = answer["runtimes"], answer["batches"]
    has_b = len(runtimes) > 1
    heads = _BATCHES_OF_BOTH if has_b else _BATCHES_OF_A
    rows = [_batch(item) for item in sizes if not item["why"]]
    models = ", ".join(f"{name}: {runtime}" for name, runtime in zip("AB", runtimes, strict=False))
    how = f"{models}; {count(answer['threads'], 'thread')} each, "
    how += f"{answer['budget_s']:g} s for all sizes"
    if has_b:
        how += "; the ratio is B to A with its 99 % interval"
    missing = [
        f"batch {item['batch']:,} not measured: {plain(item['why'])}"
        for item in sizes
        if item["why"]
    ]
    return "\n".join([table(rows, heads, right=range(len(heads) - has_b)), how, *missing])


def _batch(item: Json) -> list[str]:
    sides = [side for side in (item["a"], item["b"]) if side is not None]
    medians = [f"{side['p50_ms']:.3g} ms" for side in sides]
    rates = [f"{side['rows_per_s']:,.0f}" for side in sides]
    if item["b"] is None:
        return [f"{item['batch']:,}", *medians, *rates]
    ratio = "–" if item["ratio"] is None else f"{item['ratio']:.3f}"
    if (interval := item["interval"]) is not None:
        ratio += f" ({interval[0]:.3f} to {interval[1]:.3f})"
    by = ", by processor time" if item["clock"] == "cpu" else ""
    return [f"{item['batch']:,}", *medians, ratio, *rates, f"{item['verdict']}{by}"]


def profile(answer: Json, sentence: str, top: int = TOP) -> str:
    """The slowest nodes and ops as tables, and how they were timed.

    Args:
        sentence: How they were timed, in words.
        top: Rows of each table.
    """
    nodes, ops = answer["nodes"], answer["ops"]
    of_nodes = [[shorten(row["name"], _NAME), row["op"], *_costs(row)] for row in nodes[:top]]
    of_ops = [[row["op"], f"{row['nodes']:,}", *_costs(row)] for row in ops[:top]]
    parts = [
        table(of_nodes, ["node", "op", *_COSTS], right=range(2, 7)),
        _more(len(nodes), top, "node"),
        "",
        table(of_ops, ["op", "nodes", *_COSTS], right=range(1, 7)),
        _more(len(ops), top, "op"),
        "",
        sentence,
    ]
    return "\n".join(part for part in parts if part is not None)


def _more(total: int, top: int, noun: str) -> str | None:
    return f"and {count(total - top, f'faster {noun}')}" if total > top else None


def _costs(row: Json) -> list[str]:
    """The columns of a node or of an op."""
    return [
        microseconds(1000 * row["ms"]),
        percent(row["share"]),
        rounded_size(row["output_bytes"]),
        metric(row["flops"]) if row["flops"] else "-",
        f"{row['parameters']:,}" if row["parameters"] else "-",
    ]
