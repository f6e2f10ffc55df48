"""A job under way, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspector.errors import JobCancelled
from inspector.jobs.exchange import Progress
from inspector.jobs.forkserver import Child
from inspector.jobs.requests import Limits, Request
from inspector.jobs.workspace import ModelKey


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
    """What was asked for, checked and complete."""

    request: Request
    args: dict[str, Any]
    blobs: Mapping[str, bytes]
    limits: Limits
    model: ModelKey | None
    key: str | None
    """The name of the result in the workspace, when it is kept."""
    session: str


class Job(Future[JobResult]):
    """A job under way. ``result()`` gives a `JobResult` or raises an `InspectorError`."""

    def __init__(self, order: Order, cancel: Callable[[Job], bool]) -> None:
        super().__init__()
        self.order = order
        self.progress: Progress = (None, "")
        """How far it is, 0 to 1 or None, and what it does now."""
        self.unwanted = False
        """Cancelled, though its process may still have to be stopped."""
        self.child: Child | None = None
        self._cancel = cancel

    @property
    def kind(self) -> str:
        """The request's name."""
        return self.order.request.kind

    def cancel(self) -> bool:
        """Stop the job, queued or running; its result is then JobCancelled. False if it is done."""
        return self._cancel(self)

    def cancelled(self) -> bool:
        """True once the job has ended by being cancelled."""
        return self.done() and isinstance(self.exception(), JobCancelled)
