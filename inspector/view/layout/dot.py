"""Runs Graphviz's ``dot`` as a child process: two attempts, each with a time limit.

Where no ``dot`` is on the PATH, the Graphviz inside pygraphviz's wheel serves, also in a child
process. At most as many run at once as there are cores.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from inspector import extras
from inspector.errors import LayoutError

TRIES: tuple[tuple[float, tuple[str, ...]], ...] = (
    (2.0, ()),
    (3.0, ("-Gnslimit=0.2", "-Gnslimit1=0.2", "-Gmclimit=0.2", "-Gsplines=line")),
)
"""Seconds and flags; nearly all of dot's time is x-positions, which nslimit cuts short."""
DRAW_S = 30.0
"""Seconds to draw a picture whose coordinates are given."""
MEMORY = 2 << 30
"""Bytes of address space of one dot process."""
_SLOTS = threading.BoundedSemaphore(max(1, len(os.sched_getaffinity(0))))


def run(source: str) -> dict[str, Any]:
    """The positions of a graph, as ``-Tjson0`` gives them.

    Raises: LayoutError: no Graphviz, it failed, or it took too long at every try.
    """
    command = _command()
    why = ""
    for seconds, flags in TRIES:
        with _SLOTS:
            try:
                output = _run([*command, *flags], source.encode(), seconds)
            except subprocess.TimeoutExpired:
                why = f"took longer than {seconds:g} seconds; close some scopes"
                continue
        if output is None:
            why = "Graphviz could not lay out this picture; close some scopes"
            continue
        try:
            data: dict[str, Any] = json.loads(output)
        except ValueError as err:
            raise LayoutError("picture", "dot", f"answered with broken JSON: {err}") from err
        return data
    raise LayoutError("picture", "dot", why)


def draw(source: str, format: str) -> bytes:
    """Draw a graph whose nodes and edges have their places; ``png`` or ``pdf``.

    Raises: LayoutError: no Graphviz, it failed, or it took too long.
    """
    with _SLOTS:
        try:
            output = _run(_command(f"{format}:cairo", "nop2"), source.encode(), DRAW_S)
        except subprocess.TimeoutExpired as err:
            why = f"took longer than {DRAW_S:g} seconds; close some scopes, or take SVG"
            raise LayoutError("picture", format, why) from err
    if not output:
        raise LayoutError("picture", format, "Graphviz could not draw this picture; take SVG")
    return output


def _command(format: str = "json0", engine: str = "dot") -> list[str]:
    program = shutil.which("dot")
    if program:
        return [program, f"-K{engine}", f"-T{format}"]
    if importlib.util.find_spec("pygraphviz") is None:
        why = f"not installed; install the program dot, or {extras.advice('draw')}"
        raise LayoutError("picture", "Graphviz", why)
    # -P: modules beside the script must not shadow others.
    library = str(Path(__file__).with_name("dot_library.py"))
    return [sys.executable, "-P", library, f"-K{engine}", f"-T{format}"]


def _run(command: list[str], source: bytes, seconds: float) -> bytes | None:
    """Standard output, or None if the program failed. Raises: subprocess.TimeoutExpired."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        _limit_memory(process.pid)
        try:
            output, _ = process.communicate(source, timeout=seconds)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return output if process.returncode == 0 else None


def _limit_memory(pid: int) -> None:
    """Set the limit from outside: code between fork and exec is not safe in a threaded server."""
    try:
        import resource

        resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, AttributeError, ProcessLookupError, PermissionError):
        pass  # not Linux, or already done: the time limit still holds
