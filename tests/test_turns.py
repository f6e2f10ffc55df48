"""A test marked alone runs while no other does, and is not overtaken by those that start later."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.conftest import ROOT

WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.turns import Turns

with Turns(Path("queue"), Path("running")).turn(alone=sys.argv[2] == "alone"):
    print("runs", flush=True)
    input()
"""


@contextmanager
def worker(folder: Path, kind: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs one test until it reads a line."""
    command = [sys.executable, "-c", WORKER, str(ROOT), kind]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def runs(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "runs\n"


def is_free(file: Path) -> bool:
    """Whether a lock can be shared."""
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_test_alone_waits_for_others_and_others_for_it(tmp_path: Path) -> None:
    queue, running = tmp_path / "queue", tmp_path / "running"
    queue.touch()
    running.touch()
    with ExitStack() as stack:
        first, second = (stack.enter_context(worker(tmp_path, "shared")) for _ in range(2))
        assert runs(first)
        assert runs(second)
        alone = stack.enter_context(worker(tmp_path, "alone"))
        while is_free(queue):  # until it waits for the two
            assert alone.poll() is None
        late = stack.enter_context(worker(tmp_path, "shared"))
        first.communicate("\n")
        assert is_free(running), "the second one still runs"
        second.communicate("\n")
        assert runs(alone)
        assert not is_free(running)
        alone.communicate("\n")
        assert runs(late)
        late.communicate("\n")
