"""Checks disk usage and threads of a running job, which no process limit bounds.

The kernel limits one file, not a folder, and the threads of a user, not those of a process (and of
root not at all). So the runner looks while the job runs; a hostile one is stopped within a second.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from inspector import settings
from inspector.errors import LimitExceeded
from inspector.jobs.requests import MIB

LOOK_S = 0.5
"""Seconds between two looks."""
RESERVE = 64 * MIB
"""Bytes of the disk that stay free for others; an eighth of a small disk."""
_THREADS, _THREADS_PER_CORE = 1024, 16
_ENTRIES_PER_FILE = 4
_MOST_DESCRIPTORS = 4096
MOST_DEPTH = 100
"""Folders inside of each other; each costs every look into it as many steps."""


@dataclass(frozen=True)
class Usage:
    """What a job's folder takes.

    Attributes:
        bytes: On the disk, files that have no name any more included.
        entries: Files and folders.
        depth: The most folders inside of each other.
    """

    bytes: int
    entries: int
    depth: int

    def check(self) -> None:
        """See that there are no more files than a job may make. Raises: LimitExceeded."""
        if self.depth > MOST_DEPTH:
            raise LimitExceeded("result", "files", f"more than {MOST_DEPTH} folders deep")
        if self.entries > (most := most_entries()):
            raise LimitExceeded("result", "files", f"more than {most:,} files and folders")


def check(kind: str, folder: Path, pid: int, max_bytes: int) -> None:
    """See that a job takes no more of the machine than it may.

    Args:
        folder: The private folder it writes to.
        pid: Its process.
        max_bytes: What all files in the folder may take.
    Raises: LimitExceeded.
    """
    most = most_threads()
    if _threads(pid) > most:
        raise LimitExceeded(kind, "threads", f"the job starts more than {most:,}")
    used = usage(folder, pid)
    used.check()
    if used.bytes > max_bytes:
        raise too_many_bytes(max_bytes)
    reserve, free = room(folder)
    if used.bytes > reserve > free:
        raise LimitExceeded(kind, "files", "the job fills the disk of the workspace")


def room(folder: Path) -> tuple[int, int]:
    """Bytes of a folder's disk that should be free, and that are. Raises: OSError."""
    disk = os.statvfs(folder)
    return min(RESERVE, disk.f_blocks * disk.f_frsize // 8), disk.f_bavail * disk.f_frsize


def most_threads() -> int:
    """The most threads of one job: TensorFlow starts a few for each core."""
    return _THREADS + _THREADS_PER_CORE * (os.cpu_count() or 1)


def most_entries() -> int:
    """The most files and folders of one job: its answer, and its temporary files."""
    return _ENTRIES_PER_FILE * settings.FILES()


def too_many_bytes(max_bytes: int) -> LimitExceeded:
    """The error for a job whose files take too much."""
    return LimitExceeded("result", "files", f"more than {max_bytes // MIB:,} MiB")


def usage(folder: Path, pid: int | None = None) -> Usage:
    """What a folder takes now; counting ends where it is more than a job may take.

    Args:
        pid: A process whose open files without a name count too.
    """
    size = entries = depth = 0
    most = most_entries()
    todo = [(str(folder), 0)]
    while todo and entries <= most and depth <= MOST_DEPTH:
        path, depth_here = todo.pop()
        depth = max(depth, depth_here)
        # What goes while we look is looked at once more when the job has ended.
        with contextlib.suppress(OSError), os.scandir(path) as inside:
            for entry in inside:
                entries += 1
                if entry.is_dir(follow_symlinks=False):
                    todo.append((entry.path, depth_here + 1))
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                if entries > most:
                    break
    return Usage(size + (0 if pid is None else _nameless_bytes(folder, pid)), entries, depth)


def _nameless_bytes(folder: Path, pid: int) -> int:
    """Bytes of files that a process has open and that were removed from their folder."""
    size = 0
    with contextlib.suppress(OSError):
        device = folder.stat().st_dev
        with os.scandir(f"/proc/{pid}/fd") as descriptors:
            for number, entry in enumerate(descriptors):
                if number > _MOST_DESCRIPTORS:
                    break
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    is_nameless = status.st_nlink == 0 and stat.S_ISREG(status.st_mode)
                    if is_nameless and status.st_dev == device:
                        size += status.st_blocks * 512
    return size


def _threads(pid: int) -> int:
    """How many threads a process has; 0 where that cannot be told."""
    try:
        return os.stat(f"/proc/{pid}/task").st_nlink - 2  # noqa: PTH116  no Path is needed
    except OSError:
        return 0
