"""Run a command on a kernel that lacks parts of the sandbox: a filter takes them from it.

    python -m tests.jobs.lacking landlock,seccomp -- python -m inspector doctor

The system calls answer ENOSYS, as those of an older kernel do, in the command and all it starts.
"""

from __future__ import annotations

import ctypes
import os
import sys

from inspector.jobs.sandbox import seccomp, syscalls
from inspector.jobs.sandbox.seccomp import Instruction

CALLS = {"landlock": "landlock_create_ruleset", "seccomp": "seccomp"}


def take_away(parts: list[str]) -> None:
    """Never again can this process, or one it starts, use these parts."""
    code = [Instruction(seccomp.LOAD, 0, 0, seccomp.NUMBER_AT)]
    for part in parts:
        number = syscalls.own_number(CALLS[part])
        code += [
            Instruction(seccomp.EQUAL, 0, 1, number),
            Instruction(seccomp.RETURN, 0, 0, seccomp.UNKNOWN),
        ]
    code.append(Instruction(seccomp.RETURN, 0, 0, seccomp.ALLOW))
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no new privileges, without which no filter is taken
    seccomp.install(code)


if __name__ == "__main__":
    take_away(sys.argv[1].split(","))
    command = sys.argv[sys.argv.index("--") + 1 :]
    os.execvp(command[0], command)
