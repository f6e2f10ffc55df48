"""Where the workspace lies, and whether it may be used."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.errors import WorkspaceError
from inspector.jobs.store.home import default_root
from inspector.jobs.store.workspace import Workspace
from tests.conftest import ROOT

IRIS = ROOT / "sample_models" / "iris" / "saved_model"
SHAPES = ROOT / "sample_models" / "shapes"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user whose home cannot be written; gives the folder for temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.delenv("INSPECTOR_WORKSPACE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc/nope")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "temporary"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inspector", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSPECTOR_WORKSPACE", str(tmp_path / "here"))
    assert default_root() == tmp_path / "here"
    monkeypatch.delenv("INSPECTOR_WORKSPACE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "cache" / "tf-graph-inspector"


def test_without_a_home_a_private_folder_serves_and_goes_with_its_owner(
    homeless: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        workspace = Workspace()
    assert workspace.root.is_relative_to(homeless)
    assert workspace.root.parent.parent.stat().st_mode & 0o077 == 0
    assert "a temporary folder serves" in caplog.text
    assert "INSPECTOR_WORKSPACE" in caplog.text
    assert workspace.add_file(io.BytesIO(b"x"), "m.pb").path.read_bytes() == b"x"
    del workspace
    assert list(homeless.iterdir()) == []


@pytest.mark.tensorflow
def test_predict_and_optimise_work_without_a_home(homeless: Path, tmp_path: Path) -> None:
    feeds = str(SHAPES / "shapes.npz")
    done = command("predict", str(SHAPES / "saved_model"), "--feeds", feeds, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outputs"]
    done = command("optimise", str(IRIS), "--check", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert list(homeless.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "why"), [("/proc/nope", "cannot be made"), ("/dev/null/ws", "a file where a folder")]
)
def test_a_folder_that_was_asked_for_and_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, folder: str, why: str
) -> None:
    monkeypatch.setenv("INSPECTOR_WORKSPACE", folder)
    with pytest.raises(WorkspaceError, match=why):
        Workspace()
    done = command("predict", str(IRIS))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: workspace: {Path(folder).name}: ")
    assert why in line
    assert "INSPECTOR_WORKSPACE" in line


def test_a_user_without_an_entry_and_without_a_home(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    homeless.chmod(0o777)
    code = (
        "import os, inspector.jobs.store.workspace as w, io, encodings.idna\n"
        "os.setgroups([]); os.setgid(54321); os.setuid(54321); os.environ.pop('HOME')\n"
        "print(w.Workspace().add_file(io.BytesIO(b'x'), 'm.pb').name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "m.pb\n"
    assert list(homeless.iterdir()) == []


def test_a_folder_that_every_user_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(WorkspaceError, match="every user may write"):
        Workspace(tmp_path)
    tmp_path.chmod(0o1777)  # as /tmp: only the owner may rename what is in it
    assert Workspace(tmp_path).size() == 0


def test_a_link_in_the_place_of_a_part_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "tmp").symlink_to(tmp_path)
    with pytest.raises(WorkspaceError, match="tmp in it is a link"):
        Workspace(tmp_path / "ws")


def test_a_part_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    (tmp_path / "models").mkdir()
    os.chown(tmp_path / "models", 54321, 54321)
    with pytest.raises(WorkspaceError, match="models in it belongs to another user"):
        Workspace(tmp_path)


def test_parts_that_others_could_read_are_closed(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir(mode=0o755)
    Workspace(tmp_path)
    assert (tmp_path / "models").stat().st_mode & 0o777 == 0o700


def test_a_trap_in_the_folder_for_temporary_files_is_left_alone(homeless: Path) -> None:
    target = homeless / "precious"
    target.mkdir()
    (target / "file").touch()
    (homeless / f"inspector-{os.geteuid()}-trap").symlink_to(target)
    workspace = Workspace()
    assert workspace.root.is_relative_to(homeless)
    assert (target / "file").exists()
