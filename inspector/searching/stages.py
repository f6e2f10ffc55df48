"""The stages of a search: make all candidates, compare their answers, time those within limits.

Each candidate is made and compared in a process of its own, so that one that ends its process is
one row of the table. The answers of these jobs are kept in the workspace under a hash of model and
pipeline: a search that was stopped goes on where it ended. Times are measured anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from inspector.errors import BadFeed, InspectorError, JobCancelled, UnsupportedModel
from inspector.formats.tflite.quantisation_report import SensitivityAnswer
from inspector.jobs.client import quantisation
from inspector.jobs.job import JobResult
from inspector.jobs.result_files import SAVED_MODEL
from inspector.jobs.result_files import TFLITE as TFLITE_FILE
from inspector.jobs.store.workspace import ModelKey
from inspector.jobs.tasks.side_types import BenchmarkAnswer, CompareAnswer
from inspector.measurement import grades, rounds
from inspector.optimisation.feed_source import FeedsJson, PackedFeeds
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.tflite.quantise_options import QuantiseOptions
from inspector.searching import dominance
from inspector.searching.candidates import FLOAT, TFLITE, Candidate, candidates
from inspector.searching.job_batch import Asker
from inspector.searching.outcome import Measured, SearchResult, with_best

Report = Callable[[float | None, str], None]

_SPARED = 10
"""One of so many operators stays float32, see `Candidate.spares_worst`."""
_GROUP = 5
"""Candidates that are compared in one process."""
_MADE, _COMPARED, _TIMED = 0.5, 0.75, 0.9
"""Shares of the progress bar at the end of the stages."""


@dataclass(frozen=True)
class Setup:
    """What to search for.

    Attributes:
        name: Of the model, for people.
        base: The frozen model as a SavedModel, or a TFLite model, in the workspace.
        feeds: Rows to compare answers on; their bytes are in `blobs`, beside those of labels.
        limits, classes: As in `compare`, the limits by name.
        tolerance: See `dominance.order`.
        budget_s: Seconds for each of the two rounds of timing.
    """

    name: str
    base: ModelKey
    is_lite: bool
    feeds: FeedsJson | PackedFeeds
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    limits: Mapping[str, float] = field(default_factory=dict)
    classes: list[str] | None = None
    tolerance: float = dominance.TOLERANCE
    batch: int = 1
    budget_s: float = rounds.BUDGET_S

    @property
    def has_rows(self) -> bool:
        """Whether the rows are the user's, and not random ones."""
        return self.feeds["kind"] != "random"


