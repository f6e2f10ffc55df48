"""The pages on a workspace that is full, read-only, removed or damaged: one sentence, no crash."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.store.workspace import Workspace
from tests import sending
from tests.jobs.disks import Disk, mounted
from tests.pages import app


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", "size=16m") as disk:
        yield disk


@pytest.fixture
def workspace(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The app's workspace, on a disk of its own."""
    workspace = Workspace(disk.path / "ws")
    monkeypatch.setattr(default_runner(), "workspace", workspace)
    return workspace


def sentence(at: AppTest, why: str) -> None:
    """The page shows one error, the sentence about the workspace, and is still a page."""
    assert not at.exception
    (error,) = at.error
    text = str(error.value).replace("\\", "")
    assert text.startswith("workspace: ws: ")
    assert why in text
    assert "INSPECTOR_WORKSPACE" in text
    assert at.title


def clicked(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click()
    return app.settled(at.run())


def opens(at: AppTest) -> None:
    """A sample can be opened, by this session and by a new one."""
    for session in (at, app.started()):
        app.on(clicked(app.on(session, "open"), "sample_iris"), "overview")
        assert not session.exception
        assert not session.error
        assert session.metric


def test_a_full_disk(disk: Disk, workspace: Workspace) -> None:
    at = app.started()
    filler = disk.fill()
    sentence(clicked(at, "sample_iris"), "its disk is full")
    assert list((workspace.root / "tmp").iterdir()) == []
    filler.unlink()
    opens(at)


def test_a_read_only_disk(disk: Disk, workspace: Workspace) -> None:
    at = app.started()
    disk.make_read_only()
    sentence(clicked(at, "sample_iris"), "it is read-only")
    disk.make_writable()
    opens(at)
    disk.make_read_only()
    app.on(at, "predict")
    sentence(clicked(at, "predict"), "it is read-only")
    app.on(at, "graph")
    assert not at.exception
    disk.make_writable()


def test_an_upload(disk: Disk, workspace: Workspace) -> None:
    at = app.started()
    token = at.session_state["inbox:upload_file"].token
    body = sending.body_of([("m.pb", b"\x0a\x00" * 10_000)])
    filler = disk.fill()
    status, answer = sending.post(token, body)
    assert status == 422
    assert "workspace: ws: its disk is full" in answer["error"]
    filler.unlink()
    assert sending.post(token, body)[0] == 200
    app.settled(at.run())
    assert not at.exception


def test_a_removed_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "ws")
    monkeypatch.setattr(default_runner(), "workspace", workspace)
    at = app.opened("iris")
    shutil.rmtree(workspace.root)
    app.on(at, "predict")
    clicked(at, "predict")
    assert not at.exception
    (error,) = at.error
    assert "open it again" in str(error.value)
    opens(at)


def test_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "ws")
    monkeypatch.setattr(default_runner(), "workspace", workspace)
    at = app.opened("iris")
    for file in (workspace.root / "models").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    app.on(at, "predict")
    clicked(at, "predict")
    assert not at.exception
    (error,) = at.error
    assert "open it again" in str(error.value)
    opens(at)


def test_what_a_session_has_open_stays_until_it_closes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "ws")
    monkeypatch.setattr(default_runner(), "workspace", workspace)
    at = app.opened("iris")
    (model,) = (workspace.root / "models").iterdir()
    assert workspace._store._evict(1 << 40, 0, set()) > 0, "results that nobody uses"
    assert model.exists()
    del at.session_state["model"]
    at.run()
    workspace._store._evict(1 << 40, 0, set())
    assert not model.exists()
