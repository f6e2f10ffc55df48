"""Runs jobs: one forked process for each, with limits, progress, cancel, and an answer or an error.

`LocalRunner` is a ``concurrent.futures.Executor`` whose ``submit`` takes the name of a request and
JSON in place of a function, so that no code and no pickle ever crosses the border to a worker.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError, JobCancelled, WorkerUnavailable
from inspector.formats.table import FORMATS
from inspector.jobs import forks
from inspector.jobs.exchange import Answer
from inspector.jobs.forkserver import Child, ForkServer, TemplateSpec, TemplateStatus
from inspector.jobs.job import Job, JobResult, Run
from inspector.jobs.orders import complete
from inspector.jobs.process import run_job
from inspector.jobs.queue import FairQueue, Place
from inspector.jobs.requests import REQUESTS, Limits, Request
from inspector.jobs.sandbox.policy import RunPolicy
from inspector.jobs.slots import Slots
from inspector.jobs.store.workspace import ModelKey, Workspace

_log = logging.getLogger(__name__)
# The logs of workers are for the operator: nothing of them is printed unless the app asks for it.
logging.getLogger("inspector").addHandler(logging.NullHandler())

LIGHT, TENSORFLOW = "light", "tensorflow"
STARTING = "starting TensorFlow"
"""What progress says while the template with TensorFlow is not ready."""
_RETRY_S = 1.0


@dataclass(frozen=True)
class RunnerStatus:
    """What an operator wants to know."""

    templates: dict[str, TemplateStatus]
    running: int
    queued: int


class LocalRunner(Executor):
    """Runs jobs on this machine.

    Args:
        workspace: Where results are kept; the user's own by default.
        requests: The table of jobs.
        max_jobs: Long jobs at once; the number of cores by default.
        templates: What the two templates preload, by name; by default the modules of the table.
        slots: Which job may start when; by default by ``max_jobs`` and the memory that is left.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        requests: Mapping[str, Request] = REQUESTS,
        max_jobs: int | None = None,
        templates: Mapping[str, TemplateSpec] | None = None,
        slots: Slots | None = None,
    ) -> None:
        self.policy: RunPolicy = RunPolicy()
        """Which models are run; a server that others can reach puts its own in this place."""
        self.workspace: Workspace = workspace or Workspace()
        self._requests = requests
        max_jobs = max_jobs or os.cpu_count() or 1
        self._slots = slots or Slots(max_jobs, max(2, max_jobs))
        specs = templates or default_templates(requests)
        self._servers = {name: ForkServer(spec) for name, spec in specs.items()}
        self._closed = False
        self._start_empty()
        forks.register(self)

    def _start_empty(self) -> None:
        """No job and free locks: at the start, and in a process that was forked from this one."""
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._queue = FairQueue()
        self._running: set[Run] = set()
        self._shared: dict[str, Run] = {}
        self._retry: threading.Timer | None = None

    def after_fork(self) -> None:
        """Leave the jobs to the parent; new ones can be started here."""
        self._start_empty()

    def warm(self, *names: str) -> None:
        """Start templates (all by default) in the background, ready for the first job."""
        for name in names or tuple(self._servers):
            self._servers[name].start()

    def submit(  # type: ignore[override]  # a job is named, not handed over as code
        self,
        kind: str,
        args: Mapping[str, Any] | None = None,
        /,
        *,
        blobs: Mapping[str, bytes] | None = None,
        model: ModelKey | None = None,
        limits: Limits | None = None,
        session: str = "",
    ) -> Job:
        """Queue a job.

        Args:
            kind: A key of the table of requests.
            args: JSON for the task.
            blobs: Bytes for the task, e.g. arrays to feed.
            model: The model in the workspace that the job reads: the task finds its path in
                ``args["path"]``, it is held while the job runs, and the answer is kept.
            limits: In place of the request's. They grow with the model, or with ``args["path"]``.
            session: Whose job it is; sessions take turns, and what one asks while the same is under
                way for another is done once. Measured times too: two processes that measure at once
                would spoil each other's. Jobs without a session are never shared.
        """
        order = complete(
            self.workspace,
            self._requests,
            kind,
            dict(args or {}),
            blobs or {},
            model,
            limits,
            shared=bool(session),
        )
        self.policy.check(order.request, model)
        stored = self.workspace.result(order.key) if order.key else None
        if stored is not None:
            job = Job(Run(order), session, self._cancel)
            job.set_running_or_notify_cancel()
            job.set_result(JobResult(stored.value, stored.blobs, stored.folder))
            return job
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot submit a job after shutdown")
            run = self._shared.get(order.share_key) if order.share_key else None
            if run is None:
                run = Run(order)
                if order.share_key:
                    self._shared[order.share_key] = run
            job = self._add(run, session)
        self._start_next()
        return job

    def join(self, job: Job, session: str) -> Job:
        """Another job for the same run, e.g. of the session that a reloaded page is.

        Returns: A job that is done if the run is; it was cancelled if the run was.
        """
        with self._lock:
            if job.run.jobs and not job.run.unwanted:
                return self._add(job.run, session)
        other = Job(job.run, session, self._cancel)
        other.set_running_or_notify_cancel()
        error = job.exception()
        if error is not None:
            other.set_exception(error)
        else:
            other.set_result(job.result())
        return other

    def run(self, kind: str, args: Mapping[str, Any] | None = None, **options: Any) -> JobResult:
        """Submit and wait."""
        return self.submit(kind, args, **options).result()

    def place(self, job: Job) -> Place | None:
        """Where the job stands in the queue; None once it has left it."""
        with self._lock:
            return self._queue.place(job)

    def sessions(self, run: Run | None = None) -> set[str]:
        """The sessions that have a job under way, or one for this run."""
        with self._lock:
            jobs = self._jobs() if run is None else run.jobs
            return {job.session for job in jobs} - {""}

    def withdraw(self, session: str, run: Run | None = None) -> None:
        """Cancel every job, or those for this run, of a session that has gone."""
        with self._lock:
            jobs = self._jobs() if run is None else list(run.jobs)
        jobs = [job for job in jobs if job.session == session]
        for job in jobs:
            self._cancel(job, "its browser has gone")

    def waits_for(self, job: Job) -> str:
        """What a job without progress of its own waits for; empty where it is under way."""
        if not job.run.order.request.tensorflow:
            return ""
        return "" if self._servers[TENSORFLOW].status().state == "ready" else STARTING

    def status(self) -> RunnerStatus:
        """The templates, and how many jobs run and wait."""
        with self._lock:
            running, queued = len(self._running), len(self._queue.runs())
        return RunnerStatus(
            {name: server.status() for name, server in self._servers.items()}, running, queued
        )

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the templates; nothing of the runner is left behind.

        Args:
            wait: Let running and queued jobs finish first; False cancels them all.
            cancel_futures: Cancel the queued ones.
        """
        with self._lock:
            self._closed = True
            queued = self._queue.jobs()
            running = [job for run in self._running for job in run.jobs]
        if cancel_futures or not wait:
            for job in queued:
                job.cancel()
        if not wait:
            for job in running:
                job.cancel()
        with self._idle:
            self._idle.wait_for(lambda: not self._running and not self._queue)
            if self._retry is not None:
                self._retry.cancel()
        for server in self._servers.values():
            server.close()

    def _add(self, run: Run, session: str) -> Job:
        """One more job for a run that is under way or new. The lock is held."""
        job = Job(run, session, self._cancel)
        run.jobs.add(job)
        if run.started is None:
            self._queue.add(job)
        else:
            job.set_running_or_notify_cancel()
        return job

    def _jobs(self) -> list[Job]:
        """Every job that waits or runs. The lock is held."""
        return self._queue.jobs() + [job for run in self._running for job in run.jobs]

    def _start_next(self) -> None:
        """Start queued jobs while there is room, one session after the other."""
        while True:
            with self._lock:
                run = self._queue.take(self._slots.rule(self._running)) if self._queue else None
                if run is None:
                    self._try_later()
                    return
                run.started = time.monotonic()
                self._running.add(run)
                for job in run.jobs:
                    job.set_running_or_notify_cancel()
            # Daemon threads: a job must not keep an interpreter alive that wants to exit.
            threading.Thread(target=self._work, args=(run,), name="job", daemon=True).start()

    def _try_later(self) -> None:
        """Memory may be given back by others, and what should be quick may not be. Lock is held."""
        is_set = self._retry is not None and self._retry.is_alive()
        if self._queue and not (is_set and self._retry is not threading.current_thread()):
            self._retry = threading.Timer(_RETRY_S, self._start_next)
            self._retry.daemon = True
            self._retry.start()

    def _work(self, run: Run) -> None:
        try:
            result: JobResult | BaseException = self._run(run)
        except InspectorError as err:
            result = err
        except BaseException as err:
            _log.exception("%s: the runner failed", run.mark)
            result = WorkerUnavailable(run.kind, "runner", f"failed ({type(err).__name__})")
        with self._idle:
            self._running.discard(run)
            self._forget(run)
            run.child = None
            jobs, run.jobs = run.jobs, set()
            self._idle.notify_all()
        self._start_next()
        for job in jobs:
            if isinstance(result, JobResult):
                job.set_result(result)
            else:
                job.set_exception(result)

    def _run(self, run: Run) -> JobResult:
        order = run.order
        with contextlib.ExitStack() as stack:
            if order.model is not None:
                stack.enter_context(self.workspace.hold(order.model.hash))
            folder = self.workspace.new_result()
            stack.callback(self.workspace.discard, folder)
            start = time.perf_counter()
            answer, log = self._execute(run, folder)
            seconds = time.perf_counter() - start
            stored = self.workspace.keep_result(
                folder, order.key, answer.value, answer.blobs, order.limits.folder_bytes
            )
            return JobResult(stored.value, stored.blobs, stored.folder, seconds, log)

    def _execute(self, run: Run, folder: Path) -> tuple[Answer, str]:
        """The answer of a run and the end of its log; `folder` gets the files that it writes."""
        return run_job(run, self._server(run), folder, functools.partial(self._launched, run))

    def _launched(self, run: Run, child: Child) -> None:
        with self._lock:
            run.child = child
            unwanted = run.unwanted
        if unwanted:
            self._server(run).kill(child)

    def _server(self, run: Run) -> ForkServer:
        return self._servers[TENSORFLOW if run.order.request.tensorflow else LIGHT]

    def _forget(self, run: Run) -> None:
        """Let nobody join the run any more. The lock is held."""
        key = run.order.share_key
        if key and self._shared.get(key) is run:
            del self._shared[key]

    def _cancel(self, job: Job, cause: str = "") -> bool:
        run = job.run
        with self._idle:
            if job not in run.jobs:
                return False
            is_queued = self._queue.discard(job)
            is_last = len(run.jobs) == 1
            if is_last:
                run.unwanted, run.cause = True, run.cause or cause
                self._forget(run)
            if is_queued or not is_last:
                run.jobs.discard(job)
                self._idle.notify_all()
            child = run.child
        if is_queued or not is_last:
            job.set_exception(JobCancelled(job.kind, "job", run.cancelled))
        elif child is not None:
            self._server(run).kill(child)
        return True


_LATER = ("inspector.formats.archives", *(entry.reader for entry in FORMATS))
"""Modules that other processes import only for a model that needs them; templates preload them."""


def default_templates(requests: Mapping[str, Request]) -> dict[str, TemplateSpec]:
    """The two templates, each with the modules of its requests ready."""
    modules: dict[bool, set[str]] = {False: set(_LATER), True: set()}
    for request in requests.values():
        modules[request.tensorflow].add(request.module)
    modules[True] |= {"inspector.backend.evaluate", "inspector.backend.predict"}
    self_test = "inspector.backend.self_test:run_an_op"
    return {
        LIGHT: TemplateSpec(LIGHT, tuple(sorted(modules[False]))),
        TENSORFLOW: TemplateSpec(TENSORFLOW, tuple(sorted(modules[True])), self_test),
    }
