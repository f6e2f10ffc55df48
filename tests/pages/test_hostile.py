"""Hostile files in the browser: one clear error each or a page, and the server goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector.jobs.client.default_runner import default_runner
from tests import sending
from tests.hostile import corpus
from tests.hostile.battery import OK
from tests.pages import app

ENTRIES = corpus.entries()
KEPT = {name: corpus.FOLDER / entry["path"] for name, entry in ENTRIES.items() if entry["path"]}
REFUSED = [name for name in KEPT if ENTRIES[name]["outcomes"]["open"] != OK]
SHOWN = ["graph/name_html", "graph/functions_billion", "saved_model/asset_outside"]


@pytest.fixture(scope="module")
def at() -> AppTest:
    """One session for all: what one file did to it, the next would see."""
    return app.started()


def sent(at: AppTest, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A file is uploaded; what is a folder, or beside others, is opened by its path."""
    alone = path.is_file() and path.parent.parent == corpus.FOLDER
    if alone:
        token = at.session_state["inbox:upload_file"].token
        sending.send_file(token, path.name, path.read_bytes())
    else:
        folder = path if path.is_dir() else path.parent
        shutil.copytree(folder, tmp_path / folder.name)
        monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
        named = tmp_path / folder.name / path.relative_to(folder)
        at.text_input(key="open_path_text").set_value(str(named)).run()
        at.button(key="open_path").click()
    return app.settled(at.run())


def files_of(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*")}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_one_sentence(
    at: AppTest, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = default_runner().status().templates["light"].pid
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    sent(at, KEPT[name], tmp_path, monkeypatch)
    assert not at.exception
    expected = ENTRIES[name]["outcomes"]["open"].partition(": ")[2]
    is_choice = "; open one by its path" in expected
    (error,) = at.info if is_choice else at.error
    expected = expected.partition("; open one by its path")[0]
    assert str(error.value).replace("\\", "")[:200] == expected.replace("\\", "")[:200]
    # The process that jobs come from is still the same one.
    assert before in (None, default_runner().status().templates["light"].pid)
    assert files_of(scratch) == {}
    at.text_input(key="open_path_text").set_value("").run()


@pytest.mark.parametrize("name", SHOWN)
def test_what_opens_is_shown_on_every_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = sent(app.started(), KEPT[name], tmp_path, monkeypatch)
    for page in ("overview", "operations", "graph", "optimise", "compare", "predict"):
        app.on(at, page)
        assert not at.exception
        assert not at.error
    markdown = app.home(at).markdown
    assert not any("<img" in str(item.value) and item.allow_html for item in markdown)
