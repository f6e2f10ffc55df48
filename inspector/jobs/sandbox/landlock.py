"""Landlock: files, TCP ports and signals that this thread, and those it starts, may not reach.

Source: linux/landlock.h; Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Mapping

from inspector.jobs.sandbox.syscalls import call

FILE_RIGHTS: Mapping[str, tuple[int, int]] = {
    "EXECUTE": (1 << 0, 1),
    "WRITE_FILE": (1 << 1, 1),
    "READ_FILE": (1 << 2, 1),
    "READ_DIR": (1 << 3, 1),
    "REMOVE_DIR": (1 << 4, 1),
    "REMOVE_FILE": (1 << 5, 1),
    "MAKE_CHAR": (1 << 6, 1),
    "MAKE_DIR": (1 << 7, 1),
    "MAKE_REG": (1 << 8, 1),
    "MAKE_SOCK": (1 << 9, 1),
    "MAKE_FIFO": (1 << 10, 1),
    "MAKE_BLOCK": (1 << 11, 1),
    "MAKE_SYM": (1 << 12, 1),
    "REFER": (1 << 13, 2),
    "TRUNCATE": (1 << 14, 3),
    "IOCTL_DEV": (1 << 15, 5),
    "RESOLVE_UNIX": (1 << 16, 9),
}
"""Bit of each right, and the first ABI that has it."""

NETWORK_RIGHTS: Mapping[str, tuple[int, int]] = {
    "BIND_TCP": (1 << 0, 4),
    "CONNECT_TCP": (1 << 1, 4),
    "BIND_UDP": (1 << 2, 10),
    "CONNECT_SEND_UDP": (1 << 3, 10),
}

SCOPES: Mapping[str, tuple[int, int]] = {
    "ABSTRACT_UNIX_SOCKET": (1 << 0, 6),
    "SIGNAL": (1 << 1, 6),
}

LIST = frozenset({"READ_DIR"})
READ = LIST | {"READ_FILE"}
WRITE = frozenset(FILE_RIGHTS) - {
    *("EXECUTE", "MAKE_CHAR", "MAKE_SOCK", "MAKE_FIFO", "MAKE_BLOCK", "MAKE_SYM"),
    *("IOCTL_DEV", "RESOLVE_UNIX"),
}
"""Read and write: plain files and folders may be made, changed, moved and removed."""

_OF_FILES = frozenset({"EXECUTE", "WRITE_FILE", "READ_FILE", "TRUNCATE", "IOCTL_DEV"})
_VERSION = 1
_PATH_BENEATH = 1


def abi() -> int:
    """The version of this kernel's Landlock; 0 where there is none. Nothing changes."""
    try:
        return call("landlock_create_ruleset", None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def bits(
    rights: Mapping[str, tuple[int, int]], version: int, names: Iterable[str] | None = None
) -> int:
    """The bits of the named rights, by default of all, that an ABI has."""
    chosen = rights.keys() if names is None else frozenset(names)
    return sum(bit for name, (bit, since) in rights.items() if name in chosen and since <= version)


def restrict(
    version: int, paths: Iterable[tuple[str, frozenset[str]]], *, network: bool = False
) -> None:
    """Give up everything Landlock handles but some rights below some paths. Cannot be undone.

    Args:
        version: What `abi` gave.
        paths: Files and folders, links followed, with the names of rights on them and all below;
            what does not exist is passed over.
        network: TCP and UDP to other machines stay possible; ports cannot be bound.
    Raises: OSError.
    """
    files = bits(FILE_RIGHTS, version)
    ports = bits(NETWORK_RIGHTS, version, ("BIND_TCP",) if network else None)
    scopes = bits(SCOPES, version)
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", files, ports, scopes), 24)
    ruleset = call("landlock_create_ruleset", attributes, ctypes.c_size_t(24), ctypes.c_uint32(0))
    try:
        for path, rights in paths:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _allow(ruleset, version, path, rights)
        call("landlock_restrict_self", ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, version: int, path: str, rights: frozenset[str]) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        allowed = bits(FILE_RIGHTS, version, rights)
        if not allowed:
            return
        rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, descriptor), 12)
        call(
            "landlock_add_rule",
            *(ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0)),
        )
    finally:
        os.close(descriptor)
