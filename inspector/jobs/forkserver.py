"""The runner's handle on one template process: start it, launch, kill, hear of deaths.

Python's own ``multiprocessing.forkserver`` is one for the whole process, imports ``__main__`` and
has its callers unpickle; Inspector needs two templates, in a process that is not its own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from inspector.errors import JobCancelled, WorkerDied
from inspector.jobs import template

_log = logging.getLogger(__name__)

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME")
_QUIET = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
_EXIT_S = 2.0
_LAUNCH_S = 30.0


@dataclass(frozen=True)
class TemplateSpec:
    """What a template has ready for its workers."""

    name: str
    preload: tuple[str, ...] = ()
    """Modules to import; none may run an op or start a thread."""
    self_test: str | None = None
    """``module:function`` that must succeed in a forked child, else jobs are not forked."""
    spawn: bool = False
    """Never fork: a new Python for each job."""


@dataclass
class Child:
    """One job's process."""

    number: int
    wake: socket.socket
    """Gets a byte when the process has ended."""
    pid: int = 0
    code: int | None = None
    """Exit status, minus the signal's number when a signal ended it; None: the template died."""
    launched: threading.Event = field(default_factory=threading.Event)
    exited: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class TemplateStatus:
    """What an operator wants to know of a template."""

    name: str
    state: str
    """``stopped``, ``starting`` or ``ready``."""
    mode: str = ""
    """``fork``, or ``spawn`` where forking does not work."""
    pid: int | None = None
    seconds: float | None = None
    """How long the imports and the self-test took."""
    problems: tuple[str, ...] = ()


class TemplateDiedError(Exception):
    """The template ended before the job was launched; a new one can be tried."""


class ForkServer:
    """One template, started when first needed and again after it died. Thread-safe."""

    def __init__(self, spec: TemplateSpec, start_s: float = 120.0) -> None:
        self.spec = spec
        self._start_s = start_s
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._closed = False

    def start(self) -> None:
        """Start the template if it is not there; does not wait until it is ready."""
        self._current()

    def launch(
        self, job: socket.socket, log: int, wake: socket.socket, unwanted: Callable[[], bool]
    ) -> Child:
        """Start a worker; waits until the template is ready.

        Args:
            job: The worker's end of its line to the runner.
            log: The descriptor for its standard error.
            wake: Gets a byte when the worker has ended.
            unwanted: Asked while waiting; True ends the wait with JobCancelled.
        Raises: TemplateDiedError; JobCancelled; WorkerDied when the template cannot start at all.
        """
        process = self._current()
        deadline = time.monotonic() + self._start_s
        while not process.ready.wait(0.05):
            if unwanted():
                raise JobCancelled("job", self.spec.name, "cancelled before it started")
            if time.monotonic() > deadline:
                process.close()
                raise WorkerDied("worker", self.spec.name, "the template did not get ready in time")
        return process.launch(job, log, wake)

    def kill(self, child: Child) -> None:
        """End a worker; nothing happens if it has ended."""
        with self._lock:
            process = self._process
        if process is not None:
            process.kill(child)

    def status(self) -> TemplateStatus:
        """The state now."""
        with self._lock:
            process = self._process
        if process is None or process.dead:
            return TemplateStatus(self.spec.name, "stopped")
        pid, told = process.popen.pid, process.told
        if told is None:
            return TemplateStatus(self.spec.name, "starting", pid=pid)
        problems = tuple(told["problems"])
        return TemplateStatus(
            self.spec.name, "ready", told["mode"], pid, round(told["seconds"], 3), problems
        )

    def close(self) -> None:
        """End the template and every worker of it."""
        with self._lock:
            process, self._process, self._closed = self._process, None, True
        if process is not None:
            process.close()

    def _current(self) -> _Process:
        with self._lock:
            if self._closed:
                raise WorkerDied("worker", self.spec.name, "the runner has been shut down")
            if self._process is None or self._process.dead:
                self._process = _Process(self.spec)
            return self._process


