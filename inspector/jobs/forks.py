"""Handles ``os.fork`` in the caller: closes inherited sockets and replaces locks in the child.

``os.fork`` copies descriptors and locks, but none of the threads that serve them. A forked process
closes its copies, so that templates and workers see the end of the process that started them, and
everything that registered here goes back to its state before the first job.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import weakref
from collections.abc import Iterator
from typing import IO, Any, Protocol


class Forkable(Protocol):
    """Something that holds locks, processes or jobs."""

    def after_fork(self) -> None:
        """Reset state in a forked process, which has only the calling thread."""


_guard = threading.RLock()
"""Held while descriptors are made and while the process forks: a fork sees all of them or none."""
_private: weakref.WeakSet[Any] = weakref.WeakSet()
_owners: weakref.WeakSet[Any] = weakref.WeakSet()


@contextlib.contextmanager
def no_fork() -> Iterator[None]:
    """Make forks by other threads wait until the block ends. Keep it short; do not log in it."""
    with _guard:
        yield


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that a forked process closes."""
    with _guard:
        pair = socket.socketpair()
        _private.update(pair)
        return pair


def keep_private(file: IO[bytes]) -> None:
    """A forked process closes this file; it must be unbuffered, as buffers have locks."""
    with _guard:
        _private.add(file)


def register(owner: Forkable) -> None:
    """``owner.after_fork()`` is called in every forked process, for as long as the owner lives."""
    with _guard:
        _owners.add(owner)


def _in_child() -> None:
    """The forked process has one thread, the one that forked and holds the guard."""
    try:
        for file in list(_private):
            with contextlib.suppress(OSError):
                file.close()
        _private.clear()
        for owner in list(_owners):
            owner.after_fork()
    finally:
        _guard.release()


os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_in_child)
