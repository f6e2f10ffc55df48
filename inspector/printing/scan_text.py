"""A scan as text."""

from __future__ import annotations

from typing import Any

from inspector.printing.text_tables import table
from inspector.text import plain

_BLOCK = "block"
_PLACES = 5
_HEAD = ["", "op", "in the file", "reached by", "what it does"]


def scan(answer: dict[str, Any]) -> str:
    """The findings as a table, then their places."""
    head = f"{plain(answer['model'])}: {answer['format']}"
    followed = f"followed: {', '.join(map(plain, answer['entries'])) or 'nothing can be asked for'}"
    findings = answer["findings"]
    if not findings:
        return f"{head}\n{followed}\nnothing reaches beyond the model"
    rows = [
        [
            "refused" if item["severity"] == _BLOCK else "runs",
            item["what"] + (f" ({item['attribute']})" if item["attribute"] else ""),
            item["count"],
            ", ".join(item["reached_by"]) or "-",
            item["why"],
        ]
        for item in findings
    ]
    places = [[item["what"], _places(item)] for item in findings]
    return "\n\n".join(
        [
            f"{head}\n{followed}",
            table(rows, _HEAD, right=[2]),
            "where\n" + table(places),
            _verdict(findings),
        ]
    )


def _verdict(findings: list[dict[str, Any]]) -> str:
    """Which entries would be refused."""
    refused = dict.fromkeys(
        entry for item in findings if item["severity"] == _BLOCK for entry in item["reached_by"]
    )
    if not refused:
        return "nothing that would be refused is reached"
    return f"would be refused: {', '.join(map(plain, refused))}"


def _places(item: dict[str, Any]) -> str:
    names = [
        f"{place['node'] or 'the config'}"
        + (f" in function {place['function']}" if place["function"] else "")
        for place in item["places"][:_PLACES]
    ]
    more = item["count"] - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")
