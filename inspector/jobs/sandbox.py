"""What a worker gives up before it reads a byte of a model.

Linux and macOS have the limits; dying with the parent and "no new privileges" are Linux only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable

from inspector.jobs.requests import Limits

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_MAX_DESCRIPTORS = 1 << 16

_libc = ctypes.CDLL(None, use_errno=True)


def detach(keep: Iterable[int], log: int) -> None:
    """Close every inherited descriptor but ``keep``; input from nowhere, output to the log pipe.

    The worker leads a session of its own, so that it has no terminal and is killed with all that
    it may have started.
    """
    if os.getsid(0) != os.getpid():
        os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    start = 3
    for descriptor in sorted(set(keep)):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, _MAX_DESCRIPTORS)
    os.umask(0o077)


def die_with_parent(parent: int) -> None:
    """Be killed when the process that started this one dies; at once if it is dead already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def enter(limits: Limits) -> None:
    """Take on the limits, and give up gaining privileges. Cannot be undone.

    What this does not do: files and the network stay open to a job as far as the user who runs the
    server may reach them. Filters for both (Landlock, seccomp) have their place at the end of this
    function, after the limits and "no new privileges", on which they depend.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing too much is an OSError, not a death
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 2)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes)
    _lower(resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes)
    _raise_soft(resource.RLIMIT_STACK, limits.stack_bytes)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _lower(which: int, soft: int, hard: int) -> None:
    """Set a limit, but never above the one that is there."""
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def _raise_soft(which: int, soft: int) -> None:
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft = min(soft, ceiling)
    resource.setrlimit(which, (soft, ceiling))


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")
