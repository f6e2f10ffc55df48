"""The web process of an app that this process has started: its processor time and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path


class Web:
    """The web process, seen from outside."""

    def __init__(self, port: int) -> None:
        self.pid = next(pid for pid in _children() if f"--port {port}" in _command(pid))

    def cpu(self) -> float:
        """Milliseconds of all its threads so far: Linux's clock of another process."""
        return time.clock_gettime((~self.pid << 3) | 2) * 1e3

    def resident(self) -> float:
        """MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _children() -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(place.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        if parent == os.getpid():
            yield int(place.parent.name)


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
