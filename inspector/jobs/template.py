"""The process that workers are forked from: imports modules, then only forks, kills and reaps.

It holds no user's data and runs no op: after one session or eager op in here, every fork would
hang. It talks with the runner in JSON lines over a socket; descriptors travel beside the lines.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
import warnings
from collections import deque
from typing import Any, NoReturn

from inspector.jobs import worker
from inspector.jobs.sandbox import enter

_BOOT = """
import json, sys
config = json.loads(sys.argv[1])
sys.path[:] = config["paths"]
from inspector.jobs import template
template.{entry}(config)
"""
_SELF_TEST_S = 60.0


def command(entry: str, config: dict[str, Any]) -> list[str]:
    """The command line of a fresh Python that runs a function of this module.

    The module search path is passed on as it is; nothing of the caller's ``__main__`` is imported.
    """
    return [sys.executable, "-P", "-c", _BOOT.format(entry=entry), json.dumps(config)]


def main(config: dict[str, Any]) -> NoReturn:
    """Run a template.

    Args:
        config: ``fd`` the control socket, ``paths`` for sys.path, ``preload`` modules to import,
            ``self_test`` a ``module:function`` to run in a forked child, or None, ``spawn`` True
            to start a new Python for each job in place of a fork.
    """
    # What the caller's process does with signals is inherited: where it ignores or blocks the death
    # of children, this one would hear of none.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # One thread forks all; the libraries that keep a pool of their own are told not to.
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
    control = socket.socket(fileno=config["fd"])
    start = time.perf_counter()
    problems = _preload(config["preload"])
    spawn = bool(config["spawn"])
    if config["self_test"] and not spawn and not _fork_works(config["self_test"]):
        problems.append("the self-test failed in a forked process; each job starts a new Python")
        spawn = True
    enter.prepare()
    gc.collect()
    gc.freeze()  # what is here now stays: keeps its pages shared with the forks
    ready = {
        "ready": True,
        "mode": "spawn" if spawn else "fork",
        "problems": problems,
        "seconds": time.perf_counter() - start,
    }
    _Template(control, config["paths"] if spawn else None).serve(ready)
    os._exit(0)


def job(config: dict[str, Any]) -> NoReturn:
    """Run one job in a fresh Python, for templates that cannot fork."""
    worker.main(config["job"], config["log"], config["parent"])


def _preload(modules: list[str]) -> list[str]:
    """Import the modules; one that fails is reported, as its jobs will fail and others will not."""
    problems = []
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:
            traceback.print_exc()
            problems.append(f"{name} cannot be imported")
    return problems


def _fork_works(function: str) -> bool:
    """True if a forked child can run the self-test in time."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            enter.die_with_parent(parent)
            module, _, name = function.partition(":")
            getattr(importlib.import_module(module), name)()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    deadline = time.monotonic() + _SELF_TEST_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


class _Template:
    """The loop that executes the runner's orders and reaps children."""

    def __init__(self, control: socket.socket, spawn_paths: list[str] | None) -> None:
        self._control = control
        self._spawn_paths = spawn_paths
        self._children: dict[int, int] = {}  # process id -> number of the job
        self._descriptors: deque[int] = deque()
        self._line = b""

    def serve(self, ready: dict[str, Any]) -> None:
        """Work until the runner closes its end; then nothing is left running."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, _ignore)  # a handler, so that the wake-up pipe is written
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._send(ready)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(wake_read, selectors.EVENT_READ)
            while True:
                for key, _events in selector.select():
                    if key.fileobj is not self._control:
                        _drain(wake_read)
                    elif not self._obey():
                        self._end()
                        return
                self._reap()

    def _obey(self) -> bool:
        """Take the orders that have arrived; False when the runner has gone."""
        try:
            data, descriptors, _flags, _address = socket.recv_fds(self._control, 1 << 16, 16)
        except ConnectionError:
            return False
        self._descriptors += descriptors
        if not data:
            return False
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "launch" in order:
                self._launch(
                    order["launch"], self._descriptors.popleft(), self._descriptors.popleft()
                )
            else:
                self._kill(order["kill"])
        return True

    def _launch(self, number: int, job: int, log: int) -> None:
        try:
            pid = self._spawn(job, log) if self._spawn_paths is not None else self._fork(job, log)
            self._children[pid] = number
            self._send({"launched": number, "pid": pid})
        except OSError as err:
            self._send({"refused": number, "why": os.strerror(err.errno or 0)})
        finally:
            os.close(job)
            os.close(log)

    def _fork(self, job: int, log: int) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                # What the server ignores (nohup) or Python handles ends a worker all the same.
                for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)
                worker.main(job, log, parent)
            finally:
                os._exit(1)
        return pid

    def _spawn(self, job: int, log: int) -> int:
        config = {"paths": self._spawn_paths, "job": job, "log": log, "parent": os.getpid()}
        child = subprocess.Popen(command("job", config), pass_fds=(job, log))
        child.returncode = 0  # reaped by `_reap`; this object must not wait for it
        return child.pid

    def _kill(self, number: int) -> None:
        """Kill a job that is still there. Its id cannot be another's: only `_reap` frees it."""
        for pid, job in self._children.items():
            if job == number:
                _kill_group(pid)

    def _reap(self) -> None:
        while self._children:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            pid = ended.si_pid
            # While it is not reaped its id is its own, so this can hit nobody else: what the job
            # may have started does not outlive it.
            _kill_group(pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            number = self._children.pop(pid, None)
            if number is not None:
                self._send({"exited": number, "code": code})

    def _end(self) -> None:
        for pid in self._children:
            _kill_group(pid)
        for pid in self._children:
            os.waitpid(pid, 0)

    def _send(self, value: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # the next read sees the end and stops the loop
            self._control.sendall(json.dumps(value).encode() + b"\n")


def _kill_group(pid: int) -> None:
    """Kill a job and its process group, which does not exist before the job has called setsid."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass


def _ignore(_number: int, _frame: object) -> None:
    """The handler that makes SIGCHLD interrupt the wait."""
