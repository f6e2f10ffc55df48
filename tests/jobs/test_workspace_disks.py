"""A workspace that is full, read-only or removed: one sentence, and afterwards all is well."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import InspectorError, LimitExceeded, MissingFile, WorkspaceError
from inspector.jobs.requests import MIB
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.store.workspace import Workspace
from tests.conftest import ROOT
from tests.jobs import stores
from tests.jobs.conftest import LIGHT_SPEC
from tests.jobs.disks import Disk, mounted
from tests.jobs.worker_tasks import TASKS

INSIDE = "INSPECTOR_TEST_NAMESPACE"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", "size=4m") as disk:
        yield disk


@pytest.fixture
def workspace(disk: Disk) -> Workspace:
    return Workspace(disk.path / "ws")


def sentence(action: Callable[[], object], why: str) -> None:
    """The action ends with the one sentence about the workspace."""
    with pytest.raises(WorkspaceError) as caught:
        action()
    text = str(caught.value)
    assert text.startswith("workspace: ws: ")
    assert why in text
    assert "INSPECTOR_WORKSPACE" in text
    assert "/" not in text, "no path of the server"


def temporary(workspace: Workspace) -> list[str]:
    return os.listdir(workspace.root / "tmp")  # noqa: PTH208


def operations(workspace: Workspace, tmp_path: Path) -> dict[str, Callable[[], Any]]:
    """All ways to put a model in."""
    (tmp_path / "source").mkdir(exist_ok=True)
    (tmp_path / "source" / "saved_model.pb").write_bytes(b"x" * 5000)

    def receive() -> None:
        with workspace.receive("m") as incoming, incoming.file("m") as file:
            file.write(b"x" * 5000)

    return {
        "add_file": lambda: workspace.add_file(io.BytesIO(b"x" * 5000), "x.pb"),
        "add_files": lambda: stores.add_folder(workspace),
        "add_folder": lambda: workspace.add_folder(tmp_path / "source"),
        "receive": receive,
    }


def test_an_upload_that_does_not_fit_on_the_disk(workspace: Workspace) -> None:
    data = os.urandom(5 * MIB)
    sentence(lambda: workspace.add_file(io.BytesIO(data), "big.pb"), "its disk is full")
    assert temporary(workspace) == []
    stores.use_all(workspace)


def test_what_was_used_longest_ago_makes_way_before_the_disk_is_full(workspace: Workspace) -> None:
    old = [workspace.add_file(io.BytesIO(os.urandom(MIB)), f"{i}.pb") for i in range(3)]
    new = workspace.add_file(io.BytesIO(os.urandom(2 * MIB)), "new.pb")
    assert new.path.stat().st_size == 2 * MIB
    assert not old[0].path.exists()
    assert workspace.model(new.hash) == new
    assert temporary(workspace) == []


def test_what_is_in_use_does_not_make_way(workspace: Workspace) -> None:
    key = workspace.add_file(io.BytesIO(os.urandom(2 * MIB)), "open.pb")
    lease = workspace.lease(key.path)
    data = os.urandom(3 * MIB)
    sentence(lambda: workspace.add_file(io.BytesIO(data), "new.pb"), "its disk is full")
    assert workspace.model(key.hash) == key
    assert lease is not None
    lease.release()
    assert workspace.add_file(io.BytesIO(data), "new.pb").bytes == 3 * MIB


def test_a_disk_that_others_have_filled(disk: Disk, workspace: Workspace, tmp_path: Path) -> None:
    kept = stores.keep(workspace)
    lease = workspace.lease(kept.folder) if kept.folder is not None else None
    filler = disk.fill()
    for operation in operations(workspace, tmp_path).values():
        sentence(operation, "its disk is full")
    again = Workspace(workspace.root)  # started on the full disk
    result = again.result(stores.KEY)
    assert result is not None, "what is there can still be read"
    stores.check_result(result)
    filler.unlink()
    assert lease is not None
    stores.use_all(Workspace(workspace.root))


def test_leftovers_are_removed_from_a_full_disk(disk: Disk, workspace: Workspace) -> None:
    left = workspace.root / "tmp" / "stage-dead"
    (left / "content").mkdir(parents=True)
    (left / "lock").touch()
    (left / "content" / "big").write_bytes(bytes(2 * MIB))
    disk.fill()
    again = Workspace(workspace.root)
    assert temporary(again) == []
    stores.use_all(again)


def test_a_disk_without_inodes(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=4m,nr_inodes=60") as disk:
        workspace = Workspace(disk.path / "ws")
        keys = [workspace.add_file(io.BytesIO(b"%d" % i), "m") for i in range(40)]
        assert keys[-1].path.read_bytes() == b"39"
        assert not keys[0].path.exists()
        files = [(f"f{i}", io.BytesIO(b"x")) for i in range(80)]
        sentence(lambda: workspace.add_files(files, "many"), "its disk is full")
        assert temporary(workspace) == []


def test_a_read_only_disk(disk: Disk, workspace: Workspace, tmp_path: Path) -> None:
    stores.keep(workspace)
    model = stores.add_file(workspace)
    disk.make_read_only()
    todo = operations(workspace, tmp_path)
    for operation in todo.values():
        sentence(operation, "it is read-only")
    sentence(workspace.new_result, "it is read-only")
    sentence(lambda: Workspace(workspace.root), "it is read-only")
    result = workspace.result(stores.KEY)
    assert result is not None
    stores.check_result(result)
    assert workspace.model(model.hash) == model
    disk.make_writable()
    stores.use_all(workspace)


def test_a_disk_that_becomes_read_only_while_a_job_runs(disk: Disk, workspace: Workspace) -> None:
    files = workspace.new_result()
    (files / "made.pb").write_bytes(b"made")
    plain = workspace.new_result()
    disk.make_read_only()
    sentence(lambda: workspace.keep_result(files, "cd" * 32, {}, {}, 99), "it is read-only")
    answer = workspace.keep_result(plain, "ef" * 32, {"n": 1}, {"b": b"x"}, 99)
    assert answer.value == {"n": 1}, "an answer without files does not need the disk"
    assert answer.blobs == {"b": b"x"}
    disk.make_writable()
    assert Workspace(workspace.root).result("cd" * 32) is None


@pytest.mark.parametrize("part", ["", "models", "results", "tmp", "locks"])
def test_a_workspace_that_is_removed_is_made_again(tmp_path: Path, part: str) -> None:
    workspace = stores.fill(tmp_path / "ws")
    model = stores.add_file(workspace)
    lease = workspace.lease(model.path)
    shutil.rmtree(workspace.root / part)
    assert workspace.size() >= 0
    stores.use_all(workspace)
    assert (workspace.root / "models").stat().st_mode & 0o077 == 0
    assert lease is not None
    with workspace.hold(model.hash):
        pass


def test_a_workspace_that_is_removed_under_a_job(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    model = stores.add_file(workspace)
    files = workspace.new_result()
    incoming = workspace.receive("late.pb")
    arriving = incoming.__enter__()
    file = arriving.file("late.pb")
    shutil.rmtree(workspace.root)
    sentence(lambda: workspace.keep_result(files, stores.KEY, {}, {}, 99), "it was removed")
    file.write(b"the rest")
    sentence(arriving.finish, "it was removed")
    incoming.__exit__(None, None, None)
    with pytest.raises(MissingFile, match="open it again"), workspace.hold(model.hash):
        pass
    stores.use_all(workspace)


def test_a_job_on_a_full_disk(disk: Disk) -> None:
    workspace = Workspace(disk.path / "ws")
    with LocalRunner(workspace, requests=TASKS, templates={LIGHT: LIGHT_SPEC}) as runner:
        many = {"files": {f"f{i}": "x" * MIB for i in range(6)}}
        sentence(lambda: runner.run("write_files", many), "its disk is full")
        assert temporary(workspace) == []
        few = {"files": {"f": "x" * 100}}
        folder = runner.run("write_files", few).folder
        assert folder is not None
        assert (folder / "f").read_text() == "x" * 100
        filler = disk.fill()
        model = workspace.model("00" * 32)
        assert model is None
        with pytest.raises(InspectorError, match="its disk is full"):
            runner.run("write_files", many)
        disk.make_read_only()
        sentence(lambda: runner.run("echo"), "it is read-only")
        disk.make_writable()
        filler.unlink()
        assert runner.run("echo", {"n": 1}).value == {"n": 1}


def test_entries_that_are_all_in_use_refuse_what_does_not_fit(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws", max_bytes=2500)
    keys = [workspace.add_file(io.BytesIO(bytes([i]) * 1000), "m") for i in range(2)]
    leases = [workspace.lease(key.path) for key in keys]
    with pytest.raises(LimitExceeded, match="what is open fills"):
        workspace.add_file(io.BytesIO(b"x" * 1000), "m")
    assert all(workspace.model(key.hash) for key in keys)
    del leases[0]
    assert workspace.add_file(io.BytesIO(b"x" * 1000), "m").bytes == 1000
    assert workspace.size() <= 2500


def test_in_a_namespace_where_this_user_may_mount() -> None:
    """The tests of this file for a user who is not root."""
    if os.geteuid() == 0 or os.environ.get(INSIDE):
        pytest.skip("this user may mount, so the other tests have run")
    if subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this user may not make a namespace (unshare -rm)")
    command = ["unshare", "-rm", sys.executable, "-m", "pytest", "-q", __file__]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, INSIDE: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
