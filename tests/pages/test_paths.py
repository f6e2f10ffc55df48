"""Paths of the server in the browser: the folders that are allowed, and nothing beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.jobs.client.default_runner import default_runner
from tests.pages import app

IRIS = locations.sample_models() / "iris" / "saved_model"
AWKWARD = "a <b>`*_[x](y)$1"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a model two folders down, beside a folder that is none of the browser's."""
    shutil.copytree(IRIS, tmp_path / "root" / AWKWARD / "iris")
    (tmp_path / "secret").mkdir()
    shutil.copytree(IRIS, tmp_path / "secret" / "theirs")
    (tmp_path / "root" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "notes.txt").write_text("x")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path / "root"))
    return tmp_path / "root"


def entries(at: AppTest) -> list[str]:
    """What the browser lists, as it is shown."""
    rows = [
        button.label for button in at.button if (button.key or "").startswith(("in_", "browse_"))
    ]
    return [label for label in rows if label != "Look inside"]


def test_folders_are_walked_to_a_model(root: Path) -> None:
    at = app.started()
    (folder, file) = entries(at)
    assert folder.replace("\\", "") == AWKWARD
    assert "<b>" not in folder  # Markdown is told that it is text
    assert "notes\\.txt" in file
    at.button(key="in_0").click().run()
    assert at.button(key="browse_0").label == "iris · model"
    assert at.button(key="in_0").label == "Look inside"
    assert not [button.key for button in at.button if str(root) in str(button.key)]
    at.button(key="go_0").click().run()
    at.button(key="in_0").click().run()
    at.button(key="browse_0").click()
    at = app.on(app.settled(at.run()), "overview")
    assert not at.exception
    assert app.metrics(at)["Operations"] == "252"
    # The address of the page names no folder above the root.
    assert at.session_state["model"].ref == ("path", f"{AWKWARD}/iris")


def test_what_others_sent_is_not_found_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = default_runner().workspace
    key = workspace.add_folder(IRIS)
    monkeypatch.setenv("INSPECTOR_ROOTS", str(workspace.root.parent))
    at = app.started()
    assert workspace.root.name not in entries(at)
    at.text_input(key="open_path_text").set_value(str(key.path)).run()
    at.button(key="open_path").click()
    app.settled(at.run())
    (error,) = at.error
    assert "there is no such file or folder" in error.value


def test_a_folder_that_is_no_root_any_more_is_left(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = app.started()
    at.button(key="in_0").click().run()
    monkeypatch.setenv("INSPECTOR_ROOTS", str(root.parent / "secret"))
    at.run()
    assert entries(at) == ["theirs · model"]
    monkeypatch.setenv("INSPECTOR_ROOTS", str(root / "gone"))
    at.run()
    assert not at.exception
    assert [error.value for error in at.error] != []


def test_what_becomes_a_link_is_not_read_any_more(root: Path) -> None:
    model = root / AWKWARD / "iris"
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(model)).run()
    at.button(key="open_path").click()
    at = app.on(app.settled(at.run()), "overview")
    model.rename(root.parent / "moved")
    model.symlink_to(root.parent / "secret" / "theirs")
    app.on(at, "optimise")
    at.button(key="run").click()
    app.settled(at.run())
    (error,) = at.error
    assert "only paths below the folders of" in error.value.replace("\\", "")
    assert not at.exception
