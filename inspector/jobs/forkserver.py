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

from inspector.errors import JobCancelled, WorkerUnavailable
from inspector.jobs import forks, last_words, template
from inspector.jobs.process_handle import ProcessHandle

_log = logging.getLogger(__name__)

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME")
_QUIET = {
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    # Keras reads a config below the user's home where there is one; a worker must not.
    "KERAS_HOME": f"{os.devnull}/keras",
}
_EXIT_S = 2.0
_LOOK_S = 0.02
_LAUNCH_S = 10.0


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
    handle: ProcessHandle | None = None
    """Reaches the process past its template, once it is launched."""
    unwanted: bool = False
    """To be killed as soon as it is launched."""

    def has_ended(self) -> bool:
        """True if the process has ended, whether its template has said so or not."""
        return self.exited.is_set() or (self.handle is not None and self.handle.has_ended())


@dataclass(frozen=True)
class TemplateStatus:
    """The state of a template, for operators."""

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
    """One template, started when first needed and again after it died. Thread-safe.

    In a process that is forked from this one it starts a template of its own.
    """

    def __init__(self, spec: TemplateSpec, start_s: float = 120.0) -> None:
        self.spec = spec
        self._start_s = start_s
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._closed = False
        forks.register(self)

    def after_fork(self) -> None:
        """Forget the template: it is the parent's."""
        self._lock = threading.Lock()
        if self._process is not None:
            self._process.popen.returncode = 0  # not our child: neither waited for nor killed
        self._process = None

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
        Raises: TemplateDiedError; JobCancelled; WorkerUnavailable when the template cannot start.
        """
        process = self._current()
        deadline = time.monotonic() + self._start_s
        while not process.ready.wait(0.05):
            if unwanted():
                raise JobCancelled("job", self.spec.name, "cancelled before it started")
            if time.monotonic() > deadline:
                process.close()
                why = f"did not get ready to run jobs within {self._start_s:g} s"
                raise WorkerUnavailable("worker", self.spec.name, why)
        return process.launch(job, log, wake, unwanted)

    def kill(self, child: Child) -> None:
        """End a worker, whether its template answers or not; nothing happens if it has ended."""
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
        pid, report = process.popen.pid, process.report
        if report is None:
            return TemplateStatus(self.spec.name, "starting", pid=pid)
        problems = tuple(report["problems"])
        return TemplateStatus(
            self.spec.name, "ready", report["mode"], pid, round(report["seconds"], 3), problems
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
                raise WorkerUnavailable("worker", self.spec.name, "the runner has been shut down")
            if self._process is None or self._process.dead:
                try:
                    self._process = _Process(self.spec)
                except (OSError, RuntimeError) as err:  # no descriptor, process or thread left
                    _log.exception("%s template: cannot be started", self.spec.name)
                    why = f"no process can be started ({_reason(err)})"
                    raise WorkerUnavailable("worker", self.spec.name, why) from err
            return self._process


class _Process:
    """One life of a template."""

    def __init__(self, spec: TemplateSpec) -> None:
        self.ready = threading.Event()
        """Set when jobs can be launched, and when that will never be."""
        self.report: dict[str, Any] | None = None
        self.dead = False
        self._spec = spec
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._count = 0
        self._is_closing = False
        self._control, theirs = forks.socket_pair()
        # Closed by `_bury`. Unbuffered: a forked process closes it, too, and a buffer has a lock.
        self._stderr: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        forks.keep_private(self._stderr)
        try:
            with forks.no_fork():  # a copy of the pipe in `Popen` would make it wait for the child
                self.popen = self._start(theirs.fileno())
        except BaseException:
            self._control.close()
            self._stderr.close()
            raise
        finally:
            theirs.close()
        self._reader = threading.Thread(target=self._listen, name=f"jobs-{spec.name}", daemon=True)
        self._reader.start()

    def launch(
        self, job: socket.socket, log: int, wake: socket.socket, unwanted: Callable[[], bool]
    ) -> Child:
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
                if isinstance(err, BrokenPipeError | ConnectionResetError):
                    self.dead = True  # before `_bury` finds out: another try needs a new template
                raise TemplateDiedError from err
        deadline = time.monotonic() + _LAUNCH_S
        while not child.launched.wait(_LOOK_S):
            if unwanted():
                child.unwanted = True
                if child.launched.is_set():
                    self.kill(child)
                raise JobCancelled("job", self._spec.name, "cancelled before it started")
            if time.monotonic() > deadline:
                self.popen.kill()  # it only forks: one that takes so long is stuck
                child.launched.wait()
        if not child.pid:
            raise TemplateDiedError
        return child

    def kill(self, child: Child) -> None:
        if child.handle is not None:
            child.handle.kill()
        with contextlib.suppress(OSError):  # a conversation that waits for the worker ends
            child.wake.send(b"x")
        with self._lock:
            if self._children.get(child.number) is child:
                with contextlib.suppress(OSError):
                    self._control.sendall(json.dumps({"kill": child.number}).encode() + b"\n")

    def close(self) -> None:
        self._is_closing = True
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # the template ends its workers, then itself
        if self.report is None:
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
        """Read the template's messages until it ends; an error here ends the template."""
        pending = b""
        try:
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
        except Exception:
            _log.exception("%s template: its messages cannot be read", self._spec.name)
            self.popen.kill()
        finally:
            self._bury()

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"ready": _}:
                self.report = message
                if problems := "; ".join(message["problems"]):
                    self._report(logging.ERROR, problems)
                self.ready.set()
            case {"launched": number, "pid": pid} if child := self._children.get(number):
                child.pid, child.handle = pid, ProcessHandle(pid)
                child.launched.set()
                if child.unwanted:
                    self.kill(child)
            case {"refused": number, "why": why} if child := self._children.pop(number, None):
                _log.error("%s template cannot start a process: %s", self._spec.name, why)
                child.launched.set()
            case {"exited": number, "code": code}:
                with self._lock:
                    child = self._children.pop(number, None)
                if child is not None:
                    _end(child, code)
            case _:
                _log.warning("%s template: a message about no job of ours", self._spec.name)

    def _bury(self) -> None:
        """The template ended and all its workers with it: wake every waiter."""
        try:
            self.popen.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        with self._lock:
            self.dead = True
            children, self._children = self._children, {}
            self._control.close()
        self.ready.set()
        for child in children.values():
            child.launched.set()
            _end(child, None)
        if self.popen.returncode and not self._is_closing:
            self._report(logging.WARNING, f"ended with status {self.popen.returncode}")
        self._stderr.close()

    def _report(self, level: int, message: str) -> None:
        last_words.log(_log, level, f"{self._spec.name} template", message, self._tail())

    def _tail(self) -> str:
        """The end of what it wrote to standard error; its own place in the file stays."""
        descriptor = self._stderr.fileno()
        start = max(0, os.fstat(descriptor).st_size - 8192)
        return os.pread(descriptor, 8192, start).decode(errors="replace")


def _reason(err: OSError | RuntimeError) -> str:
    """An error's cause, without the paths that its text may hold."""
    return (err.strerror if isinstance(err, OSError) else str(err)) or type(err).__name__


def _end(child: Child, code: int | None) -> None:
    child.code = code
    child.exited.set()
    if child.handle is None:
        return  # never launched: its line to the runner serves for another try
    child.handle.close()
    with contextlib.suppress(OSError):  # nobody may be waiting any more
        child.wake.send(b"x")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that workers inherit: none that may hold secrets."""
    inherited = {name: environ[name] for name in _PASSED_ON if name in environ}
    return inherited | {k: v for k, v in environ.items() if k.startswith("INSPECTOR_")} | _QUIET