class Search:
    """One search. `result` may be called by another thread while `run` works."""

    def __init__(self, setup: Setup, asker: Asker) -> None:
        self.setup = setup
        self._asker = asker
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._seconds: float | None = None
        self._is_stopped = False
        chosen = candidates(is_lite=setup.is_lite)
        self._measured = {candidate.name: Measured(candidate) for candidate in chosen}
        self._first = chosen[0].name
        self._put(self._first, self._as_given(self._measured[self._first]))

    def result(self) -> SearchResult:
        """What is known by now, the best of it marked."""
        with self._lock:
            measured = tuple(self._measured.values())
            seconds = self._seconds
        if seconds is None:
            seconds = time.monotonic() - self._start
        marked = with_best(measured, self.setup.tolerance)
        return SearchResult(self.setup.name, marked, seconds, self._is_stopped)

    def run(self, report: Report | None = None) -> None:
        """Run all stages. A search that is cancelled, or interrupted, keeps what it has.

        Raises: JobTimeout, WorkerUnavailable; what a run of the first candidate raises.
        """
        report = report or (lambda _fraction, _text: None)
        try:
            self._make(report)
            self._compare(report)
            self._time(report)
        except (KeyboardInterrupt, JobCancelled):
            self._is_stopped = True
        finally:
            self._seconds = time.monotonic() - self._start

    def _as_given(self, item: Measured) -> Measured:
        """The first candidate is the model that the search starts from."""
        setup = self.setup
        lease = self._asker.runner.workspace.lease(setup.base.path)
        return replace(item, path=setup.base.path, bytes=setup.base.bytes, lease=lease)

    def _make(self, report: Report) -> None:
        todo = {
            name: {
                "options": OptimiseOptions(transforms=item.candidate.transforms).to_json(),
                "to": item.candidate.to,
            }
            for name, item in self._measured.items()
            if name != self._first and item.candidate.quantise is None
        }
        for number, (name, answer) in enumerate(self._asker.each("candidate", todo, {})):
            report(_MADE * 0.6 * number / len(todo), f"made: {name}")
            self._put(name, self._with_file(self._measured[name], answer))
        self._quantise(report)

    def _quantise(self, report: Report) -> None:
        """Make the quantised candidates from the TFLite model of float32."""
        source = self._measured.get(FLOAT, self._measured[self._first])
        ready: list[Measured] = []
        for item in [item for item in self._measured.values() if item.candidate.quantise]:
            try:
                self._check(item.candidate, source)
                ready.append(item)
            except InspectorError as err:
                self._put(item.name, replace(item, error=str(err)))
        if not ready or source.path is None:
            return
        asker = replace(self._asker, model=self._as_model(source.path))
        report(_MADE * 0.6, "measured: sensitivity of each weight")
        ready = list(self._with_worst(ready, asker))
        for needs in (False, True):
            todo = {
                item.name: self._recipe_args(
                    QuantiseOptions(str(item.candidate.quantise), keep_nodes=item.keep), needs=needs
                )
                for item in ready
                if item.candidate.needs_samples is needs
            }
            blobs = self._rows() if needs else {}
            for name, answer in asker.each("quantised_candidate", todo, blobs):
                report(_MADE * 0.9, f"made: {name}")
                self._put(name, self._with_file(self._measured[name], answer))

    def _check(self, candidate: Candidate, source: Measured) -> None:
        """Raises: InspectorError for what cannot be quantised, before anything runs."""
        options = QuantiseOptions(str(candidate.quantise))
        if candidate.needs_samples and not self.setup.has_rows:
            why = f"the recipe {candidate.quantise} measures ranges on rows like those the model "
            why += "is used on: give some as the feeds (--feeds, feeds= in Python)"
            raise BadFeed(self.setup.name, "feeds", why)
        quantisation.check(self.setup.name, options, {} if candidate.needs_samples else None)
        if source.path is None:
            why = f"is made from {FLOAT}, which could not be made"
            raise UnsupportedModel(self.setup.name, candidate.name, why)

    def _as_model(self, path: Path) -> ModelKey:
        """A TFLite model of the workspace as one that jobs read, and whose answers are kept."""
        if path == self.setup.base.path:
            return self.setup.base
        runner = self._asker.runner
        key = runner.workspace.add_folder(path)
        runner.policy.allow_derived(key, self.setup.base)
        return key

    def _with_worst(self, items: Sequence[Measured], asker: Asker) -> Iterator[Measured]:
        """The candidates, with the operators that stay float32; without those that fail."""
        recipes = {str(item.candidate.quantise) for item in items if item.candidate.spares_worst}
        args = {
            recipe: self._recipe_args(QuantiseOptions(recipe), needs=True)
            for recipe in sorted(recipes)
        }
        answers = dict(asker.each("candidate_sensitivity", args, self._rows()))
        for item in items:
            answer = answers.get(str(item.candidate.quantise))
            if not item.candidate.spares_worst or answer is None:
                yield item
            elif isinstance(answer, InspectorError):
                self._put(item.name, replace(item, error=str(answer)))
            else:
                value = cast("SensitivityAnswer", answer.value)
                measured = quantisation.sensitivity_of(str(item.candidate.quantise), value)
                worst = measured.worst(max(1, len(measured.layers) // _SPARED))
                spared = replace(item, keep=tuple(worst))
                self._put(item.name, spared)
                yield spared

    def _recipe_args(self, options: QuantiseOptions, *, needs: bool) -> dict[str, Any]:
        """The arguments of a job that quantises.

        Args:
            needs: It runs the model, for which random rows are worse than those of the user.
        """
        feeds = self.setup.feeds if needs and self.setup.has_rows else None
        return {"name": self.setup.name, "options": options.to_json(), "feeds": feeds}

    def _rows(self) -> dict[str, bytes]:
        """The blob with the rows of the user, if there is one."""
        return {name: blob for name, blob in self.setup.blobs.items() if name == "feeds"}

    def _with_file(self, item: Measured, answer: JobResult | InspectorError) -> Measured:
        if isinstance(answer, InspectorError):
            return replace(item, error=str(answer))
        assert answer.folder is not None
        path = answer.folder / (TFLITE_FILE if item.candidate.to == TFLITE else SAVED_MODEL)
        lease = self._asker.runner.workspace.lease(answer.folder)
        return replace(item, path=path, bytes=answer.value["bytes"], lease=lease)

    def _compare(self, report: Report) -> None:
        """Compare the answers of all that was made with those of the first candidate.

        Several are compared in one process, where the first one runs once. If that fails, each is
        compared alone. The first one is compared with itself, too: what fails there is no
        candidate's fault.
        """
        names = [item.name for item in self._measured.values() if item.path is not None]
        groups = [names[start : start + _GROUP] for start in range(0, len(names), _GROUP)]
        failed: list[list[str]] = []
        for group, answer in self._compared(groups, report):
            if isinstance(answer, InspectorError):
                failed += [[name] for name in group]
        for (name,), answer in self._compared(failed, report):
            if isinstance(answer, InspectorError):
                if name == self._first:
                    raise answer
                self._put(name, replace(self._measured[name], error=str(answer)))

    def _compared(
        self, groups: Sequence[list[str]], report: Report
    ) -> Iterator[tuple[list[str], JobResult | InspectorError]]:
        """Compare each group in a process, and take the figures of those that succeed."""
        if not groups:
            return
        extra = {"tolerance": grades.TOLERANCE, "classes": self.setup.classes, "batch": None}
        args = {str(number): self._sides(group) | extra for number, group in enumerate(groups)}
        kind = self._kind("compare")
        for count, (number, answer) in enumerate(self._asker.each(kind, args, self.setup.blobs)):
            group = groups[int(number)]
            share = count / len(groups)
            report(_MADE + (_COMPARED - _MADE) * share, f"compared: {', '.join(group)}")
            if not isinstance(answer, InspectorError):
                value = cast("CompareAnswer", answer.value)
                for name, side in zip(group, value["sides"], strict=True):
                    self._put(name, self._measured[name].compared(side))
            yield group, answer

    def _time(self, report: Report) -> None:
        """Time those within limits against the first one; then those that may be best once more."""
        self._benchmark(self._open(), report, _COMPARED)
        rivals = [item.point() for item in self._complete()]
        last = [
            item
            for item in self._open()
            if not dominance.is_certainly_beaten(item.point(), rivals, self.setup.tolerance)
        ]
        self._benchmark(last, report, _TIMED)

    def _benchmark(self, items: Sequence[Measured], report: Report, done: float) -> None:
        names = [item.name for item in items]

        def progress(fraction: float | None, text: str) -> None:
            report(done + (1 - done) / 2 * (fraction or 0.0), f"timed: {text}")

        try:
            answer = self._timed(names, progress)
        except JobCancelled:
            raise
        except InspectorError as err:
            if not names:
                raise
            if len(names) == 1:
                self._put(names[0], replace(items[0], error=str(err)))
                return
            for item in items:  # one of them ends the process of all
                self._benchmark([item], report, done)
            return
        for name, side in zip([self._first, *names], answer["sides"], strict=True):
            judgement = side["judgement"]
            interval = judgement["interval"]
            is_first = name == self._first
            self._put(
                name,
                replace(
                    self._measured[name],
                    p50_ms=side["times"]["p50_ms"],
                    ratio=1.0 if is_first else judgement["ratio"],
                    interval=(1.0, 1.0)
                    if is_first
                    else None
                    if interval is None
                    else (interval[0], interval[1]),
                ),
            )

    def _timed(self, names: Sequence[str], report: Report) -> BenchmarkAnswer:
        sides = self._sides(names)
        extra = {"threads": 1, "runs": None, "budget_s": self.setup.budget_s}
        kind, blobs = self._kind("benchmark"), self.setup.blobs
        feeds = self.setup.feeds
        if feeds["kind"] == "random":
            feeds = {**feeds, "batch": self.setup.batch}
        args = {**sides, **extra, "feeds": feeds, "batch": self.setup.batch}
        try:
            answer = self._asker.one(kind, args, blobs, report)
        except BadFeed:  # an input whose first dimension is fixed
            answer = self._asker.one(kind, {**args, "batch": None}, blobs, report)
        return cast("BenchmarkAnswer", answer.value)

    def _sides(self, names: Sequence[str]) -> dict[str, Any]:
        """The arguments of a job that runs the first candidate and others."""
        others = {name: str(self._measured[name].path) for name in names}
        return {
            "against": others,
            "sides": [{"name": "first"}, *({"name": name} for name in names)],
            "feeds": self.setup.feeds,
        }

    def _kind(self, kind: str) -> str:
        return f"{kind}_lite" if self.setup.is_lite else kind

    def _open(self) -> list[Measured]:
        """The others that were made and meet all limits that are known by now."""
        return [
            item
            for item in self._measured.values()
            if item.name != self._first and item.path is not None and item.is_within
        ]

    def _complete(self) -> list[Measured]:
        return [item for item in self._measured.values() if item.is_complete and item.is_within]

    def _put(self, name: str, item: Measured) -> None:
        with self._lock:
            self._measured[name] = item.judged(self.setup.limits)
