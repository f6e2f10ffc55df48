"""`inspector.sweep`: one list of transforms on many models."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inspector import settings
from inspector.errors import (
    BadParameter,
    InspectorError,
    JobCancelled,
    JobError,
    JobFailed,
    MissingPackage,
    WorkerUnavailable,
    WorkspaceError,
)
from inspector.jobs.client.ask import Deadline
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job, JobResult
from inspector.jobs.requests import REQUESTS
from inspector.jobs.result_files import RESULTS
from inspector.jobs.runner import LocalRunner
from inspector.jobs.store import manifest
from inspector.jobs.tasks.sweeping.sweep_types import SweepAnswer
from inspector.optimisation.optimise import transforms_of
from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions
from inspector.passes import pipeline
from inspector.passes.parser import format_calls
from inspector.sweeping.model_list import Source, sources_of
from inspector.sweeping.results_folder import ResultsFolder
from inspector.sweeping.swept import DONE, FAILED, NOT_RUN, SweepResult, Swept
from inspector.text import count
from inspector.version import __version__

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress, Transforms

FORMATS = ("saved_model", "graphdef", "tflite")
MOST_JOBS = 1000
_KIND = "sweep"
_WATCH_S = 0.1
_TRIED_AGAIN = (JobError, MissingPackage, WorkspaceError)
"""Errors of the machine rather than of the model: the next run tries again."""


@dataclass(frozen=True)
class _Plan:
    """What is made of every model."""

    options: OptimiseOptions
    to: str

    def key(self, source: Source) -> str:
        """A hash of model, options and version: while it is the same, so is the result."""
        return manifest.hash_of([source.key, self.options.to_json(), self.to, __version__])

    def args(self, source: Source) -> dict[str, Any]:
        args = {"path": str(source.place), "options": self.options.to_json(), "to": self.to}
        return {**args, "part": source.part} if source.part else args


def sweep(
    models: Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    transforms: Transforms | None = None,
    preset: str | None = None,
    *,
    to: str = "saved_model",
    check: bool = False,
    jobs: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    timeout: float | None = None,
) -> SweepResult:
    """Freeze and transform many models in workers, and write results and a report.

    A second call with the same folder does only what is missing or has changed: models are known by
    the content of their files. It tries again where the machine was at fault, and not the model.

    Args:
        models: Paths of models; a folder of several stands for each of them.
        out: A folder that is new or from an earlier sweep: for each model a folder with its result
            and ``record.json``, then ``report.html`` and ``results.csv``.
        transforms, preset: As in `optimise`.
        to: ``saved_model``, ``graphdef`` or ``tflite``.
        check: Run each graph before and after each transform, as in `optimise`.
        jobs: Models at once; by default one per core, or one per thread of the cluster.
        force: Do all of them anew.
        progress: Called in this thread with the share of the models that are done, and a text.
        cancelled: True stops the sweep; the same call goes on from there.
        timeout: Seconds for each model, in place of 900.
    Returns: ``models``, ``done``, ``failed``, ``report``; one that fails stops no other.
    Raises: BadParameter, TransformError, OutputExists, MissingFile before work starts;
        LimitExceeded for a folder of a hundred models, UnsupportedModel for a URL;
        WorkerUnavailable where no job can be run, after the report of what is done.
    """
    start = time.monotonic()
    plan = _plan(transforms, preset, to, check=check)
    if not (jobs is None or 1 <= jobs <= MOST_JOBS):
        raise BadParameter("sweep", "jobs", f"takes a whole number from 1 to {MOST_JOBS:,}")
    Deadline.after(timeout)
    if not models:
        raise BadParameter("sweep", "models", "names no model")
    sources = sources_of([os.fspath(model) for model in models])
    work = _Sweep(plan, sources, ResultsFolder(Path(out).expanduser().absolute()), timeout)
    try:
        if not force:
            work.look_up()
        with _runner(jobs) as runner:
            work.run(
                runner, jobs or MOST_JOBS, progress or (lambda _fraction, _text: None), cancelled
            )
    finally:
        result = work.result(time.monotonic() - start)
        work.folder.report(result, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    return result


def _plan(transforms: Transforms | None, preset: str | None, to: str, *, check: bool) -> _Plan:
    """Raises: BadParameter; TransformError."""
    if to not in FORMATS:
        raise BadParameter("sweep", "to", f"takes {', '.join(FORMATS)}")
    text = transforms_of(OptimiseOptions(transforms=transforms, preset=preset))
    calls = [item.call for item in pipeline.plan(text)]
    options = OptimiseOptions(transforms=format_calls(calls), check=CheckOptions.of(check))
    return _Plan(options, to)


@contextlib.contextmanager
def _runner(jobs: int | None) -> Iterator[LocalRunner]:
    """The runner of this process, or one of its own for a number of jobs on this machine."""
    if jobs is None or settings.SCHEDULER():
        yield default_runner()
        return
    runner = LocalRunner(default_runner().workspace, max_jobs=jobs)
    runner.policy = default_runner().policy
    try:
        yield runner
    finally:
        runner.shutdown(wait=False)


class _Sweep:
    """One call. `models` has an entry for each source at any time."""

    def __init__(
        self, plan: _Plan, sources: Sequence[Source], folder: ResultsFolder, timeout: float | None
    ) -> None:
        self.folder = folder
        self._plan, self._timeout = plan, timeout
        self._sources = {source.path: source for source in sources}
        self._items = {it.path: Swept(it.path, NOT_RUN, it.folder) for it in sources}
        self._is_stopped = False
        for source in sources:
            if source.error is not None:
                self._items[source.path] = _failed(source, source.error)

    def look_up(self) -> None:
        """Take what earlier runs have done."""
        for path, source in self._sources.items():
            if source.key:
                stored = self.folder.stored(source.folder, self._plan.key(source), path)
                self._items[path] = stored or self._items[path]

    def result(self, seconds: float) -> SweepResult:
        """What is known by now."""
        return SweepResult(
            self.folder.path,
            tuple(self._items.values()),
            self._plan.options.to_json()["transforms"] or "",
            self._plan.to,
            seconds,
            self._is_stopped,
        )

    def run(
        self,
        runner: LocalRunner,
        most: int,
        progress: Progress,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        """Do what is not done, up to `most` at once. Raises: WorkerUnavailable."""
        todo = [self._sources[path] for path, item in self._items.items() if item.status == NOT_RUN]
        todo.reverse()
        running: dict[Job, Source] = {}
        try:
            while todo or running:
                while todo and len(running) < most:
                    source = todo.pop()
                    try:
                        running[self._submit(runner, source)] = source
                    except WorkerUnavailable:
                        raise
                    except InspectorError as err:
                        self._put(source, _failed(source, err), err)
                wait(running, timeout=_WATCH_S, return_when=FIRST_COMPLETED)
                for job in [job for job in running if job.done()]:
                    self._take(runner, running.pop(job), job)
                progress(*self._progress(running))
                if cancelled is not None and cancelled():
                    raise JobCancelled(_KIND, "job", "the sweep was stopped")
        except (KeyboardInterrupt, JobCancelled):
            self._is_stopped = True
        finally:
            for job in running:
                job.cancel()

    def _submit(self, runner: LocalRunner, source: Source) -> Job:
        limits = REQUESTS[_KIND].limits
        if (deadline := Deadline.after(self._timeout)) is not None:
            # Counted from the start of the job's process: a job that waits loses no time.
            of_job = deadline.limits(limits)
            limits = replace(of_job, wall_s=deadline.seconds)
        return runner.submit(_KIND, self._plan.args(source), limits=limits)

    def _take(self, runner: LocalRunner, source: Source, job: Job) -> None:
        """Store what a job gave. Raises: WorkerUnavailable, JobCancelled."""
        try:
            answer = job.result()
        except (WorkerUnavailable, JobCancelled):
            raise
        except InspectorError as err:
            self._put(source, _failed(source, err, job.run.seconds), err)
            return
        try:
            self._put(source, _done(source, answer), None, answer.folder)
        except JobFailed as err:
            self._put(source, _failed(source, err, answer.seconds), err)
        finally:
            if answer.folder is not None:
                runner.workspace.discard(answer.folder)

    def _put(
        self, source: Source, item: Swept, error: InspectorError | None, files: Path | None = None
    ) -> None:
        try:
            if not isinstance(error, _TRIED_AGAIN):
                self.folder.put(item, self._plan.key(source), files)
        except InspectorError as err:
            item = _failed(source, err)
        self._items[source.path] = item

    def _progress(self, running: dict[Job, Source]) -> tuple[float, str]:
        counts = [item.status for item in self._items.values()]
        done, failed = counts.count(DONE), counts.count(FAILED)
        text = f"{done + failed} of {count(len(counts), 'model')}"
        text += f", {failed} failed" if failed else ""
        names = [source.folder for job, source in running.items() if job.running()]
        return (done + failed) / len(counts), f"{text}: {', '.join(names[:3])}" if names else text


def _failed(source: Source, error: InspectorError, seconds: float = 0.0) -> Swept:
    return Swept(source.path, FAILED, source.folder, None, str(error), seconds)


def _done(source: Source, answer: JobResult) -> Swept:
    """Raises: JobFailed for the name of a result that no sweep gives, such as a path elsewhere."""
    value = cast("SweepAnswer", answer.value)
    if value["result"] not in RESULTS:
        why = "the answer is not of its type: its 'result' is missing or wrong"
        raise JobFailed(_KIND, "worker", why)
    return Swept(source.path, DONE, source.folder, value, None, answer.seconds)
