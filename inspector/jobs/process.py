"""One job in one process, from its launch until nothing of it is left."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from pathlib import Path

from inspector.errors import InspectorError, JobCancelled, JobError, JobFailed
from inspector.jobs import wire
from inspector.jobs.exchange import Answer, Exchange, Progress, death
from inspector.jobs.forkserver import Child, ForkServer, TemplateDiedError
from inspector.jobs.job import Job

_log = logging.getLogger(__name__)

_GRACE_S = 0.5
_GONE_S = 10.0


def run_job(
    job: Job, server: ForkServer, folder: Path, launched: Callable[[Child], None]
) -> tuple[Answer, str]:
    """Run a job's worker; its process has ended when this returns or raises.

    Args:
        folder: The private folder it may write to.
        launched: Called with the worker once it runs.
    Returns: The answer, and the end of the worker's standard error.
    Raises: JobCancelled; JobTimeout; WorkerDied; JobFailed; whatever the task raised.
    """
    order = job.order
    request = {
        "kind": job.kind,
        "function": order.request.function,
        "args": order.args,
        "limits": order.limits.to_dict(),
        "folder": str(folder),
    }
    buffers = wire.with_blobs(wire.JOB, request, order.blobs)

    def progress(report: Progress) -> None:
        job.progress = report

    with contextlib.ExitStack() as stack:
        lines = _Lines(stack)
        child = _launch(job, server, lines)
        stack.callback(_end, server, child)
        launched(child)
        exchange = Exchange(
            job.kind, lines.line, lines.log, lines.wake, buffers, order.limits, progress
        )
        try:
            answer = exchange.converse()
            if answer is None:
                raise _silence(job, child)
        except InspectorError as err:
            server.kill(child)
            level = logging.WARNING if isinstance(err, JobError) else logging.INFO
            tail = exchange.log_tail
            _log.log(level, "job %s: %s%s", job.kind, err, f"\n{tail}" if tail else "")
            if job.unwanted:
                raise JobCancelled(job.kind, "job", "cancelled") from None
            raise
        return answer, exchange.log_tail


class _Lines:
    """The three lines of one job: messages, standard error, and the runner's own wake-up call."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.line, self.their_line = self._pair(stack)
        self.log, self.their_log = self._pair(stack)
        self.wake, self.their_wake = self._pair(stack)

    @staticmethod
    def _pair(stack: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        return stack.enter_context(ours), stack.enter_context(theirs)


def _launch(job: Job, server: ForkServer, lines: _Lines) -> Child:
    """Start the worker; once more if the template was found dead."""
    for _attempt in range(2):
        with contextlib.suppress(TemplateDiedError):
            child = server.launch(
                lines.their_line, lines.their_log.fileno(), lines.their_wake, lambda: job.unwanted
            )
            # The worker has its ends now; with ours open, its end would not be seen as the end.
            lines.their_line.close()
            lines.their_log.close()
            return child
    raise death(job.kind, None, job.order.limits)


def _silence(job: Job, child: Child) -> InspectorError:
    """The error for a line that closed without an answer."""
    if child.exited.wait(_GRACE_S):
        return death(job.kind, child.code, job.order.limits)
    return JobFailed(job.kind, "worker", "closed its line without an answer")


def _end(server: ForkServer, child: Child) -> None:
    """See to it that a worker is gone: it may not write to its folder while that is taken over."""
    if not child.exited.wait(_GRACE_S):
        server.kill(child)
        if not child.exited.wait(_GONE_S):
            raise JobFailed("job", "worker", "its process could not be stopped")
