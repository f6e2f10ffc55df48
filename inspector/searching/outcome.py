"""What a search has measured: figures of each candidate, and the best of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, cast

from inspector import formats
from inspector.errors import MissingFile
from inspector.files import storing
from inspector.jobs.store.entries import Lease
from inspector.jobs.tasks.side_types import ComparedSideJson
from inspector.measurement.limits import Limit
from inspector.model.model import Model
from inspector.printing import differences_text
from inspector.printing.short_record import ShortRecord
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.searching import dominance
from inspector.searching.candidates import TFLITE, Candidate
from inspector.searching.dominance import Point
from inspector.text import count, shorten

_RECORD = "search.json"


@dataclass(frozen=True, repr=False)
class Measured(ShortRecord):
    """A candidate with its figures; None where they are not known yet, or cannot be.

    Attributes:
        candidate: The pipeline: name, transforms, format, recipe.
        path: The SavedModel's folder or the TFLite file, in the workspace.
        bytes: Of its files.
        ratio, interval: Of its latency to the first candidate's, with its 99 % interval.
        p50_ms: The median of its steady runs.
        difference: The largest of any real value of any output.
        relative: The same as a share of the output's largest value.
        agreement: The smallest share of rows with the same top-1 entry.
        accuracy: Share of right rows, with labels.
        is_compared: Its answers were compared.
        keep: Operators of a quantised model that stay float32.
        limits: Those that were asked for, as far as the figures are known.
        is_best: Marked as one of the best.
        error: Why it could not be made, run or timed.
        lease: Keeps its files in the workspace.
    """

    candidate: Candidate
    path: Path | None = None
    bytes: int | None = None
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    p50_ms: float | None = None
    difference: float | None = None
    relative: float | None = None
    agreement: float | None = None
    accuracy: float | None = None
    is_compared: bool = False
    keep: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    is_best: bool = False
    error: str | None = None
    lease: Lease | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """That of the candidate."""
        return self.candidate.name

    @property
    def is_within(self) -> bool:
        """Whether it works, and meets the limits whose figures are known."""
        return self.error is None and all(limit.met for limit in self.limits)

    @property
    def is_complete(self) -> bool:
        """Whether size and answers are known; the latency may not be."""
        return self.error is None and self.bytes is not None and self.is_compared

    def compared(self, side: ComparedSideJson) -> Measured:
        """With the figures of a comparison."""
        outputs = list(side["outputs"].values())
        reals = [item for item in outputs if not item["is_whole"]]
        agreements = [item["argmax_equal"] for item in outputs if item["argmax_equal"] is not None]
        broken = [key for key, item in side["outputs"].items() if item["why"]]
        finite = all(item["non_finite"][0] == item["non_finite"][1] for item in outputs)
        comparable = finite and not broken
        error = None
        if side["missing"]:
            error = f"has no output like {', '.join(side['missing'])}"
        elif broken:
            error = f"{broken[0]}: {side['outputs'][broken[0]]['why']}"
        elif not finite:
            error = "gives NaN or infinity where the first candidate does not"
        return replace(
            self,
            difference=max((item["max_abs"] or 0.0 for item in reals), default=0.0)
            if comparable
            else None,
            relative=max((item["max_rel"] or 0.0 for item in reals), default=0.0)
            if comparable
            else None,
            agreement=min(agreements, default=None),
            accuracy=None if side["accuracy"] is None else side["accuracy"]["b"],
            is_compared=True,
            error=error or self.error,
        )

    def judged(self, limits: Mapping[str, float]) -> Measured:
        """With the limits that can be judged by now.

        Args:
            limits: By name.
        """
        values: dict[str, float | None] = {"max_bytes": self.bytes}
        if self.is_compared:
            values |= {
                "max_difference": self.difference,
                "min_agreement": self.agreement,
                "min_accuracy": self.accuracy,
            }
        values["max_latency_ratio"] = self.ratio
        skip = {name for name in ("max_bytes", "max_latency_ratio") if values[name] is None}
        judged = tuple(
            Limit(cast("Any", name), limit, values[name])
            for name, limit in limits.items()
            if name in values and name not in skip
        )
        return replace(self, limits=judged)

    def point(self) -> Point:
        """Its place among the others; needs size and answers."""
        assert self.bytes is not None
        return Point(
            self.name,
            self.bytes,
            self.interval,
            self.relative or 0.0,
            self.candidate.complexity,
        )

    def to_dict(self) -> dict[str, Any]:
        """An entry of ``candidates`` in the JSON of ``inspector search``."""
        return {
            "name": self.name,
            "transforms": self.candidate.transforms,
            "to": self.candidate.to,
            "quantise": self.candidate.quantise,
            "keep": list(self.keep),
            "bytes": self.bytes,
            "latency_ratio": self.ratio,
            "interval": None if self.interval is None else list(self.interval),
            "max_difference": self.difference,
            "argmax_equal": self.agreement,
            "accuracy": self.accuracy,
            "within_limits": self.is_complete and self.is_within,
            "best": self.is_best,
            "error": self.error,
        }


@dataclass(frozen=True, repr=False)
class SearchResult:
    """The candidates of a search, the one that all are compared with first.

    Attributes:
        model_name: Of the model that was searched.
        measured: All candidates with their figures.
        seconds: What the search took.
        is_stopped: It was stopped before the end; the same call goes on from there.
    """

    model_name: str
    measured: tuple[Measured, ...]
    seconds: float
    is_stopped: bool = False

    def __repr__(self) -> str:
        best = ", ".join(self.best) or "none within the limits"
        many = count(len(self.measured), "candidate")
        return f"<SearchResult of {shorten(self.model_name)}: {many}, best: {best}>"

    def _repr_html_(self) -> str:
        return html(differences_text.search(self.to_dict()))

    @property
    def baseline(self) -> Measured:
        """The candidate that all are compared with: the frozen model, or the TFLite model."""
        return self.measured[0]

    @property
    def best(self) -> list[str]:
        """The names of the best, at most five."""
        return [item.name for item in self.measured if item.is_best]

    def model(self, name: str) -> Model:
        """Open a candidate.

        Raises: MissingFile where there is none of this name, or it could not be made.
        """
        path = next((item.path for item in self.measured if item.name == name), None)
        if path is None:
            ready = ", ".join(item.name for item in self.measured if item.path is not None)
            raise MissingFile("search", name, f"no such candidate was made; there are {ready}")
        return formats.open_model(path)

    def save(self, path: str | PathLike[str], *, force: bool = False) -> list[Path]:
        """Write the best to a folder, each as a SavedModel or a TFLite file, and ``search.json``.

        Args:
            force: Overwrite an existing folder.
        Returns: The models that were written.
        Raises: OutputExists; MissingFile where there is none.
        """
        chosen = [item for item in self.measured if item.is_best and item.path is not None]
        if not chosen:
            raise MissingFile("search", self.model_name, "no candidate is within the limits")
        path = Path(path).expanduser().absolute()
        names = [_file_name(item.candidate) for item in chosen]
        with storing.new_folder(path, force=force) as folder:
            for item, name in zip(chosen, names, strict=True):
                assert item.path is not None
                copy = shutil.copytree if item.path.is_dir() else shutil.copyfile
                copy(item.path, folder / name)
            text = json.dumps(self.to_dict(), indent=1)
            (folder / _RECORD).write_text(f"{text}\n", encoding="utf-8")
        return [path / name for name in names]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``inspector search``."""
        first = self.baseline
        return stamped(
            {
                "baseline": {"name": first.name, "bytes": first.bytes, "p50_ms": first.p50_ms},
                "candidates": [item.to_dict() for item in self.measured],
                "best": self.best,
                "stopped": self.is_stopped,
                "seconds": self.seconds,
            }
        )


def with_best(measured: Sequence[Measured], tolerance: float) -> tuple[Measured, ...]:
    """The candidates with the best of those within the limits marked."""
    points = [item.point() for item in measured if item.is_complete and item.is_within]
    best = {point.name for point in dominance.best(points, tolerance)} if points else set()
    return tuple(replace(item, is_best=item.name in best) for item in measured)


def _file_name(candidate: Candidate) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", candidate.name.lower()).strip("_")
    return f"{stem}.tflite" if candidate.to == TFLITE else stem
