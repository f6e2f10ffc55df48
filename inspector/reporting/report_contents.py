"""What a report says, as data; the writers of HTML, Markdown and JSON read nothing else.

The parts are the JSON that other commands print: ``describe``, ``diff``, ``compare``,
``benchmark`` and the record of ``optimise``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspector.printing.text_tables import html
from inspector.reporting.verdict import figures, sentence
from inspector.schemas import stamped
from inspector.text import cut, plain

Json = Mapping[str, Any]
HTML, MARKDOWN, JSON = ".html", ".md", ".json"
SUFFIXES = (HTML, MARKDOWN, JSON)
"""The kinds of files, by the ends of their names."""
RANDOM_ROWS = "random values, not your data"


@dataclass(frozen=True)
class Size:
    """The bytes and nodes of the model before and after one step."""

    name: str
    bytes_before: int
    bytes_after: int
    nodes_before: int
    nodes_after: int
    share: float | None
    """The part of the whole change in bytes that is this step's; None if nothing changed."""
    check: str
    """How the step was checked: ``equal``, ``within``, ``violated``, ``unchecked``, or empty."""


@dataclass(frozen=True, repr=False)
class ReportContents:
    """Everything in a report.

    Args:
        names: The two models, as they are called on the command line or page.
        facts: ``describe`` of each.
        diff: ``diff`` of the two.
        comparison: ``compare``; None if the outputs were not compared.
        latency: ``benchmark``; None if the speed was not measured.
        batches: ``benchmark_batches``; None if batch sizes were not measured.
        record: The record of the optimisation that made the second model, if it is known.
        rows_from: Where the compared rows come from.
        not_checked: One sentence for each thing that could not be compared or measured.
        machine: Versions and hardware, in the order to be shown.
        command, python: What reproduces the report, as text to copy.
        created: Date and time, ISO 8601.
    """

    names: tuple[str, str]
    facts: tuple[Json, Json]
    diff: Json
    comparison: Json | None = None
    latency: Json | None = None
    batches: Json | None = None
    record: Json | None = None
    rows_from: str = ""
    not_checked: Sequence[str] = ()
    machine: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    python: str = ""
    created: str = ""

    def __repr__(self) -> str:
        return f"<ReportContents: {cut(plain(self.verdict), 160)}>"

    def _repr_html_(self) -> str:
        lines = [self.verdict, *(f"not checked: {item}" for item in self.not_checked)]
        return html("\n".join(map(plain, lines)))

    @property
    def bytes(self) -> tuple[int, int]:
        """Bytes of the two models: graph, variables and assets."""
        before, after = (int(facts["bytes"]["total"]) for facts in self.facts)
        return before, after

    @property
    def verdict(self) -> str:
        """One sentence: size, speed, predictions."""
        return sentence(self)

    def steps(self) -> list[Size]:
        """Freezing, then each transform that was kept; empty without a record."""
        if self.record is None:
            return []
        total_before, total_after = self.bytes
        change = total_before - total_after
        frozen = self.record["before"]
        first = Size(
            "freeze", total_before, frozen["bytes"], self.facts[0]["nodes"], frozen["nodes"],
            _share(total_before - frozen["bytes"], change), "",
        )  # fmt: skip
        steps = [first]
        for step in self.record["steps"]:
            if step["rolled_back"]:
                continue
            steps.append(_step(step, change))
        return steps

    def batch_rows(self) -> list[Json]:
        """The batch sizes that were measured, of both models."""
        return [row for row in (self.batches or {}).get("batches", ()) if row["b"] is not None]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector report -o FILE.json``."""
        contents = {
            "models": list(self.names),
            "created": self.created,
            "verdict": self.verdict,
            "figures": [figure.to_dict() for figure in figures(self)],
            "describe": [dict(facts) for facts in self.facts],
            "diff": dict(self.diff),
            "compare": None if self.comparison is None else dict(self.comparison),
            "benchmark": None if self.latency is None else dict(self.latency),
            "benchmark_batches": None if self.batches is None else dict(self.batches),
            "record": None if self.record is None else dict(self.record),
            "rows_from": self.rows_from,
            "not_checked": list(self.not_checked),
            "machine": dict(self.machine),
            "command": self.command,
            "python": self.python,
        }
        return stamped(contents)


def _step(step: Json, change: int) -> Size:
    size, nodes = step["bytes"], step["nodes"]
    return Size(
        name=step["call"],
        bytes_before=size["before"],
        bytes_after=size["after"],
        nodes_before=nodes["before"],
        nodes_after=nodes["after"],
        share=_share(size["before"] - size["after"], change),
        check=(step.get("check") or {}).get("status", ""),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
