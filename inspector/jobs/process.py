"""Runs one job in one process, from launch to the end of the process."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

from inspector.errors import (
    InspectorError,
    JobCancelled,
    JobError,
    JobFailed,
    WorkerUnavailable,
)
from inspector.jobs import forks, last_words, protocol, watching
from inspector.jobs.exchange import Answer, Ears, Exchange, Progress, death
from inspector.jobs.forkserver import Child, ForkServer, TemplateDiedError
from inspector.jobs.job import Run
from inspector.jobs.requests import check_answer

_log = logging.getLogger(__name__)

_GRACE_S = 0.5
_GONE_S = 10.0
_LATE_S = 3.0
_POLL_S = 0.05
_LOOK_S = 0.02


def run_job(
    run: Run, server: ForkServer, folder: Path, launched: Callable[[Child], None]
) -> tuple[Answer, str]:
    """Run a job's worker; its process has ended when this returns or raises.

    Args:
        folder: The private folder it may write to.
        launched: Called with the worker once it runs.
    Returns: The answer, and the end of the worker's standard error.
    Raises: JobCancelled; JobTimeout; WorkerDied; JobFailed; whatever the task raised.
    """
    order = run.order
    request = {
        "kind": run.kind,
        "function": order.request.function,
        "args": order.args,
        "limits": order.limits.to_dict(),
        "folder": str(folder),
        "access": order.access.to_dict(),
        "gives_way": order.gives_way,
    }
    buffers = protocol.with_blobs(protocol.JOB, request, order.blobs)

    def progress(report: Progress) -> None:
        run.progress = report

    def watch() -> None:
        watching.check(run.kind, folder, child.pid, order.limits.folder_bytes)

    with contextlib.ExitStack() as stack:
        lines, child = _launch(run, server, stack)
        stack.callback(_end, server, child)
        launched(child)
        ears = Ears(progress, run.ahead.set_result, watch)
        exchange = Exchange(
            run.kind, lines.line, lines.log, lines.wake, buffers, order.limits, ears
        )
        try:
            answer = exchange.converse()
            if answer is None:
                raise _silence(run, server, child)
            check_answer(order.request, answer.value, answer.blobs)
        except InspectorError as err:
            server.kill(child)
            if run.unwanted:
                last_words.log(_log, logging.INFO, run.mark, run.cancelled)
                raise JobCancelled(run.kind, "job", run.cancelled) from None
            level = logging.WARNING if isinstance(err, JobError) else logging.INFO
            last_words.log(_log, level, run.mark, str(err), exchange.log_tail)
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
        ours, theirs = forks.socket_pair()
        return stack.enter_context(ours), stack.enter_context(theirs)


def _launch(run: Run, server: ForkServer, stack: contextlib.ExitStack) -> tuple[_Lines, Child]:
    """Start the worker; once more if the template was found dead."""
    for _attempt in range(2):
        lines = _Lines(stack)  # anew: in the old ones lies the wake-up call of the first template
        with contextlib.suppress(TemplateDiedError):
            child = server.launch(
                lines.their_line,
                lines.their_log.fileno(),
                lines.their_wake,
                lambda: run.unwanted,
            )
            # The worker has its ends now; with ours open, its end would not be seen as the end.
            lines.their_line.close()
            lines.their_log.close()
            return lines, child
    raise death(run.kind, None, run.order.limits)


def _silence(run: Run, server: ForkServer, child: Child) -> InspectorError:
    """The error for a socket that closed without an answer."""
    if _is_reported(run, child, _GRACE_S):
        return death(run.kind, child.code, run.order.limits)
    had_ended = child.has_ended()
    server.kill(child)
    # A busy machine reports a death late; a template that hangs never reports it.
    reported = _is_reported(run, child, _LATE_S if had_ended else _GONE_S)
    if run.unwanted:
        return JobCancelled(run.kind, "job", run.cancelled)
    if reported and child.code is not None and not had_ended:
        return JobFailed(run.kind, "worker", "closed its line without an answer")
    if not reported:
        why = "ended without an answer, and the process that started it does not say how; try again"
        return WorkerUnavailable(run.kind, "worker", why)
    return death(run.kind, child.code, run.order.limits)


def _is_reported(run: Run, child: Child, seconds: float) -> bool:
    """Whether the template reports the worker's end in time; a cancelled run waits no longer."""
    deadline = time.monotonic() + seconds
    while not child.exited.wait(_POLL_S):
        if run.unwanted or time.monotonic() > deadline:
            return False
    return True


def _end(server: ForkServer, child: Child) -> None:
    """Make sure that a worker has ended before its folder is taken over."""
    if not _has_ended(child, _GRACE_S):
        server.kill(child)
        if not _has_ended(child, _GONE_S):
            raise JobFailed("job", "worker", "its process could not be stopped")


def _has_ended(child: Child, seconds: float) -> bool:
    """Wait for the end of a worker, of which a template that is stopped would never tell."""
    deadline = time.monotonic() + seconds
    while not child.exited.wait(_LOOK_S):
        if child.has_ended():
            return True
        if time.monotonic() > deadline:
            return False
    return True
