"""Runs a job in a worker for the library or the command line, and waits for its answer."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from inspector.errors import BadParameter, JobTimeout
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job, JobResult
from inspector.jobs.requests import REQUESTS, Limits
from inspector.jobs.runner import LocalRunner

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress

MOST_S = 1_000_000.0
"""The longest timeout, in seconds."""

_log = logging.getLogger("inspector")
_FLAG = "--timeout (timeout= in Python)"
_WATCH_S = 0.1
_SLACK_S = 5.0
"""Seconds added to a worker's own limit, so that the deadline ends the job first."""


@dataclass(frozen=True)
class Deadline:
    """When all jobs of one call have to be done.

    Attributes:
        seconds: What the caller allowed, from the start of the call.
        end: On the clock of `time.monotonic`.
    """

    seconds: float
    end: float

    @classmethod
    def after(cls, seconds: float | None) -> Deadline | None:
        """A deadline from now on; None for None. Raises: BadParameter."""
        if seconds is None:
            return None
        if not 0 < seconds <= MOST_S:
            why = f"takes seconds above 0 and up to {MOST_S:,.0f}"
            raise BadParameter("timeout", f"{seconds:g}", why)
        return cls(seconds, time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds until then; negative after it."""
        return self.end - time.monotonic()

    def limits(self, usual: Limits) -> Limits:
        """The usual limits of a job, with the time until the deadline in place of theirs."""
        cpu_s = max(usual.cpu_s, math.ceil(self.seconds * (os.cpu_count() or 1)))
        return replace(usual, wall_s=max(self.remaining, 0.0) + _SLACK_S, cpu_s=cpu_s)

    def passed(self, kind: str) -> JobTimeout:
        """The error for a job of this kind that the deadline ended."""
        why = f"stopped after the {self.seconds:g} s that {_FLAG} allows"
        return JobTimeout(kind, "job", why)


@dataclass(frozen=True)
class Terms:
    """How the caller waits.

    Attributes:
        deadline: Ends the job; without it, the time that the table of requests allows.
        progress: Called in the caller's thread when the fraction or the text changes.
        cancelled: Called ten times a second; True cancels the job.
    """

    deadline: Deadline | None = None
    progress: Progress | None = None
    cancelled: Callable[[], bool] | None = None


def ask(
    kind: str,
    args: Mapping[str, Any],
    *,
    blobs: Mapping[str, bytes] | None = None,
    terms: Terms | None = None,
) -> JobResult:
    """Run a job with the runner of this process, and wait for it.

    Args:
        kind: A key of the table of requests.
        args: The TypedDict of this kind in `request_types`.
    Raises: JobTimeout, which names the flag; JobCancelled; WorkerDied, WorkerUnavailable,
        JobFailed; what the task raises.
    """
    terms = terms or Terms()
    runner, deadline = default_runner(), terms.deadline
    limits = None if deadline is None else deadline.limits(REQUESTS[kind].limits)
    job = runner.submit(kind, args, blobs=blobs, limits=limits)
    _log.debug("job %s: handed to a worker", kind)
    start = time.monotonic()
    try:
        _wait(job, runner, terms)
        result = job.result()
        _log.info("job %s: done in %.2f s", kind, time.monotonic() - start)
        return result
    except JobTimeout as err:
        if deadline is not None:
            raise deadline.passed(kind) from err
        why = f"{err.why}; {_FLAG} sets another limit"
        raise JobTimeout(err.what, err.where, why) from err
    except BaseException:
        job.cancel()  # Ctrl-C, say: the worker would run on without a caller
        raise


def _wait(job: Job, runner: LocalRunner, terms: Terms) -> None:
    """Wait until the job is done. Raises: JobTimeout once the deadline has passed."""
    reported = ""
    deadline = terms.deadline
    while not job.done():
        if terms.progress is not None:
            fraction, text = job.progress if job.progress[1] else (None, runner.waits_for(job))
            if text and (reported != (report := f"{fraction} {text}")):
                reported = report
                terms.progress(fraction, text)
        if terms.cancelled is not None and terms.cancelled():
            job.cancel()
        if deadline is not None and deadline.remaining <= 0:
            job.cancel()
            raise deadline.passed(job.kind)
        wait([job], timeout=_WATCH_S if deadline is None else min(_WATCH_S, deadline.remaining))
