"""What a worker gives up before it reads a byte of a model.

Everywhere: its share of memory, time and disk. On Linux also its privileges, all files but those of
its job (Landlock), and all system calls but some (seccomp). docs/sandbox.md has the whole list.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import os
import resource
import signal
import site
import struct
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inspector.jobs.requests import Limits
from inspector.jobs.sandbox import landlock, seccomp, syscalls
from inspector.jobs.sandbox.access import Access, Rule, rules

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63
_MAX_DESCRIPTORS = 1 << 16
_STATM = Path("/proc/self/statm")

SYSTEM_READS = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
    *("/dev/null", "/dev/urandom"),
)
"""What Python, TensorFlow and the C library read of the machine."""

NETWORK_READS = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/ssl", "/etc/pki", "/etc/ca-certificates"),
    *("/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/crypto-policies"),
)
"""What finding a host by its name and checking its certificate read."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Parts:
    """What of the sandbox this machine has.

    Attributes:
        landlock: Version of its ABI; 0 where there is none.
        seccomp: Whether the kernel takes filters, and the table has this machine's numbers.
    """

    landlock: int
    seccomp: bool

    def missing(self) -> list[str]:
        """What a worker can do here that it should not be able to; empty where all is there."""
        lacks = []
        if not self.landlock:
            lacks.append("Landlock is missing: a model that is run can reach the user's files")
        if not self.seccomp:
            lacks.append("seccomp is missing: a model that is run can reach the network and start")
            lacks[-1] += " programs"
        return lacks


@functools.cache
def parts() -> Parts:
    """What this machine has, asked of the kernel once; nothing changes."""
    return Parts(landlock.abi(), syscalls.machine() is not None and seccomp.available())


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


def enter(limits: Limits, access: Access, folder: Path, module: str) -> None:
    """Take on the limits and enter the sandbox. Cannot be undone.

    Landlock holds for this thread and those it starts, so this process must have one thread only.

    Args:
        folder: The one folder that may be written to.
        module: What holds the task; its package may be read.
    Raises: OSError when a part that the machine has cannot be entered: the job must not go on.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing too much is an OSError, not a death
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 2)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes)
    memory = _address_space() + limits.memory_bytes
    _lower(resource.RLIMIT_AS, memory, memory)
    _raise_soft(resource.RLIMIT_STACK, limits.stack_bytes)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if not access.confined:
        return
    have = parts()
    here = syscalls.machine()
    if here is not None:
        _drop_capabilities()
    if have.landlock:
        _be_one_thread()
        reach = [*_of_the_machine(access.network, module), *rules(access.reads, folder)]
        landlock.restrict(have.landlock, reach, network=access.network)
    if have.seccomp and here is not None:
        seccomp.install(seccomp.program(here, os.getpid(), network=access.network))


def prepare() -> None:
    """Work out what is the same for every worker; a template does so before it forks them."""
    parts()
    readable(network=False)
    if (here := syscalls.machine()) is not None:
        seccomp.for_any_process(here, network=False)


@functools.cache
def readable(*, network: bool) -> tuple[str, ...]:
    """What every worker may read: of the machine, and the code of this process."""
    paths = {*SYSTEM_READS, *(NETWORK_READS if network else ()), *code_paths()}
    there = sorted(path for path in paths if os.path.lexists(path))
    return tuple(path for path in there if not any(_below(path, place) for place in there))


@functools.cache
def code_paths() -> tuple[str, ...]:
    """Where the Python code lies that this process has loaded or may load.

    A folder of ``sys.path`` outside of Python's own is not given as a whole, for it may be anything
    (the current folder, a home): of it, the packages and modules that are loaded.
    """
    own = {sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own |= {os.path.join(prefix, "lib") for prefix in (sys.prefix, sys.base_prefix)}  # noqa: PTH118
    own |= {*site.getsitepackages(), site.getusersitepackages()}
    own |= {path for path in sys.path if path.endswith(".zip")}
    top = {name.partition(".")[0] for name in tuple(sys.modules)}
    loaded = (path for name in top for path in _places(name))
    return (*own, *(path for path in loaded if not any(_below(path, place) for place in own)))


def _of_the_machine(network: bool, module: str) -> Iterator[Rule]:
    for path in readable(network=network):
        yield path, landlock.READ
    for path in _places(module.partition(".")[0]):
        yield path, landlock.READ
    yield os.devnull, landlock.READ | {"WRITE_FILE"}


def _places(name: str) -> list[str]:
    """The folders of a top-level package, or the file of a module; none of what is built in."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if module is None:
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(name)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [os.path.abspath(path) for path in spec.submodule_search_locations]  # noqa: PTH100
    return [os.path.abspath(spec.origin)] if spec.has_location and spec.origin else []  # noqa: PTH100


def _below(path: str, place: str) -> bool:
    return path.startswith(place.rstrip("/") + "/")


def _be_one_thread() -> None:
    """Raises: OSError where other threads run, which Landlock would not hold."""
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208  only counted
    if threads != 1:
        raise OSError(f"{threads} threads run before the sandbox is entered")


def _drop_capabilities() -> None:
    """Give up every capability, also those that a program started later could gain."""
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # refused to who has none to drop
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), 8)
    none = ctypes.create_string_buffer(24)
    syscalls.call("capset", header, none)


def _address_space() -> int:
    """Bytes that this process has reserved so far, mostly for libraries; 0: unknown."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


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
