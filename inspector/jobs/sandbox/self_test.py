"""The job that tries the sandbox: it enters it as all jobs do, and tells what it can do there."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from inspector.jobs.request_types import SelfTestAnswer, SelfTestArgs
from inspector.jobs.worker import JobContext, TaskResult


def task(args: SelfTestArgs, job: JobContext) -> TaskResult:
    """Try what a worker must not be able to do, and what it must.

    Args: ``secret``: the path of a file outside of the job that the server can read.
    Value: ``reads_outside``, ``writes_outside``, ``has_network``, ``starts_processes``: True where
        the attempt was not refused; ``writes_own_folder``; ``no_new_privileges``; ``capabilities``:
        how many; ``runs_an_op``.
    """
    from inspector.backend import self_test

    secret = Path(args["secret"])
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    value: SelfTestAnswer = {
        "reads_outside": _succeeds(secret.read_bytes),
        "writes_outside": _succeeds(lambda: secret.with_name("written").touch()),
        "has_network": _succeeds(lambda: socket.socket().close()),
        "starts_processes": _succeeds(_fork),
        "writes_own_folder": _succeeds(lambda: (job.folder / "own").write_bytes(b"x")),
        "no_new_privileges": status.get("NoNewPrivs") == "1",
        "capabilities": int(status.get("CapEff", "0"), 16).bit_count(),
        "runs_an_op": _succeeds(self_test.run_an_op),
    }
    (job.folder / "own").unlink(missing_ok=True)
    return TaskResult(value)


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except (OSError, RuntimeError):
        return False
    return True
