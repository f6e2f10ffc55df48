"""The seccomp filter: a small program that the kernel asks before every system call of a worker.

Source: linux/seccomp.h, linux/filter.h, linux/audit.h; Documentation/userspace-api/seccomp_filter.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import struct
from collections.abc import Sequence
from typing import NamedTuple

from inspector.jobs.sandbox.syscalls import (
    LAST_NUMBER,
    NOT_IMPLEMENTED,
    OWN_PID,
    SYSCALLS,
    X86_64,
    Check,
    call,
)

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
REFUSED, UNKNOWN = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS

LOAD, AND, EQUAL, AT_LEAST, GREATER, RETURN = 0x20, 0x54, 0x15, 0x35, 0x25, 0x06
"""Operations of the kernel's filter machine; all numbers are 32 bits."""

NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
"""Offsets in ``struct seccomp_data``."""

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
"""Set in the number of a call through the x32 interface, which has numbers of its own."""

_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_TSYNC = 1


class Instruction(NamedTuple):
    """One instruction; a jump skips ``yes`` or ``no`` instructions."""

    code: int
    yes: int
    no: int
    value: int


def program(machine: str, pid: int, *, network: bool) -> list[Instruction]:
    """The filter of one worker.

    Args:
        machine: ``x86_64`` or ``aarch64``.
        pid: The worker's process id, the only one it may signal.
        network: Also allow what fetching a URL needs.
    """
    return [
        part._replace(value=pid) if part.value == OWN_PID else part
        for part in for_any_process(machine, network=network)
    ]


@functools.cache
def for_any_process(machine: str, *, network: bool) -> tuple[Instruction, ...]:
    """The filter with `OWN_PID` for the worker's process id; made once, before workers fork."""
    code = [
        Instruction(LOAD, 0, 0, ARCHITECTURE_AT),
        Instruction(EQUAL, 1, 0, AUDIT_ARCH[machine]),
        _return(KILL),
        Instruction(LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == X86_64:
        code += [Instruction(AT_LEAST, 0, 1, X32_BIT), _return(KILL)]
    for allowed in SYSCALLS:
        number = allowed.number(machine)
        if number is not None and (network or not allowed.network):
            body = _body(allowed.checks)
            code += [Instruction(EQUAL, 0, len(body), number), *body]
    for numbers in NOT_IMPLEMENTED.values():
        code += [Instruction(EQUAL, 0, 1, numbers[machine != X86_64]), _return(UNKNOWN)]
    code += [Instruction(GREATER, 0, 1, LAST_NUMBER), _return(UNKNOWN), _return(REFUSED)]
    return tuple(code)


def available() -> bool:
    """Whether this kernel takes filters. Asks only; nothing changes."""
    action = ctypes.c_uint32(ALLOW)
    try:
        return _seccomp(_GET_ACTION_AVAIL, 0, action) == 0
    except OSError:
        return False


def install(code: Sequence[Instruction]) -> None:
    """Put the filter on every thread of this process, for good. Raises: OSError."""
    data = b"".join(struct.pack("=HBBI", part.code, part.yes, part.no, part.value) for part in code)
    instructions = ctypes.create_string_buffer(data, len(data))
    header = _Program(len(code), ctypes.addressof(instructions))
    thread = _seccomp(_SET_MODE_FILTER, _TSYNC, header)
    if thread != 0:
        raise OSError(errno.EAGAIN, f"seccomp: thread {thread} has a filter of its own")


def _body(checks: Sequence[Check]) -> list[Instruction]:
    """What follows an allowed number: all checks hold, or the call is refused."""
    code: list[Instruction] = []
    for check in checks:
        low = ARGUMENTS_AT + 8 * check.arg  # both machines are little-endian
        code.append(Instruction(LOAD, 0, 0, low))
        if check.mask != 0xFFFFFFFF:
            code.append(Instruction(AND, 0, 0, check.mask))
        for place, value in enumerate(check.values):
            code.append(Instruction(EQUAL, len(check.values) - place, 0, value))
        code.append(_return(REFUSED))
        if check.pointer:
            code += [
                Instruction(LOAD, 0, 0, low + 4),
                Instruction(EQUAL, 1, 0, 0),
                _return(REFUSED),
            ]
    return [*code, _return(ALLOW)]


def _return(action: int) -> Instruction:
    return Instruction(RETURN, 0, 0, action)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _seccomp(operation: int, flags: int, argument: ctypes.c_uint32 | _Program) -> int:
    numbers = ctypes.c_ulong(operation), ctypes.c_ulong(flags)
    return call("seccomp", *numbers, ctypes.byref(argument))
