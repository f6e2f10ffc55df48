"""Where two models part: how far the values of paired nodes are apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspector.analysis.tensor_errors import TensorError
from inspector.measurement.json_types import BlameJson, NodeErrorJson
from inspector.printing import differences_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import shorten

_MILDNESS = {"lossy": 0, "unchecked": 1, "rounding": 2, "exact": 3}
"""Effects of transforms; what changes values most comes first."""
TOLERANCE = 1e-4
"""A part of a tensor's largest value: what other kernels and another order of sums may change."""


@dataclass(frozen=True, repr=False)
class NodeError(ShortRecord):
    """A node of A, its partner in B, and how far its values are apart.

    Attributes:
        before, after: Names of the node and of its partner.
        op: Of the node.
        by: ``name`` or ``structure``, how the two were paired.
        accumulated: In a run of both models on the same rows.
        local: Of B's node alone, and of nodes before it that A lacks, fed A's values; None where
            it cannot be run alone, as an operator of TFLite that reads a resource.
    """

    before: str
    after: str
    op: str
    by: str
    accumulated: TensorError
    local: TensorError | None = None

    @classmethod
    def from_dict(cls, data: NodeErrorJson) -> NodeError:
        """From its JSON."""
        local = None if data["local"] is None else TensorError.from_dict(data["local"])
        accumulated = TensorError.from_dict(data["accumulated"])
        return cls(data["before"], data["after"], data["op"], data["by"], accumulated, local)

    def differs(self, tolerance: float) -> bool:
        """Whether the node itself makes a difference."""
        if not self.accumulated.exceeds(tolerance):
            return False
        return self.local is None or self.local.exceeds(tolerance)

    def to_dict(self) -> NodeErrorJson:
        """As JSON."""
        return {
            "before": self.before,
            "after": self.after,
            "op": self.op,
            "by": self.by,
            "accumulated": self.accumulated.to_dict(),
            "local": None if self.local is None else self.local.to_dict(),
        }


@dataclass(frozen=True, repr=False)
class Blame:
    """Where B's values leave those of A.

    Attributes:
        first: The first node, in the order of A, that differs by itself: its local error is above
            the tolerance, or where that is not known its accumulated one. None where none differs.
        first_not_finite: The first node with a NaN or infinity that A does not have.
        causes: What differs at `first`: the node itself, constants that it reads, and nodes of one
            model alone right before it; each with what differs, e.g. ``attr:value``.
        step: The call of the step that changed one of these; None where no step names them.
        nodes: What was compared, in the order of A.
        not_compared: Nodes of A whose values could not be had.
    """

    first: NodeError | None
    first_not_finite: NodeError | None
    causes: dict[str, list[str]]
    step: str | None
    nodes: list[NodeError]
    not_compared: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        first = "no node differs" if self.first is None else shorten(self.first.before)
        return f"<Blame: {first}, {len(self.nodes):,} nodes compared>"

    def _repr_html_(self) -> str:
        return html(differences_text.blame(self.to_dict()))

    @classmethod
    def from_dict(cls, data: BlameJson, step: str | None = None) -> Blame:
        """From the JSON of a worker."""
        first, broken = (
            None if item is None else NodeError.from_dict(item)
            for item in (data["first"], data["first_not_finite"])
        )
        nodes = [NodeError.from_dict(item) for item in data["nodes"]]
        return cls(first, broken, data["causes"], step, nodes, data["not_compared"])

    def to_dict(self) -> dict[str, Any]:
        """The JSON under ``blame`` of ``inspector compare --blame``."""
        return stamped(
            {
                "first": None if self.first is None else self.first.to_dict(),
                "first_not_finite": (
                    None if self.first_not_finite is None else self.first_not_finite.to_dict()
                ),
                "causes": self.causes,
                "step": self.step,
                "nodes": [item.to_dict() for item in self.nodes],
                "not_compared": self.not_compared,
            }
        )


def step_of(steps: Iterable[Mapping[str, Any]], blame: BlameJson) -> str | None:
    """The call of the step that changed the first node that differs, or what differs there.

    Several often touch the same nodes: then it is the first lossy one, else the first that is not
    checked, else one that rounds, else an exact one.

    Args:
        steps: The records as JSON: ``call``, ``effect``, ``rolled_back``, ``changed``.
    """
    first = blame["first"]
    names = set(blame["causes"]) | ({first["before"], first["after"]} if first else set())
    touching = [
        step
        for step in steps
        if not step["rolled_back"]
        and any(
            names.intersection((change["name"], *change["sources"])) for change in step["changed"]
        )
    ]
    touching.sort(key=lambda step: _MILDNESS.get(step["effect"], 0))
    return str(touching[0]["call"]) if touching else None


def parts(sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Ranges of items whose sizes add up to at most `most`; a larger item is alone."""
    ranges: list[tuple[int, int]] = []
    start = total = 0
    for at, size in enumerate(sizes):
        if at > start and total + size > most:
            ranges.append((start, at))
            start, total = at, 0
        total += size
    return [*ranges, (start, len(sizes))] if sizes else []
