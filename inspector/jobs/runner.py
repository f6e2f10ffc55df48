"""Runs jobs: one forked process for each, with limits, progress, cancel, and an answer or an error.

`LocalRunner` is a ``concurrent.futures.Executor`` whose ``submit`` takes the name of a request and
JSON in place of a function, so that no code and no pickle ever crosses the border to a worker.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError, JobCancelled, JobFailed
from inspector.jobs.forkserver import Child, ForkServer, TemplateSpec, TemplateStatus
from inspector.jobs.job import Job, JobResult, Order
from inspector.jobs.process import run_job
from inspector.jobs.requests import REQUESTS, Limits, Request
from inspector.jobs.workspace import ModelKey, Workspace

_log = logging.getLogger(__name__)
# The logs of workers are for the operator: nothing of them is printed unless the app asks for it.
logging.getLogger("inspector").addHandler(logging.NullHandler())

LIGHT, TENSORFLOW = "light", "tensorflow"


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
        max_jobs: Processes at once; the number of cores by default.
        templates: What the two templates preload, by name; by default the modules of the table.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        requests: Mapping[str, Request] = REQUESTS,
        max_jobs: int | None = None,
        templates: Mapping[str, TemplateSpec] | None = None,
    ) -> None:
        self.workspace = workspace or Workspace()
        self._requests = requests
        self._max_jobs = max_jobs or os.cpu_count() or 1
        specs = templates or default_templates(requests)
        self._servers = {name: ForkServer(spec) for name, spec in specs.items()}
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._queues: OrderedDict[str, deque[Job]] = OrderedDict()
        self._running: set[Job] = set()
        self._closed = False

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
            session: Whose job it is; sessions take turns.
        """
        order = self._order(kind, dict(args or {}), blobs or {}, model, limits, session)
        job = Job(order, self._cancel)
        kept = self.workspace.result(order.key) if order.key else None
        if kept is not None:
            job.set_running_or_notify_cancel()
            job.set_result(JobResult(kept.value, kept.blobs, kept.folder))
            return job
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot submit a job after shutdown")
            self._queues.setdefault(session, deque()).append(job)
        self._start_next()
        return job

    def run(self, kind: str, args: Mapping[str, Any] | None = None, **options: Any) -> JobResult:
        """Submit and wait."""
        return self.submit(kind, args, **options).result()

    def status(self) -> RunnerStatus:
        """The templates, and how many jobs run and wait."""
        with self._lock:
            running, queued = len(self._running), sum(map(len, self._queues.values()))
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
            queued = [job for queue in self._queues.values() for job in queue]
            running = list(self._running)
        if cancel_futures or not wait:
            for job in queued:
                job.cancel()
        if not wait:
            for job in running:
                job.cancel()
        with self._idle:
            self._idle.wait_for(lambda: not self._running and not self._queues)
        for server in self._servers.values():
            server.close()

    def _order(
        self,
        kind: str,
        args: dict[str, Any],
        blobs: Mapping[str, bytes],
        model: ModelKey | None,
        limits: Limits | None,
        session: str,
    ) -> Order:
        if kind not in self._requests:
            raise JobFailed(kind, "job", "there is no such kind of job")
        request = self._requests[kind]
        key = None
        if model is not None:
            if request.cached:
                digests = {name: hashlib.sha256(blob).hexdigest() for name, blob in blobs.items()}
                asked = {"args": args, "blobs": digests}
                key = self.workspace.result_key(model.hash, kind, asked, _code_version())
            args = {**args, "path": str(model.path)}
        path = args.get("path")
        size = model.bytes if model else _size(Path(path)) if isinstance(path, str) else 0
        size += sum(map(len, blobs.values()))
        final = (limits or request.limits).for_input(size)
        return Order(request, args, blobs, final, model, key, session)

    def _start_next(self) -> None:
        """Start queued jobs while there is room, one session after the other."""
        while True:
            with self._lock:
                if not self._queues or len(self._running) >= self._max_jobs:
                    return
                session, queue = self._queues.popitem(last=False)
                job = queue.popleft()
                if queue:
                    self._queues[session] = queue  # at the end: the others come first
                self._running.add(job)
            job.set_running_or_notify_cancel()
            # Daemon threads: a job must not keep an interpreter alive that wants to exit.
            threading.Thread(target=self._work, args=(job,), name="job", daemon=True).start()

    def _work(self, job: Job) -> None:
        try:
            result: JobResult | BaseException = self._run(job)
        except InspectorError as err:
            result = err
        except BaseException:
            _log.exception("job %s: the runner failed", job.kind)
            why = "the server could not run it; its log has the details"
            result = JobFailed(job.kind, "runner", why)
        with self._idle:
            self._running.discard(job)
            job.child = None
            self._idle.notify_all()
        self._start_next()
        if isinstance(result, JobResult):
            job.set_result(result)
        else:
            job.set_exception(result)

    def _run(self, job: Job) -> JobResult:
        order = job.order
        with contextlib.ExitStack() as stack:
            if order.model is not None:
                stack.enter_context(self.workspace.hold(order.model.hash))
            folder = self.workspace.new_result()
            stack.callback(self.workspace.discard, folder)
            start = time.perf_counter()
            launched = functools.partial(self._launched, job)
            answer, log = run_job(job, self._server(job), folder, launched)
            seconds = time.perf_counter() - start
            kept = self.workspace.keep_result(
                folder, order.key, answer.value, answer.blobs, order.limits.folder_bytes
            )
            return JobResult(kept.value, kept.blobs, kept.folder, seconds, log)

    def _launched(self, job: Job, child: Child) -> None:
        with self._lock:
            job.child = child
            unwanted = job.unwanted
        if unwanted:
            self._server(job).kill(child)

    def _server(self, job: Job) -> ForkServer:
        return self._servers[TENSORFLOW if job.order.request.tensorflow else LIGHT]

    def _cancel(self, job: Job) -> bool:
        with self._idle:
            if job.done():
                return False
            job.unwanted = True
            session = job.order.session
            queue = self._queues.get(session, deque())
            queued = job in queue
            if queued:
                queue.remove(job)
                if not queue:
                    del self._queues[session]
                self._idle.notify_all()
            child = job.child
        if queued:
            job.set_exception(JobCancelled(job.kind, "job", "cancelled before it started"))
        elif child is not None:
            self._server(job).kill(child)
        return True


_LATER = ("inspector.formats.archives", "inspector.formats.keras", "inspector.formats.tflite")
"""What the command line loads only for a model that needs it; in a template it waits for all."""


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


@functools.cache
def default_runner() -> LocalRunner:
    """The runner of this process, for the library and the command line; starts what a job needs."""
    runner = LocalRunner()
    atexit.register(runner.shutdown, wait=False)
    return runner


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where there is nothing."""
    if path.is_dir():
        return sum(file.stat().st_size for file in _files(path))
    return path.stat().st_size if path.is_file() else 0


def _files(folder: Path) -> Iterator[Path]:
    for where, _folders, names in os.walk(folder):
        for name in names:
            file = Path(where, name)
            if file.is_file():
                yield file


@functools.cache
def _code_version() -> str:
    """A mark of Inspector's own code: results of older code are not served."""
    package = Path(__file__).resolve().parent.parent
    marks = [
        f"{file.relative_to(package)} {file.stat().st_size} {file.stat().st_mtime_ns}"
        for file in sorted(package.rglob("*.py"))
    ]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()
