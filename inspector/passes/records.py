"""The record of a run: what each transform changed and skipped, and how its check ended.

Source of the JSON form: docs/record.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from inspector.errors import InspectorError, from_dict
from inspector.graph.edit import Change, Skip
from inspector.graph.graph import Graph
from inspector.printing import listing
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.text import rounded_size, shorten

LISTED = 10_000
"""Nodes per list in the JSON form; the counts next to it are always complete."""

_NAMED = 8
"""Steps that a sentence names."""

Status = Literal["equal", "within", "violated", "unchecked"]
"""Bitwise equal; within the declared tolerance; beyond it, or broken; not checked."""


@dataclass(frozen=True, repr=False)
class Difference(ShortRecord):
    """Compares one fetched tensor before and after a step, on the same feeds.

    Attributes:
        name: The tensor.
        equal: Bitwise equal.
        max_abs: The largest absolute difference; of numbers only.
        max_rel: `max_abs` divided by the largest absolute value before the step.
        whole: True for integers and strings: differing rows are counted instead.
        changed: Rows that differ (integers, strings), or whose largest value is elsewhere.
        rows: Rows in all.
        why: A violation that the numbers do not show: NaN, another shape, another dtype.
    """

    name: str
    equal: bool
    max_abs: float | None = None
    max_rel: float | None = None
    changed: int = 0
    rows: int = 0
    whole: bool = False
    why: str = ""


@dataclass(frozen=True, repr=False)
class Verdict(ShortRecord):
    """The result of checking a step against its declared effect on fetched values.

    Attributes:
        status: ``equal``, ``within`` the tolerance, ``violated`` or ``unchecked``.
        why: The reason for ``violated`` or ``unchecked``, in one sentence; for the others, which
            outputs were not compared.
        tolerance: The `max_rel` that the declared effect allows; None if it promises nothing.
        outputs: One entry per fetched tensor.
    """

    status: Status
    why: str = ""
    tolerance: float | None = None
    outputs: tuple[Difference, ...] = ()

    @property
    def unsettled(self) -> bool:
        """True where the step, or one of its outputs, was not compared."""
        return self.status == "unchecked" or (self.status != "violated" and bool(self.why))

    @property
    def max_abs(self) -> float | None:
        """The largest absolute difference of all fetches; None if none is known."""
        return max((d.max_abs for d in self.outputs if d.max_abs is not None), default=None)

    @property
    def max_rel(self) -> float | None:
        """The largest relative difference of all fetches; None if none is known."""
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
"""Called with the graph before a step, the graph after it, and the declared effect."""


@dataclass(repr=False)
class Step:
    """The record of one transform.

    Attributes:
        name: The transform.
        call: The transform and its arguments as text.
        effect: What it promises about the outputs: ``exact``, ``rounding``, ``lossy`` or
            ``unchecked``.
        seconds: Wall-clock time of the pass itself.
        nodes_before, nodes_after, bytes_before, bytes_after: Of the graph.
        ops_before, ops_after: Nodes per op, most frequent first.
        modified: Anything differs, if only the order of nodes.
        changed: Changed nodes, each with its sources and the rule.
        skipped: Nodes that the transform matched but did not change, with the reason.
        changes, skips: Complete counts; the lists may be cut.
        warnings: One sentence each, e.g. about unknown arguments.
        error: Why the step failed and was skipped; None if it ran.
        check: The result of the check; None without a check.
        rolled_back: True if the run went on with the graph from before this step. Figures and
            lists are still those of the step.
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

    def __repr__(self) -> str:
        sizes = f"{rounded_size(self.bytes_before)} -> {rounded_size(self.bytes_after)}"
        verdict = "" if self.check is None else f", {self.check.status}"
        nodes = f"{self.nodes_before:,} -> {self.nodes_after:,} nodes"
        return f"<Step {shorten(self.call)}: {nodes}, {sizes}{verdict}>"

    def _repr_html_(self) -> str:
        return html(listing.steps([self.to_dict()]))

    @property
    def violated(self) -> bool:
        """True if the check found values beyond the declared effect."""
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


def not_checked(steps: Sequence[Step]) -> list[str]:
    """One sentence for each reason why steps, or outputs of them, were not compared."""
    names: dict[str, list[str]] = {}
    for step in steps:
        if step.check is not None and step.check.unsettled:
            names.setdefault(step.check.why, []).append(step.name)
    return [f"{_listed(some, len(steps))}: {why}" for why, some in names.items()]


def _listed(names: list[str], total: int) -> str:
    if len(names) == total > 1:
        return "all steps"
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return ", ".join(unique[:_NAMED]) + more


def steps_from(rows: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps from their JSON form, with lists as long as there."""
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
