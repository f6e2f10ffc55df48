"""Limits of a comparison: what a gate for continuous integration asks for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from inspector.printing.short_record import ShortRecord

Name = Literal["max_difference", "min_agreement", "min_accuracy", "max_bytes", "max_latency_ratio"]


@dataclass(frozen=True, repr=False)
class Limit(ShortRecord):
    """One limit of a comparison or search, and what was measured.

    Attributes:
        name: One of `Name`.
        limit: The bound.
        value: What was measured; None could not be measured, and meets no limit.
    """

    name: Name
    limit: float
    value: float | None

    @property
    def met(self) -> bool:
        """Whether the value is within the limit, which it may equal."""
        if self.value is None:
            return False
        if self.name.startswith("min_"):
            return self.value >= self.limit
        return self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "met": self.met}

    def __str__(self) -> str:
        form = ",.0f" if self.name == "max_bytes" else ".6g"
        value = "not comparable" if self.value is None else format(self.value, form)
        state = "met" if self.met else "NOT MET"
        return f"{self.name} {format(self.limit, form)}: {value}, {state}"
