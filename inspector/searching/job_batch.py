"""Jobs that are all asked for at once and run side by side, as many as the runner allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from typing import Any

from inspector.errors import InspectorError, JobCancelled, JobTimeout, WorkerUnavailable
from inspector.jobs.client.ask import Deadline
from inspector.jobs.job import Job, JobResult
from inspector.jobs.requests import REQUESTS
from inspector.jobs.runner import LocalRunner
from inspector.jobs.store.workspace import ModelKey

_WATCH_S = 0.1


@dataclass(frozen=True)
class Asker:
    """Asks a runner for jobs that read one model.

    Attributes:
        session: That of the browser whose jobs they are, which a reload of its page changes; empty
            for the library.
        cancelled: Called ten times a second; True ends all jobs.
    """

    runner: LocalRunner
    model: ModelKey
    session: Callable[[], str] = str
    deadline: Deadline | None = None
    cancelled: Callable[[], bool] | None = None

    def one(
        self,
        kind: str,
        args: Mapping[str, Any],
        blobs: Mapping[str, bytes],
        report: Callable[[float | None, str], None] | None = None,
    ) -> JobResult:
        """The answer of one job. Raises: what the task raises; as `each`."""
        ((_, answer),) = self.each(kind, {"": args}, blobs, report)
        if isinstance(answer, InspectorError):
            raise answer
        return answer

    def each(
        self,
        kind: str,
        args: Mapping[str, Mapping[str, Any]],
        blobs: Mapping[str, bytes],
        report: Callable[[float | None, str], None] | None = None,
    ) -> Iterator[tuple[str, JobResult | InspectorError]]:
        """The answers of a job for each entry of `args`, or their errors, as they come.

        Args:
            report: Called with the progress of the first job that has some.
        Raises: JobCancelled where it is cancelled; JobTimeout after the deadline;
            WorkerUnavailable where no job can be run.
        """
        deadline = self.deadline
        limits = REQUESTS[kind].limits
        if deadline is not None:
            limits = replace(deadline.limits(limits), memory_per_byte=limits.memory_per_byte)
        names: dict[Job, str] = {}
        session = self.session()
        try:
            for name, item in args.items():
                job = self.runner.submit(
                    kind, item, blobs=blobs, model=self.model, limits=limits, session=session
                )
                names[job] = name
            while names:
                if session != (session := self.session()):
                    names = {joined(self.runner, job, session): name for job, name in names.items()}
                wait(names, timeout=_WATCH_S, return_when=FIRST_COMPLETED)
                for job in [job for job in names if job.done()]:
                    yield names.pop(job), _answer(job)
                latest = next((job.progress for job in names if job.progress[1]), None)
                if report is not None and latest is not None:
                    report(*latest)
                if self.cancelled is not None and self.cancelled():
                    raise JobCancelled(kind, "job", "the search was stopped")
                if deadline is not None and names and deadline.remaining <= 0:
                    raise deadline.passed("search")
        finally:
            for job in names:
                job.cancel()


def joined(runner: LocalRunner, job: Job, session: str) -> Job:
    """The job as one of another session, and no longer one of its own."""
    other = runner.join(job, session)
    job.cancel()
    return other


def _answer(job: Job) -> JobResult | InspectorError:
    """Raises: JobCancelled, WorkerUnavailable."""
    try:
        return job.result()
    except (JobCancelled, WorkerUnavailable):
        raise
    except JobTimeout as err:
        return JobTimeout(err.what, err.where, err.why)
    except InspectorError as err:
        return err
