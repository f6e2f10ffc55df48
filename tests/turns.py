"""Which tests run at the same time: those marked ``alone`` while no other worker runs a test."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """Two locks that the workers of pytest-xdist share.

    A test holds the lock ``running`` while it runs, shared with others or, if it is marked
    ``alone``, for itself. It waits for that lock while it holds ``queue``, so that tests that start
    later wait behind one that is to run alone.

    Args:
        queue: Any file; nothing is written to it.
        running: Another one.
    """

    def __init__(self, queue: Path, running: Path) -> None:
        self._queue = os.open(queue, os.O_RDONLY)
        self._running = os.open(running, os.O_RDONLY)

    @contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Wait until a test may run, and let others wait for its end."""
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # Not by closing: a process that the test forked has the descriptor, too.
            fcntl.flock(self._running, fcntl.LOCK_UN)
