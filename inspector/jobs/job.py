"""A job, the run that executes it, and its result."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspector.errors import JobCancelled, WorkerUnavailable
from inspector.jobs import forks
from inspector.jobs.exchange import Progress
from inspector.jobs.forkserver import Child
from inspector.jobs.requests import Limits, Request
from inspector.jobs.sandbox.access import Access, paths_in
from inspector.jobs.store.workspace import ModelKey


@dataclass(frozen=True)
class JobResult:
    """A job's answer."""

    value: dict[str, Any]
    blobs: dict[str, bytes] = field(default_factory=dict)
    folder: Path | None = None
    """The files the task wrote, now in the workspace; None if it wrote none."""
    seconds: float = 0.0
    """From the start of the worker to the answer; 0 when the answer was kept from before."""
    log: str = field(default="", repr=False)
    """The end of the worker's standard error. For the operator, never for users."""


@dataclass(frozen=True)
class Order:
    """A request after validation, with limits and keys."""

    request: Request
    args: dict[str, Any]
    blobs: Mapping[str, bytes]
    limits: Limits
    model: ModelKey | None
    key: str | None
    """The name of the result in the workspace, when it is kept."""
    share_key: str | None
    """Orders with the same key are done by one run; None: never shared."""
    memory: int
    """Bytes that the run is expected to take."""
    quick: bool
    """Expected to be done in seconds, so that it need not wait behind long runs."""

    @property
    def gives_way(self) -> bool:
        """A long run of the app: its worker leaves the processor to pages and quick runs."""
        return self.share_key is not None and not self.quick

    @property
    def access(self) -> Access:
        """What the job may reach."""
        request = self.request
        return Access(paths_in(self.args, request.reads), request.network, request.confined)


class Run:
    """One process that executes an order, for all jobs with the same request."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.id: str = secrets.token_hex(3)
        """What marks it in the log."""
        self.jobs: set[Job] = set()
        """Who still waits for it. Guarded by the runner's lock."""
        self.progress: Progress = (None, "")
        self.ahead: Future[dict[str, bytes]] = Future()
        """Blobs of the answer that the worker hands back before the rest, as it sent them."""
        self.started: float | None = None
        """``time.monotonic()`` when it left the queue."""
        self.unwanted = False
        """The last job was taken back, though the process may still have to be stopped."""
        self.cause = ""
        """Why it was taken back, where it was not its user."""
        self.child: Child | None = None
        self.in_quick_slot = False
        """It runs in a slot that only quick runs may have."""

    @property
    def kind(self) -> str:
        """The request's name."""
        return self.order.request.kind

    @property
    def mark(self) -> str:
        """What its lines in the log begin with."""
        return f"job {self.id} {self.kind}"

    @property
    def sessions(self) -> set[str]:
        """The sessions that wait for it."""
        return {job.session for job in self.jobs}

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return 0.0 if self.started is None else time.monotonic() - self.started

    @property
    def cancelled(self) -> str:
        """When and why it was taken back, e.g. ``cancelled after 28 s``."""
        when = "before it started" if self.started is None else f"after {self.seconds:.0f} s"
        return f"cancelled {when}" + (f": {self.cause}" if self.cause else "")


class Job(Future[JobResult]):
    """One caller's interest in a run.

    ``result()`` gives a `JobResult` or raises an `InspectorError`.

    Several jobs may wait for one run, which ends early only when all of them have been cancelled.
    """

    def __init__(self, run: Run, session: str, cancel: Callable[[Job], bool]) -> None:
        super().__init__()
        self.run = run
        self.session = session
        self.id: str = secrets.token_urlsafe(16)
        """Cannot be guessed, so an address may hold it."""
        self._cancel = cancel
        forks.register(self)

    @property
    def kind(self) -> str:
        """The request's name."""
        return self.run.kind

    @property
    def progress(self) -> Progress:
        """How far it is, 0 to 1 or None, and what it does now."""
        return self.run.progress

    def cancel(self) -> bool:
        """Take the job back; its result is then JobCancelled. False if it is done.

        Its process ends if nobody else waits for the same; then the job is done when it has ended.
        """
        return self._cancel(self)

    def after_fork(self) -> None:
        """In a forked process, end with WorkerUnavailable: the answer goes to its parent."""
        self._condition = threading.Condition()  # a thread that is not here may have held it
        if self.done():
            return
        super().__init__()  # waiters have locks, too
        why = "this process was forked while it ran; the answer goes to the parent process"
        self.set_exception(WorkerUnavailable(self.kind, "job", why))

    def cancelled(self) -> bool:
        """True once the job has ended by being cancelled."""
        return self.done() and isinstance(self.exception(), JobCancelled)
