"""Temporary folders that do not outlive their process, or are removed when the next one starts.

Each holds a lock file that its process has locked. The lock ends with the process, by SIGKILL too,
so `sweep` tells the leftovers of dead processes from the folders of running ones.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import tempfile
import weakref
from pathlib import Path

from inspector.jobs.store import locks

LOCK, CONTENT = "lock", "content"
_TRIES = 3
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Stage:
    """A temporary folder; `discard`, garbage collection and the end of the process remove it.

    Attributes:
        path: The folder itself, with the lock file in it.
        content: The folder inside to write to; it may be renamed away.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.content: Path = path / CONTENT
        self._discard = weakref.finalize(self, _discard, path, lock, os.getpid())

    def discard(self) -> None:
        """Remove the folder; safe to call more than once."""
        self._discard()


def new(parent: Path, prefix: str) -> Stage:
    """A new temporary folder, readable by this user only.

    Raises: OSError.
    """
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = locks.acquire(path / LOCK, exclusive=True, wait=False)
        except FileNotFoundError:
            continue  # swept before it was locked; if the parent is gone, mkdtemp says so
        except BaseException:
            remove(path)
            raise
        if lock is None:
            continue
        stage = Stage(path, lock)
        try:
            stage.content.mkdir(mode=0o700)
        except BaseException:
            stage.discard()
            raise
        return stage


def sweep(parent: Path, prefix: str) -> int:
    """Remove what dead processes left behind; gives the number of folders.

    Folders of other users, and whatever has another prefix, are left alone.
    """
    count = 0
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with contextlib.suppress(OSError):
                    count += _sweep_one(Path(entry.path))
    return count


def remove(path: Path) -> None:
    """Remove a file or a whole folder as far as possible, folders without permissions included.

    A hostile job may have left any tree: folders deeper than Python's recursion or the longest
    path of the system. So no path is built: folders are moved up before they are emptied.
    """
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    for _try in range(_TRIES):  # a worker that is about to die may still add files
        with contextlib.suppress(OSError):
            path.chmod(0o700)
        with contextlib.suppress(OSError):
            _empty(path)
            path.rmdir()
        if not path.exists():
            return


def _empty(path: Path) -> None:
    """Remove all that is in a folder. Raises: OSError for the folder itself."""
    top = os.open(path, _FOLDER)
    try:
        names = (f"{secrets.token_hex(8)}-{number}" for number in itertools.count())
        todo = _clear(top)
        while todo:
            name = todo.pop()
            with contextlib.suppress(OSError):
                os.chmod(name, 0o700, dir_fd=top)
                folder = os.open(name, _FOLDER, dir_fd=top)
                try:
                    for below in _clear(folder):
                        with contextlib.suppress(OSError):
                            # A folder without permissions cannot be moved.
                            os.chmod(below, 0o700, dir_fd=folder)
                            moved = next(names)
                            os.rename(below, moved, src_dir_fd=folder, dst_dir_fd=top)
                            todo.append(moved)
                finally:
                    os.close(folder)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)


def _clear(folder: int) -> list[str]:
    """Remove what is no folder from an open folder; gives the names of the folders in it."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.name, dir_fd=folder)
    return folders


def _sweep_one(path: Path) -> bool:
    status = path.lstat()
    if not path.is_dir() or path.is_symlink() or status.st_uid != os.geteuid():
        return False
    lock = locks.acquire(path / LOCK, exclusive=True, wait=False)
    if lock is None:
        return False
    try:
        remove(path)
    finally:
        os.close(lock)
    return True


def _discard(path: Path, lock: int, process: int) -> None:
    # A fork of the process has a copy of the object, and may end long before the process does.
    if os.getpid() == process:
        remove(path)
    os.close(lock)
