"""The most resident memory of this process during a part of its work."""

from __future__ import annotations

import ctypes
import os
import resource
import threading
from pathlib import Path
from types import TracebackType

_STATM = Path("/proc/self/statm")
_EVERY_S = 0.002


class PeakMemory:
    """Samples resident memory in a thread, from entering to leaving.

    The kernel's own high-water mark cannot be reset in the sandbox, so that it would hold the peak
    of an earlier model.

    Attributes:
        start: Bytes at the start, after free memory was given back.
        bytes: The most until now.
    """

    def __init__(self) -> None:
        self.start: int = 0
        self.bytes: int = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        _give_back()
        self.start = self.bytes = resident()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.bytes = max(self.bytes, resident())

    @property
    def added(self) -> int:
        """The most bytes above those at the start."""
        return self.bytes - self.start

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self.bytes = max(self.bytes, resident())


def resident() -> int:
    """Resident bytes of this process; 0 where the system does not tell."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _give_back() -> None:
    """Return freed memory to the system, or what is allocated next would not show."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return


def address_space_left() -> int | None:
    """Bytes that this process may still reserve under its limit; None without a limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return max(0, limit - pages * os.sysconf("SC_PAGE_SIZE"))
