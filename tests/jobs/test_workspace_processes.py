"""Processes that share a workspace, and processes that are killed while they write to it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector.jobs.store.workspace import Workspace
from tests.conftest import ROOT
from tests.jobs import stores
from tests.jobs.test_runner import until

_PRELUDE = """
import contextlib, io, os, sys
from pathlib import Path
from inspector.errors import MissingFile
from inspector.jobs.store.workspace import Workspace
from tests.jobs import stores
root = Path(sys.argv[1])
"""
# Everything that writes, over and over; each round begins with less than the one before left.
WRITES = """
workspace = Workspace(root)
print("ready", flush=True)
for number in range(1_000_000):
    stores.add_file(workspace)
    stores.keep(workspace)
    stores.add_folder(workspace)
    stores.keep(workspace, f"{number:064x}")
    if number % 3 == 2:
        for part, key in list(workspace._store._all_sizes()):
            workspace._store.drop(part, key)
"""
RACES = """
workspace = Workspace(root, max_bytes=60_000)
print("ready", flush=True)
sys.stdin.readline()
held = 0
for number in range(40):
    model = stores.add_file(workspace)
    with contextlib.suppress(MissingFile), workspace.hold(model.hash):
        stores.check_file(model)
        held += 1
    key = f"{number % 5:064x}"
    stored = workspace.result(key)
    if stored is None:
        stored = stores.keep(workspace, key)
    assert stored.value == stores.VALUE and stored.blobs == stores.BLOBS
    workspace.add_file(io.BytesIO(bytes([number]) * 5000), "filler")
print("done" if held else "never held", flush=True)
"""
HOLDS = """
workspace = Workspace(root)
files = workspace.new_result()
(files / "half").write_bytes(bytes(100_000))
lease = workspace.lease(stores.add_file(workspace).path)
with workspace.receive("m") as incoming, incoming.file("m") as file:
    file.write(bytes(100_000))
    print("ready", flush=True)
    sys.stdin.readline()
"""


def start(code: str, root: Path) -> subprocess.Popen[str]:
    """A process that runs code with a workspace, when it has said that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PRELUDE + code, str(root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_it_writes_at_some_moment(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    left = 0
    for _kill in range(5):
        process = start(WRITES, tmp_path)
        time.sleep(moments.uniform(0, 0.25))
        kill(process)
        left += len(list((tmp_path / "tmp").iterdir()))
        workspace = Workspace(tmp_path)
        assert list((tmp_path / "tmp").iterdir()) == []
        stores.check_whole(workspace)
    stores.check_file(stores.add_file(workspace))
    assert left > 0, "no kill came in the middle of anything"


def test_leftovers_of_the_dead_go_at_once_and_the_living_are_not_touched(tmp_path: Path) -> None:
    dead, living = start(HOLDS, tmp_path), start(HOLDS, tmp_path)
    workspace = Workspace(tmp_path)
    mine = workspace.new_result()
    assert len(list((tmp_path / "tmp").iterdir())) == 5
    kill(dead)
    Workspace(tmp_path)
    assert len(list((tmp_path / "tmp").iterdir())) == 3
    living.communicate("end\n")
    assert living.returncode == 0
    assert mine.exists()
    assert len(list((tmp_path / "tmp").iterdir())) == 1, "an end without SIGKILL leaves nothing"


def test_a_lease_holds_in_other_processes_and_ends_with_its_own(tmp_path: Path) -> None:
    process = start(HOLDS, tmp_path)
    workspace = Workspace(tmp_path, max_bytes=10_000)
    held = stores.add_file(workspace)
    (tmp_path / "big").write_bytes(bytes(9_000))
    with pytest.raises(Exception, match="what is open fills"):
        workspace.add_folder(tmp_path / "big")
    assert held.path.exists()
    kill(process)
    workspace.add_folder(tmp_path / "big")
    assert not held.path.exists()


def test_processes_that_race_for_a_small_workspace(tmp_path: Path) -> None:
    processes = [start(RACES, tmp_path) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        said, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        assert said == "done\n"
    workspace = Workspace(tmp_path, max_bytes=60_000)
    assert list((tmp_path / "tmp").iterdir()) == []
    stores.keep(workspace)
    assert workspace.size() <= 60_000
    kept = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.name != "entry.json")
    assert workspace.size() <= kept <= workspace.size() + 4096 * 50


def test_entries_that_go_while_they_are_read(tmp_path: Path) -> None:
    process = start(WRITES, tmp_path)
    workspace = Workspace(tmp_path)
    end = time.monotonic() + 2
    answers = 0
    try:
        while time.monotonic() < end:
            stored = workspace.result(stores.KEY)
            if stored is not None:
                assert stored.value == stores.VALUE
                assert stored.blobs == stores.BLOBS
                answers += 1
    finally:
        kill(process)
    assert answers > 0


def test_a_fork_neither_removes_nor_frees_what_its_parent_holds(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, max_bytes=10_000)
    key = stores.add_file(workspace)
    lease = workspace.lease(key.path)
    files = workspace.new_result()
    child = os.fork()
    if child == 0:
        del lease
        workspace.discard(files)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert files.exists()
    (tmp_path / "big").write_bytes(bytes(9_000))
    with pytest.raises(Exception, match="what is open fills"):
        workspace.add_folder(tmp_path / "big")
    assert lease is not None


def test_a_killed_private_workspace_is_removed_at_the_next_start(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path), "HOME": "/proc/nope", "XDG_CACHE_HOME": ""}
    env.pop("INSPECTOR_WORKSPACE")
    code = "from inspector.jobs.store.workspace import Workspace; import sys; w = Workspace(); {}"
    wait = "print('ready', flush=True); sys.stdin.readline()"

    def private() -> list[Path]:
        return list(tmp_path.glob("inspector-*"))

    process = subprocess.Popen(
        [sys.executable, "-c", code.format(wait)],
        cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    (first,) = private()
    assert first.stat().st_mode & 0o077 == 0
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert private() == [first]
    subprocess.run([sys.executable, "-c", code.format("print()")], cwd=ROOT, env=env, check=True)
    until(lambda: private() == [])


def test_a_folder_without_permissions_is_removed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    files = workspace.new_result()
    (files / "deep").mkdir()
    (files / "deep" / "file").touch()
    (files / "deep").chmod(0)
    workspace.discard(files)
    assert list((tmp_path / "tmp").iterdir()) == []
    shutil.rmtree(tmp_path)
