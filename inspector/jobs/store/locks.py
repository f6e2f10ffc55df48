"""Locks on files that end with their process, however it ends.

Source: flock(2). A lock belongs to one opening of a file, so two in one process exclude each other.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def acquire(path: Path, *, exclusive: bool, wait: bool = True) -> int | None:
    """Lock a file, which is made where it is missing.

    Returns: A descriptor that holds the lock until it is closed; None when `wait` is false and
        somebody else holds the lock.
    Raises: OSError.
    """
    operation = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    if not wait:
        operation |= fcntl.LOCK_NB
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, operation)
            if _is_file_of(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        # The file was removed while we waited: a lock on it excludes nobody.
        os.close(descriptor)


def _is_file_of(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
