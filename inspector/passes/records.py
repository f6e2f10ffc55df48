"""The record of a run: what each transform did and left alone, and whether it kept its promise.

Source of the JSON form: docs/record.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from inspector.edit import Change, Skip
from inspector.errors import InspectorError, from_dict
from inspector.graph import Graph

LISTED = 10_000
"""Nodes that each list of the JSON form names; the counts beside it are always complete."""

Status = Literal["equal", "within", "violated", "unchecked"]
"""Equal bit by bit; as far apart as was declared; further apart, or broken; not known."""


@dataclass(frozen=True)
class Difference:
    """One fetched tensor, before a step and after it, on the same feeds.

    Attributes:
        max_abs, max_rel: The largest difference, as it is and as a share of the largest absolute
            value before; of numbers only.
        whole: Whole numbers or text: rows are counted, not differences measured.
        changed: How many rows differ (of text and whole numbers), or have their largest value in
            another place.
        why: What makes it a violation that no number says: NaN, another shape, another dtype.
    """

    name: str
    equal: bool
    max_abs: float | None = None
    max_rel: float | None = None
    changed: int = 0
    rows: int = 0
    whole: bool = False
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether a step kept what it declares about fetched values.

    Attributes:
        why: The reason of ``violated`` and ``unchecked``, in one sentence.
        tolerance: The `max_rel` that the declared effect allows; None where it promises nothing.
    """

    status: Status
    why: str = ""
    tolerance: float | None = None
    outputs: tuple[Difference, ...] = ()

    @property
    def max_abs(self) -> float | None:
        """The largest difference of all fetches; None where none is known."""
        return max((d.max_abs for d in self.outputs if d.max_abs is not None), default=None)

    @property
    def max_rel(self) -> float | None:
        """The same, as a share of the largest value."""
        return max((d.max_rel for d in self.outputs if d.max_rel is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "status": self.status,
            "why": self.why,
            "tolerance": self.tolerance,
            "max_abs": self.max_abs,
            "max_rel": self.max_rel,
            "outputs": [vars(item).copy() for item in self.outputs],
        }


Check = Callable[[Graph, Graph, str], Verdict]
"""Told the graph before a step, the one after it, and the declared effect."""


@dataclass
class Step:
    """The record of one transform.

    Attributes:
        call: The transform as text, with its arguments as given.
        seconds: Wall-clock time of the pass itself.
        ops_before, ops_after: Nodes per op, most frequent first.
        changed: Node by node, from what and by which rule.
        skipped: Nodes it looked at and left alone, with the reason.
        changes, skips: How many of these there are; the lists may have been cut.
        warnings: One sentence each, e.g. on arguments it does not know.
        error: Why it failed and was passed over; None where it ran.
        check: Whether fetched values are what was declared; None where nobody asked.
        rolled_back: The graph went on as it was before this step. The figures and lists are those
            of the step; what follows starts from ``before``.
    """

    name: str
    call: str
    effect: str
    seconds: float = 0.0
    nodes_before: int = 0
    nodes_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    ops_before: dict[str, int] = field(default_factory=dict)
    ops_after: dict[str, int] = field(default_factory=dict)
    modified: bool = False
    changed: tuple[Change, ...] = ()
    skipped: tuple[Skip, ...] = ()
    changes: int = 0
    skips: int = 0
    warnings: list[str] = field(default_factory=list)
    error: InspectorError | None = None
    check: Verdict | None = None
    rolled_back: bool = False

    @property
    def violated(self) -> bool:
        """True if it was checked and did not keep its promise."""
        return self.check is not None and self.check.status == "violated"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, for ``--record`` and the pages."""
        return {
            "name": self.name,
            "call": self.call,
            "effect": self.effect,
            "seconds": self.seconds,
            "nodes": {"before": self.nodes_before, "after": self.nodes_after},
            "bytes": {"before": self.bytes_before, "after": self.bytes_after},
            "op_counts": {"before": self.ops_before, "after": self.ops_after},
            "modified": self.modified,
            "counts": {"changed": self.changes, "skipped": self.skips},
            "changed": [
                {
                    "name": change.name,
                    "kind": change.kind,
                    "op": change.op,
                    "rule": change.rule,
                    "sources": list(change.sources),
                }
                for change in self.changed[:LISTED]
            ],
            "skipped": [{"name": skip.name, "why": skip.why} for skip in self.skipped[:LISTED]],
            "note": _note(self.changes, self.skips),
            "warnings": list(self.warnings),
            "error": None if self.error is None else self.error.to_dict(),
            "check": None if self.check is None else self.check.to_dict(),
            "rolled_back": self.rolled_back,
        }


def steps_from(rows: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps from their JSON form; lists that were cut there stay so."""
    return tuple(map(_step_from, rows))


def _step_from(row: Mapping[str, Any]) -> Step:
    check = row["check"]
    return Step(
        row["name"],
        row["call"],
        row["effect"],
        row["seconds"],
        row["nodes"]["before"],
        row["nodes"]["after"],
        row["bytes"]["before"],
        row["bytes"]["after"],
        row["op_counts"]["before"],
        row["op_counts"]["after"],
        row["modified"],
        tuple(Change(**{**item, "sources": tuple(item["sources"])}) for item in row["changed"]),
        tuple(Skip(**item) for item in row["skipped"]),
        row["counts"]["changed"],
        row["counts"]["skipped"],
        list(row["warnings"]),
        None if row["error"] is None else from_dict(row["error"]),
        None if check is None else _verdict_from(check),
        row["rolled_back"],
    )


def _verdict_from(row: Mapping[str, Any]) -> Verdict:
    outputs = tuple(Difference(**item) for item in row["outputs"])
    return Verdict(row["status"], row["why"], row["tolerance"], outputs)


def _note(changes: int, skips: int) -> str:
    cut = [
        f"{LISTED:,} of {count:,} nodes {what}"
        for count, what in ((changes, "changed"), (skips, "left alone"))
        if count > LISTED
    ]
    return f"listed are {' and '.join(cut)}" if cut else ""
