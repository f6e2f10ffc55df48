"""Cancels the jobs of sessions whose browser has gone, unless other sessions wait for them.

Streamlit keeps a session for minutes after its connection has ended. A reload opens another session
within seconds, which takes over the jobs of the address before they are cancelled here.
"""

from __future__ import annotations

import functools
import threading
import time

from streamlit import runtime

from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job
from inspector.jobs.runner import LocalRunner

GRACE_S = 10.0
"""Seconds without a connection after which the jobs of a session are cancelled."""
_POLL_S = 1.0


@functools.cache
def watch() -> None:
    """Start the thread that watches the sessions with jobs, once per process."""
    threading.Thread(target=_watch, args=(default_runner(),), name="sessions", daemon=True).start()


def take_back(job: Job) -> None:
    """Cancel a job, and the jobs of disconnected sessions for the same run.

    Otherwise the session before a reload would keep the process alive until Streamlit drops it.
    """
    runner = default_runner()
    for session in runner.sessions(job.run):
        if session != job.session and not _is_connected(session):
            runner.withdraw(session, job.run)
    job.cancel()


def _watch(runner: LocalRunner) -> None:
    away_since: dict[str, float] = {}
    while True:
        time.sleep(_POLL_S)
        cancel_abandoned(runner, away_since, time.monotonic())


def cancel_abandoned(runner: LocalRunner, away_since: dict[str, float], now: float) -> None:
    """Cancel the jobs of each session that has had no connection for `GRACE_S`.

    Args:
        away_since: Session to the time when it was first seen disconnected; updated in place.
        now: ``time.monotonic()``.
    """
    away = {session for session in runner.sessions() if not _is_connected(session)}
    for session in away_since.keys() - away:
        del away_since[session]
    for session in away:
        if now - away_since.setdefault(session, now) >= GRACE_S:
            runner.withdraw(session)


def _is_connected(session: str) -> bool:
    """Whether the session has a connection; True without a server, as in a test of a page."""
    return not runtime.exists() or bool(runtime.get_instance().is_active_session(session))
