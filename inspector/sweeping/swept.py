"""What a sweep gives: an entry for each model, and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.jobs.tasks.sweeping.sweep_types import SweepAnswer
from inspector.printing import sweep_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import count

DONE, FAILED, NOT_RUN = "done", "failed", "not run"


@dataclass(frozen=True, repr=False)
class Swept(ShortRecord):
    """One model of a sweep.

    Attributes:
        path: As it was given.
        status: ``done``, ``failed`` or ``not run``.
        folder: Name of the folder of its result.
        answer: Its figures; None unless it is done.
        error: Why it failed, in one sentence.
        seconds: That the job took.
        is_kept: From an earlier run, as neither model nor options have changed.
    """

    path: str
    status: str
    folder: str
    answer: SweepAnswer | None = None
    error: str | None = None
    seconds: float = 0.0
    is_kept: bool = False

    def to_dict(self) -> dict[str, Any]:
        """An entry of ``models`` in the JSON of ``inspector sweep``."""
        answer = self.answer
        return {
            "path": self.path,
            "status": self.status,
            "folder": self.folder if answer else None,
            "result": f"{self.folder}/{answer['result']}" if answer else None,
            "format": answer["format"] if answer else None,
            "bytes": answer["bytes"] if answer else None,
            "result_bytes": answer["result_bytes"] if answer else None,
            "ratio": self.ratio,
            "nodes": answer["nodes"] if answer else None,
            "result_nodes": answer["result_nodes"] if answer else None,
            "check": _check(answer["check"]) if answer else None,
            "warnings": answer["warnings"] if answer else [],
            "notes": answer["notes"] if answer else [],
            "error": self.error,
            "seconds": self.seconds,
            "kept": self.is_kept,
        }

    @property
    def ratio(self) -> float | None:
        """Bytes of the model to those of the result; None where it has none."""
        if self.answer is None or not self.answer["result_bytes"]:
            return None
        return self.answer["bytes"] / self.answer["result_bytes"]


def _check(check: Mapping[str, Any] | None) -> str | None:
    """How the steps were checked, in a word."""
    if check is None:
        return None
    return "violated" if check["violated"] else "unchecked" if check["unchecked"] else "passed"


@dataclass(frozen=True, repr=False)
class SweepResult:
    """The models of a sweep, in the order in which they were given.

    Attributes:
        out: The folder with the results, ``report.html`` and ``results.csv``.
        models: Those that were named, with their results.
        transforms: The list of transforms, as one text.
        to: The format of the results.
        seconds: For the whole call.
        is_stopped: It was stopped before the end; the same call goes on from there.
    """

    out: Path
    models: tuple[Swept, ...]
    transforms: str
    to: str
    seconds: float
    is_stopped: bool = False

    def __repr__(self) -> str:
        many = count(len(self.models), "model")
        sums = f"{len(self.done)} done, {len(self.failed)} failed"
        return f"<SweepResult of {many}: {sums}>"

    def _repr_html_(self) -> str:
        return html(sweep_text.sweep(self.to_dict()))

    @property
    def done(self) -> tuple[Swept, ...]:
        """The models that have a result."""
        return tuple(item for item in self.models if item.status == DONE)

    @property
    def failed(self) -> tuple[Swept, ...]:
        """The models that failed, each with its sentence."""
        return tuple(item for item in self.models if item.status == FAILED)

    @property
    def report(self) -> Path:
        """The report as one HTML file."""
        return self.out / "report.html"

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector sweep``."""
        answers = [item.answer for item in self.done if item.answer is not None]
        return stamped(
            {
                "out": str(self.out),
                "transforms": self.transforms,
                "to": self.to,
                "models": [item.to_dict() for item in self.models],
                "done": len(self.done),
                "failed": len(self.failed),
                "not_run": len(self.models) - len(self.done) - len(self.failed),
                "kept": sum(item.is_kept for item in self.models),
                "bytes": sum(answer["bytes"] for answer in answers),
                "result_bytes": sum(answer["result_bytes"] for answer in answers),
                "stopped": self.is_stopped,
                "seconds": self.seconds,
            }
        )
