"""The pages with what is no SavedModel: archives, checkpoints with and without their graph."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import shared
from tests.pages import app

SEED = "models/seed/ppscore/checkpoints"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which the app opens paths."""
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    return tmp_path


def opened(path: Path) -> AppTest:
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(path)).run()
    at.button(key="open_path").click()
    return app.on(app.settled(at.run()), "overview")


def test_an_archive_of_a_checkpoint(folder: Path) -> None:
    with zipfile.ZipFile(folder / "ppscore.zip", "w") as archive:
        for file in shared(SEED).iterdir():
            archive.write(file, f"checkpoints/{file.name}")
    at = opened(folder / "ppscore.zip")
    assert not at.exception
    assert not at.error
    assert app.metrics(at)["Operations"] == "358"
    at = app.on(at, "graph")
    assert not at.exception
    assert at.get("bidi_component")


def test_a_checkpoint_without_its_graph_fails_no_page(folder: Path) -> None:
    for name in ("var.index", "var.data-00000-of-00001"):
        shutil.copyfile(shared(f"{SEED}/{name}"), folder / name)
    at = opened(folder / "var.index")
    assert not at.exception
    assert "is not beside it" in "".join(str(item.value) for item in at.warning)
    assert app.metrics(at)["Operations"] == "0"
    for page in ("graph", "operations", "optimise", "predict", "compare"):
        at = app.on(at, page)
        assert not at.exception, page
