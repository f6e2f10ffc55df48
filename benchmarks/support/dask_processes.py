"""A Dask scheduler and Dask workers as processes on the loopback address."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.support.serving import unused_port

ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s",
}


class DaskProcesses:
    """They end with the block; a worker has a workspace of its own unless it is given one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = unused_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_scheduler(self) -> None:
        place = ["--host", "127.0.0.1", "--port", str(self.port)]
        self.scheduler = self._start("scheduler", *place, "--no-dashboard")

    def start_worker(self, *, preload: str = "") -> subprocess.Popen[bytes]:
        """One thread, and no process that starts it again.

        Args:
            preload: A module that it imports first.
        """
        number = len(self.workers)
        home = self.folder / f"worker{number}"
        home.mkdir(mode=0o700)
        options = ["--no-nanny", *(["--preload", preload] if preload else [])]
        local = ["--nthreads", "1", "--local-directory", str(home), "--no-dashboard"]
        where = ["--host", "127.0.0.1"]
        workspace = {"INSPECTOR_WORKSPACE": str(home / "workspace")}
        process = self._start("worker", self.address, *local, *where, *options, **workspace)
        self.workers.append(process)
        return process

    def log(self) -> str:
        return "\n".join(file.read_text() for file in sorted(self.folder.glob("*.log")))

    def end(self) -> None:
        processes = [*self.workers, *([self.scheduler] if self.scheduler else [])]
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, command: str, *options: str, **environ: str) -> subprocess.Popen[bytes]:
        number = len(list(self.folder.glob("*.log")))
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("INSPECTOR_")}
        with (self.folder / f"{number}-{command}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", command, *options],
                cwd=ROOT,
                env={**inherited, **_ENVIRONMENT, "PYTHONPATH": paths, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@contextlib.contextmanager
def dask_processes(folder: Path, workers: int, *, preload: str = "") -> Iterator[DaskProcesses]:
    """A scheduler and workers; they end with the block."""
    folder.mkdir(exist_ok=True)
    processes = DaskProcesses(folder)
    try:
        processes.start_scheduler()
        for _ in range(workers):
            processes.start_worker(preload=preload)
        yield processes
    finally:
        processes.end()
