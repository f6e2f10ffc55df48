"""A process that is not this one's child: kill it and learn of its end without waiting for anyone.

A worker is the template's child, so only the template can reap it. A template that is stopped or
hangs cannot kill either; a pidfd of Linux reaches the worker directly and never hits a process that
was given the same id later.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

_PROCESS_GROUP = 1 << 2  # PIDFD_SIGNAL_PROCESS_GROUP, since Linux 6.9


class ProcessHandle:
    """A pidfd. Thread-safe; does nothing where the system has no pidfd."""

    def __init__(self, pid: int) -> None:
        self._lock = threading.Lock()
        self._descriptor = -1
        if sys.platform == "linux":
            try:
                self._descriptor = os.pidfd_open(pid)
            except OSError:  # it has ended and was reaped, or the kernel is older than 5.3
                self._descriptor = -1

    def kill(self) -> None:
        """Send SIGKILL to the process and to its process group; nothing if it has ended."""
        if sys.platform == "linux":
            with self._lock:
                for flags in (_PROCESS_GROUP, 0):
                    try:
                        if self._descriptor >= 0:
                            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL, None, flags)
                    except OSError:  # ended, no group of its own, or a kernel without groups here
                        continue

    def has_ended(self) -> bool:
        """True if the process is known to have ended; its parent may not have reaped it yet."""
        with self._lock:
            if self._descriptor < 0:
                return False
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            return bool(poll.poll(0))

    def close(self) -> None:
        """Give the descriptor back; the handle is of no use afterwards."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1
