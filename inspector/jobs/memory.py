"""How much memory is left on this machine, or in this container, and how much a process has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_KIB = 1024
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Bytes that new processes may take; None where the system does not say (not Linux).

    The smallest of what the machine has left and of what each control group of this process has
    left below its limit. Files that are only cached count as free.
    """
    machine = _fields(proc / "meminfo").get("MemAvailable")
    if machine is None:
        return None
    return max(0, min([machine * _KIB, *_left_in_groups(proc, cgroups)]))


def private(pid: int, proc: Path = _PROC) -> int:
    """Bytes that a process shares with no other, such as the one it was forked from; 0: unknown."""
    fields = _fields(proc / str(pid) / "smaps_rollup")
    return _KIB * (fields.get("Private_Dirty", 0) + fields.get("Private_Clean", 0))


def _left_in_groups(proc: Path, cgroups: Path) -> Iterator[int]:
    for line in _text(proc / "self" / "cgroup").splitlines():
        _number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            names = ("memory.max", "memory.current", "inactive_file")
            yield from _left_below(cgroups, path, *names)
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _left_below(cgroups / "memory", path, *names)


def _left_below(top: Path, path: str, limit: str, usage: str, cached: str) -> Iterator[int]:
    """What is left in a group and in those above it; a container sees its own group as the top."""
    group = top / path.lstrip("/")
    while group.is_relative_to(top):
        most, now = _text(group / limit).strip(), _text(group / usage).strip()
        if most.isdecimal() and now.isdecimal():
            yield int(most) - int(now) + _fields(group / "memory.stat").get(cached, 0)
        if group == top:
            return
        group = group.parent


def _fields(file: Path) -> dict[str, int]:
    """The lines ``name: number`` or ``name number`` of a file of the kernel."""
    pairs = re.findall(r"^(\w+):?\s+(\d+)", _text(file), re.M)
    return {name: int(number) for name, number in pairs}


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
