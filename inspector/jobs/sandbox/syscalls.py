"""The system calls that a sandboxed worker may make, with their numbers and the reason for each.

This is the one table of them. x86-64 has numbers of its own; aarch64 has those of the kernel's
generic table, in which the older calls without a directory descriptor do not exist (None).

Source: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h; the constants of
fcntl, ioctl, clone and prctl are the same on both.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

X86_64, AARCH64 = "x86_64", "aarch64"

LAST_NUMBER = 462
"""Newer calls answer ENOSYS, as on an older kernel: the C library then takes the older call."""


@dataclass(frozen=True)
class Check:
    """An argument must be one of some values, or the call fails with EPERM.

    Attributes:
        arg: Position of the argument, from 0.
        values: Compared with the low 32 bits, all that the kernel reads of an ``int``.
        mask: Bits that are compared.
        pointer: All 64 bits count: the upper half must be zero.
    """

    arg: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    pointer: bool = False


@dataclass(frozen=True)
class Syscall:
    """One system call that is allowed, where it exists.

    Attributes:
        checks: Conditions on arguments, all of which must hold.
        network: Only the job that fetches a URL may make it.
    """

    name: str
    x86_64: int | None
    aarch64: int | None
    reason: str
    checks: tuple[Check, ...] = ()
    network: bool = False

    def number(self, machine: str) -> int | None:
        """Its number on a machine; None where there is none."""
        return self.x86_64 if machine == X86_64 else self.aarch64


OWN_PID = -1
"""In a `Check`: the process id of the worker, put in when the filter is built."""

_ROWS: Mapping[str, tuple[tuple[str, int | None, int | None], ...]] = {
    "reads and writes open descriptors": (
        *(("read", 0, 63), ("pread64", 17, 67), ("readv", 19, 65), ("preadv", 295, 69)),
        *(("preadv2", 327, 286), ("write", 1, 64), ("pwrite64", 18, 68), ("writev", 20, 66)),
        *(("pwritev", 296, 70), ("pwritev2", 328, 287), ("lseek", 8, 62), ("close", 3, 57)),
        *(("close_range", 436, 436), ("fsync", 74, 82), ("fdatasync", 75, 83)),
        *(("ftruncate", 77, 46), ("fallocate", 285, 47), ("fadvise64", 221, 223)),
        *(("readahead", 187, 213), ("sendfile", 40, 71), ("copy_file_range", 326, 285)),
        *(("flock", 73, 32), ("dup", 32, 23), ("dup2", 33, None), ("dup3", 292, 24)),
        *(("pipe", 22, None), ("pipe2", 293, 59), ("fcntl", 72, 25), ("ioctl", 16, 29)),
    ),
    "opens and lists files where Landlock allows it": (
        *(("open", 2, None), ("openat", 257, 56), ("getdents64", 217, 61)),
        *(("mkdir", 83, None), ("mkdirat", 258, 34), ("rmdir", 84, None)),
        *(("unlink", 87, None), ("unlinkat", 263, 35), ("rename", 82, None)),
        *(("renameat", 264, 38), ("renameat2", 316, 276)),
    ),
    "asks whether a file exists and how large it is": (
        *(("stat", 4, None), ("fstat", 5, 80), ("lstat", 6, None), ("newfstatat", 262, 79)),
        *(("statx", 332, 291), ("statfs", 137, 43), ("fstatfs", 138, 44), ("access", 21, None)),
        *(("faccessat", 269, 48), ("faccessat2", 439, 439), ("readlink", 89, None)),
        *(("readlinkat", 267, 78), ("getcwd", 79, 17), ("umask", 95, 166)),
    ),
    "uses memory of its own": (
        *(("mmap", 9, 222), ("munmap", 11, 215), ("mremap", 25, 216), ("mprotect", 10, 226)),
        *(("madvise", 28, 233), ("brk", 12, 214), ("msync", 26, 227), ("mincore", 27, 232)),
        ("membarrier", 324, 283),
    ),
    "starts threads of its own, waits, ends": (
        *(("clone", 56, 220), ("futex", 202, 98), ("set_tid_address", 218, 96)),
        *(("set_robust_list", 273, 99), ("rseq", 334, 293), ("sched_yield", 24, 124)),
        *(("sched_getaffinity", 204, 123), ("sched_getparam", 143, 121)),
        *(("sched_getscheduler", 145, 120), ("sched_get_priority_max", 146, 125)),
        *(("sched_get_priority_min", 147, 126), ("getcpu", 309, 168), ("arch_prctl", 158, None)),
        *(("prctl", 157, 167), ("exit", 60, 93), ("exit_group", 231, 94), ("wait4", 61, 260)),
        *(("waitid", 247, 95), ("restart_syscall", 219, 128)),
    ),
    "asks about itself and the machine": (
        *(("getpid", 39, 172), ("gettid", 186, 178), ("getppid", 110, 173)),
        *(("getpgrp", 111, None), ("getpgid", 121, 155), ("getsid", 124, 156)),
        *(("getuid", 102, 174), ("geteuid", 107, 175), ("getgid", 104, 176)),
        *(("getegid", 108, 177), ("getresuid", 118, 148), ("getresgid", 120, 150)),
        *(("getgroups", 115, 158), ("getrusage", 98, 165), ("times", 100, 153)),
        *(("sysinfo", 99, 179), ("uname", 63, 160), ("prlimit64", 302, 261)),
        ("getrandom", 318, 278),
    ),
    "handles and raises signals in itself": (
        *(("rt_sigaction", 13, 134), ("rt_sigprocmask", 14, 135), ("rt_sigreturn", 15, 139)),
        *(("rt_sigtimedwait", 128, 137), ("rt_sigsuspend", 130, 133), ("sigaltstack", 131, 132)),
        *(("pause", 34, None), ("kill", 62, 129), ("tgkill", 234, 131)),
    ),
    "reads the clock and sleeps": (
        *(("clock_gettime", 228, 113), ("clock_getres", 229, 114)),
        *(("clock_nanosleep", 230, 115), ("nanosleep", 35, 101), ("gettimeofday", 96, 169)),
        ("time", 201, None),
    ),
    "waits for descriptors": (
        *(("poll", 7, None), ("ppoll", 271, 73), ("select", 23, None), ("pselect6", 270, 72)),
        *(("epoll_create1", 291, 20), ("epoll_ctl", 233, 21), ("epoll_wait", 232, None)),
        *(("epoll_pwait", 281, 22), ("epoll_pwait2", 441, 441), ("eventfd2", 290, 19)),
    ),
    # No other socket exists in a worker, and it can make none: `sendto` is how Python sends.
    "talks with the runner over the socket it was given": (
        *(("sendto", 44, 206), ("recvfrom", 45, 207), ("shutdown", 48, 210)),
        *(("getsockname", 51, 204), ("getsockopt", 55, 209)),
    ),
}

_NETWORK_ROWS: Mapping[str, tuple[tuple[str, int | None, int | None], ...]] = {
    "fetches a URL": (
        *(("socket", 41, 198), ("socketpair", 53, 199), ("connect", 42, 203)),
        *(("getpeername", 52, 205), ("setsockopt", 54, 208), ("sendmsg", 46, 211)),
        *(("recvmsg", 47, 212), ("sendmmsg", 307, 269), ("recvmmsg", 299, 243)),
    ),
}

NOT_IMPLEMENTED: Mapping[str, tuple[int, int]] = {"clone3": (435, 435)}
"""Refused with ENOSYS: its flags lie in memory, where a filter cannot read them; the C library then
calls `clone`."""

OWN_CALLS: Mapping[str, tuple[int, int]] = {
    "seccomp": (317, 277),
    "capset": (126, 91),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}
"""What entering the sandbox itself calls, and a worker may not: numbers on x86-64 and aarch64."""

_CLONE_VM, _CLONE_THREAD = 0x100, 0x10000
# PIDFD PTRACE VFORK PARENT NEWNS UNTRACED, and the namespaces for cgroups, names, IPC, users,
# processes and the network.
_CLONE_REFUSED = 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x20000 | 0x800000 | 0x7E000000
_O_TRUNC = 0x200
# Not reading alone with O_TRUNC: Landlock before ABI 3 does not handle that it empties the file.
_OPEN_FLAGS = {"values": (0, 1, 2, _O_TRUNC | 1, _O_TRUNC | 2), "mask": _O_TRUNC | 3}
# DUPFD GETFD SETFD GETFL SETFL GETLK SETLK SETLKW DUPFD_CLOEXEC, locks of open files. Not SETOWN,
# which has the kernel signal any process of the same user.
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 36, 37, 38)
# TCGETS TCGETS2 TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
_IOCTL = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_PRCTL = (15, 16, 0x53564D41)  # SET_NAME GET_NAME SET_VMA
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _SOCKET_TYPE = 1, 2, 0xF

_CHECKS: Mapping[str, tuple[Check, ...]] = {
    "open": (Check(1, **_OPEN_FLAGS),),  # type: ignore[arg-type]
    "openat": (Check(2, **_OPEN_FLAGS),),  # type: ignore[arg-type]
    "fcntl": (Check(1, _FCNTL),),
    "ioctl": (Check(1, _IOCTL),),
    "clone": (Check(0, (_CLONE_THREAD | _CLONE_VM,), _CLONE_THREAD | _CLONE_VM | _CLONE_REFUSED),),
    "prctl": (Check(0, _PRCTL),),
    "prlimit64": (Check(0, (0,)), Check(2, (0,), pointer=True)),  # its own limits, only read
    "kill": (Check(0, (OWN_PID,)),),
    "tgkill": (Check(0, (OWN_PID,)),),
    "socket": (Check(0, (_AF_INET, _AF_INET6)), Check(1, (_STREAM, _DATAGRAM), _SOCKET_TYPE)),
    "socketpair": (Check(0, (_AF_UNIX,)),),
}


def _table() -> Iterator[Syscall]:
    for rows, network in ((_ROWS, False), (_NETWORK_ROWS, True)):
        for reason, calls in rows.items():
            for name, x86_64, aarch64 in calls:
                yield Syscall(name, x86_64, aarch64, reason, _CHECKS.get(name, ()), network)


SYSCALLS: tuple[Syscall, ...] = tuple(_table())
"""Every system call that is allowed."""


@functools.cache
def machine() -> str | None:
    """The machine this process runs on, as the table names it; None for one it does not know."""
    name = platform.machine()
    supported = sys.platform == "linux" and sys.maxsize > 1 << 32 and name in (X86_64, AARCH64)
    return name if supported else None


def own_number(name: str) -> int:
    """The number of one of `OWN_CALLS` on this machine. Raises: OSError where it has none."""
    here = machine()
    if here is None:
        raise OSError(errno.ENOSYS, f"{name}: no system call numbers for this machine")
    return OWN_CALLS[name][0 if here == X86_64 else 1]


def call(name: str, *arguments: object) -> int:
    """Make one of `OWN_CALLS`; numbers are given as ctypes of their width. Raises: OSError."""
    result = int(_libc.syscall(ctypes.c_long(own_number(name)), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
