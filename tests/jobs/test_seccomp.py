"""The filter, run by a small interpreter for both machines, and the numbers it is made of."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from inspector.jobs.sandbox import landlock, seccomp, syscalls
from inspector.jobs.sandbox.seccomp import ALLOW, AUDIT_ARCH, KILL, REFUSED, UNKNOWN
from tests.jobs.escapes import RAW

PID = 4711
MACHINES = ("x86_64", "aarch64")
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def run(code, arch, number, *arguments):
    """What the kernel would answer: the machine of classic BPF, for the operations that we use."""
    words = {seccomp.NUMBER_AT: number & 0xFFFFFFFF, seccomp.ARCHITECTURE_AT: arch}
    for place in range(6):
        value = arguments[place] if place < len(arguments) else 0
        at = seccomp.ARGUMENTS_AT + 8 * place
        words[at], words[at + 4] = value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF
    register, at = 0, 0
    while True:
        step = code[at]
        at += 1
        match step.code:
            case 0x20:
                register = words[step.value]
            case 0x54:
                register &= step.value
            case 0x15:
                at += step.yes if register == step.value else step.no
            case 0x35:
                at += step.yes if register >= step.value else step.no
            case 0x25:
                at += step.yes if register > step.value else step.no
            case 0x06:
                return step.value
            case _:
                raise AssertionError(f"not an operation of ours: {step}")


def asked(machine, name, *arguments, network=False):
    number = next(call for call in syscalls.SYSCALLS if call.name == name).number(machine)
    code = seccomp.program(machine, PID, network=network)
    return run(code, AUDIT_ARCH[machine], number, *arguments)


@pytest.fixture(params=MACHINES)
def machine(request):
    return request.param


def test_the_program_is_one_that_the_kernel_takes(machine):
    for network in (False, True):
        code = seccomp.program(machine, PID, network=network)
        assert len(code) < 4096
        assert all(0 <= part.yes < 256 and 0 <= part.no < 256 for part in code)
        assert all(at + 1 + max(part.yes, part.no) < len(code) for at, part in enumerate(code[:-1]))
        assert code[-1].code == seccomp.RETURN


@pytest.mark.parametrize("arch", [0x40000003, 0x40000028, 0xC000003E, 0xC00000B7, 0])
def test_calls_of_another_architecture_kill(machine, arch):
    code = seccomp.program(machine, PID, network=True)
    if arch != AUDIT_ARCH[machine]:
        assert all(run(code, arch, number) == KILL for number in range(600))


def test_calls_through_x32_kill():
    code = seccomp.program("x86_64", PID, network=False)
    for number in (0, 1, 59, 520, 0x3FFFFFFF):
        assert run(code, AUDIT_ARCH["x86_64"], number | seccomp.X32_BIT) == KILL


def test_numbers_of_later_kernels_are_not_there(machine):
    code = seccomp.program(machine, PID, network=True)
    later = (syscalls.LAST_NUMBER + 1, 500, 5000, 0x3FFFFFFF)
    assert {run(code, AUDIT_ARCH[machine], number) for number in later} == {UNKNOWN}


def test_the_c_library_falls_back_from_clone3(machine):
    code = seccomp.program(machine, PID, network=False)
    assert run(code, AUDIT_ARCH[machine], 435) == UNKNOWN == seccomp.ERRNO | errno.ENOSYS


def test_all_that_is_not_in_the_table_is_refused(machine):
    for network in (False, True):
        code = seccomp.program(machine, PID, network=network)
        listed = {call.number(machine) for call in syscalls.SYSCALLS if network or not call.network}
        for number in range(syscalls.LAST_NUMBER + 1):
            answer = run(code, AUDIT_ARCH[machine], number)
            assert answer in (REFUSED, ALLOW) if number in listed else answer in (REFUSED, UNKNOWN)


def test_what_has_no_check_is_allowed(machine):
    for call in syscalls.SYSCALLS:
        if call.number(machine) is not None and not call.checks:
            big = (1 << 64) - 1
            assert asked(machine, call.name, *[big] * 6, network=True) == ALLOW


def test_dangerous_calls_are_in_no_filter(machine):
    names = {call.name for call in syscalls.SYSCALLS if not call.network}
    assert not names & RAW.keys()
    code = seccomp.program(machine, PID, network=False)
    for number in (numbers[machine == "aarch64"] for numbers in RAW.values()):
        if number is not None:
            assert run(code, AUDIT_ARCH[machine], number) in (REFUSED, UNKNOWN)


THREAD = 0x3D0F00
CHECKED = [
    ("clone", (THREAD,), True),
    ("clone", (0x11,), False),
    ("clone", (0x4111,), False),
    ("clone", (0x10000,), False),
    *(("clone", (THREAD | 1 << bit,), False) for bit in (12, 13, 14, 15, 17, 25, 26, 27, 28, 29)),
    ("clone", (THREAD | 1 << 30,), False),
    ("kill", (PID, 9), True),
    ("kill", (PID + 1, 9), False),
    ("kill", (-PID & 0xFFFFFFFF, 9), False),
    ("kill", (0, 9), False),
    ("kill", (-1 & 0xFFFFFFFF, 9), False),
    ("tgkill", (PID, 1, 6), True),
    ("tgkill", (1, PID, 6), False),
    ("openat", (0, 0, 0o2000000), True),
    ("openat", (0, 0, 0o1 | 0o100 | 0o1000), True),
    ("openat", (0, 0, 0o2 | 0o1000), True),
    ("openat", (0, 0, 0o1000), False),
    ("openat", (0, 0, 0o3), False),
    ("fcntl", (0, 2), True),
    ("fcntl", (0, 1030), True),
    ("fcntl", (0, 8), False),
    ("fcntl", (0, 10), False),
    ("fcntl", (0, 1026), False),
    ("ioctl", (0, 0x5401), True),
    ("ioctl", (0, 0x5412), False),
    ("ioctl", (0, 0x8901), False),
    ("ioctl", (0, 0x5452), False),
    ("prctl", (15,), True),
    ("prctl", (0x53564D41,), True),
    *(("prctl", (option,), False) for option in (1, 4, 22, 24, 35, 36, 38, 47, 0x59616D61)),
    ("prlimit64", (0, 7, 0), True),
    ("prlimit64", (PID, 7, 0), False),
    ("prlimit64", (0, 7, 1), False),
    ("prlimit64", (0, 7, 1 << 32), False),
]


@pytest.mark.parametrize(("name", "arguments", "allowed"), CHECKED)
def test_arguments_are_checked(machine, name, arguments, allowed):
    assert asked(machine, name, *arguments) == (ALLOW if allowed else REFUSED)


@pytest.mark.parametrize(
    ("name", "arguments", "allowed"),
    [
        ("socket", (2, 1 | 0o2000000), True),
        ("socket", (10, 2), True),
        ("socket", (1, 1), False),
        ("socket", (2, 3), False),
        ("socket", (16, 3), False),
        ("socket", (17, 1), False),
        ("socketpair", (1, 1), True),
        ("socketpair", (2, 1), False),
        ("connect", (3,), True),
    ],
)
def test_only_what_fetches_has_sockets(machine, name, arguments, allowed):
    assert asked(machine, name, *arguments, network=True) == (ALLOW if allowed else REFUSED)
    assert asked(machine, name, *arguments) == REFUSED


def every_number():
    for call in syscalls.SYSCALLS:
        yield call.name, call.x86_64, call.aarch64
    for table in (syscalls.OWN_CALLS, syscalls.NOT_IMPLEMENTED, RAW):
        for name, numbers in table.items():
            yield name, *numbers


def test_no_number_is_there_twice(machine):
    numbers = [call.number(machine) for call in syscalls.SYSCALLS]
    numbers = [number for number in numbers if number is not None]
    assert len(numbers) == len(set(numbers))


def test_the_numbers_are_those_of_libseccomp():
    try:
        import pyseccomp
    except (ImportError, RuntimeError):
        pytest.skip("needs the system's libseccomp")
    for name, x86_64, aarch64 in every_number():
        for arch, number in ((pyseccomp.Arch.X86_64, x86_64), (pyseccomp.Arch.AARCH64, aarch64)):
            resolved = pyseccomp.resolve_syscall(arch, name)
            # Below zero: not on this machine, or younger than the library.
            assert resolved == number or (resolved < 0 and (number is None or number > 440)), name


def test_the_numbers_are_those_of_the_headers(machine):
    if not HEADERS[machine].exists():
        pytest.skip(f"needs {HEADERS[machine]}")
    text = HEADERS[machine].read_text()
    defined = {
        name: int(number)
        for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\b", text)
    }
    # Calls that take 64 bits have other names in the generic table.
    defined |= {"newfstatat": defined["fstatat"]} if "fstatat" in defined else {}
    for name, x86_64, aarch64 in every_number():
        number = x86_64 if machine == "x86_64" else aarch64
        if number is not None and (name in defined or number <= 440):
            assert defined[name] == number, name


def test_the_constants_of_landlock_are_those_of_a_library_for_it():
    landlockpy = pytest.importorskip("landlockpy")
    for ours, theirs, for_abi in (
        (landlock.FILE_RIGHTS, landlockpy.AccessFS, landlockpy.fs_for_abi),
        (landlock.NETWORK_RIGHTS, landlockpy.AccessNet, landlockpy.net_for_abi),
        (landlock.SCOPES, landlockpy.Scope, landlockpy.scope_for_abi),
    ):
        assert {name: bit for name, (bit, _) in ours.items()} == {
            flag.name: flag.value for flag in theirs
        }
        for abi in range(12):
            assert landlock.bits(ours, abi) == for_abi(abi).value, abi


def test_the_kernel_is_asked_the_same_version():
    landlockpy = pytest.importorskip("landlockpy")
    assert landlock.abi() == landlockpy.abi_version()