class _Process:
    """One life of a template."""

    def __init__(self, spec: TemplateSpec) -> None:
        self.ready = threading.Event()
        """Set when jobs can be launched, and when that will never be."""
        self.told: dict[str, Any] | None = None
        self.dead = False
        self._spec = spec
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._count = 0
        self._control, theirs = socket.socketpair()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by `_bury`
        try:
            self.popen = self._start(theirs.fileno())
        except BaseException:
            self._control.close()
            self._stderr.close()
            raise
        finally:
            theirs.close()
        self._reader = threading.Thread(target=self._listen, name=f"jobs-{spec.name}", daemon=True)
        self._reader.start()

    def launch(self, job: socket.socket, log: int, wake: socket.socket) -> Child:
        with self._lock:
            if self.dead:
                raise TemplateDiedError
            self._count += 1
            child = Child(self._count, wake)
            self._children[child.number] = child
            try:
                line = json.dumps({"launch": child.number}).encode() + b"\n"
                socket.send_fds(self._control, [line], [job.fileno(), log])
            except OSError as err:
                del self._children[child.number]
                raise TemplateDiedError from err
        if not child.launched.wait(_LAUNCH_S):
            self.popen.kill()  # it only forks: one that takes so long is stuck
            child.launched.wait()
        if not child.pid:
            raise TemplateDiedError
        return child

    def kill(self, child: Child) -> None:
        with self._lock:
            if not self.dead and not child.exited.is_set():
                with contextlib.suppress(OSError):
                    self._control.sendall(json.dumps({"kill": child.number}).encode() + b"\n")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # the template ends its workers, then itself
        if self.told is None:
            self.popen.kill()  # still importing: it would not notice for seconds
        self._reader.join()

    def _start(self, control: int) -> subprocess.Popen[bytes]:
        paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100  "" is the current folder
        config = {
            "fd": control,
            "paths": paths,
            "preload": self._spec.preload,
            "self_test": self._spec.self_test,
            "spawn": self._spec.spawn,
        }
        return subprocess.Popen(
            template.command("main", config),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            env=_environment(os.environ),
            pass_fds=(control,),
            start_new_session=True,  # Ctrl-C in a terminal is for the runner to handle
        )

    def _listen(self) -> None:
        """What the template says, until it ends."""
        pending = b""
        while True:
            try:
                data = self._control.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._hear(json.loads(line))
        self._bury()

    def _hear(self, said: dict[str, Any]) -> None:
        match said:
            case {"ready": _}:
                self.told = said
                for problem in said["problems"]:
                    _log.error("%s template: %s\n%s", self._spec.name, problem, self._tail())
                self.ready.set()
            case {"launched": number, "pid": pid}:
                child = self._children[number]
                child.pid = pid
                child.launched.set()
            case {"refused": number, "why": why}:
                _log.error("%s template cannot start a process: %s", self._spec.name, why)
                self._children.pop(number).launched.set()
            case {"exited": number, "code": code}:
                with self._lock:
                    child = self._children.pop(number)
                _end(child, code)

    def _bury(self) -> None:
        """The template has gone, and by its death all its workers."""
        try:
            self.popen.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        with self._lock:
            self.dead = True
            children, self._children = self._children, {}
            self._control.close()
        if self.popen.returncode:
            code, tail = self.popen.returncode, self._tail()
            _log.warning("%s template ended with status %d\n%s", self._spec.name, code, tail)
        self._stderr.close()
        self.ready.set()
        for child in children.values():
            child.launched.set()
            _end(child, None)

    def _tail(self) -> str:
        """The end of what it wrote to standard error; its own place in the file stays."""
        descriptor = self._stderr.fileno()
        start = max(0, os.fstat(descriptor).st_size - 8192)
        return os.pread(descriptor, 8192, start).decode(errors="replace")


def _end(child: Child, code: int | None) -> None:
    child.code = code
    child.exited.set()
    with contextlib.suppress(OSError):  # nobody may be waiting any more
        child.wake.send(b"x")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the workers see of the server's environment: no secrets of other programs."""
    kept = {name: environ[name] for name in _PASSED_ON if name in environ}
    return kept | {k: v for k, v in environ.items() if k.startswith("INSPECTOR_")} | _QUIET
