"""An archive or a folder of several models: the page lists them, and the address names the one."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from tests import sending
from tests.pages import app

IRIS = locations.sample_models() / "iris" / "saved_model"
SHAPES = locations.sample_models() / "shapes" / "saved_model"


def both(folder: Path) -> Path:
    """Two models in one folder."""
    shutil.copytree(IRIS, folder / "iris")
    shutil.copytree(SHAPES, folder / "<b>shapes")
    return folder


def packed(folder: Path) -> bytes:
    """A folder's content as a zip archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return data.getvalue()


def buttons(at: AppTest) -> list[str]:
    """The labels of the buttons of the list."""
    return [item.label for item in at.button if (item.key or "").startswith("part_")]


def test_a_model_of_an_archive_is_chosen_and_the_address_names_it(tmp_path: Path) -> None:
    at = app.started()
    token = at.session_state["inbox:upload_file"].token
    sending.send_file(token, "two.zip", packed(both(tmp_path / "m")))
    at = app.settled(at.run())
    assert "Which model?" in [header.value for header in at.header]
    assert buttons(at) == ["Open \\<b\\>shapes", "Open iris"]
    assert "SavedModel · 3.1 MiB" in [caption.value for caption in at.caption]
    at.button(key="part_1").click()
    at = app.home(app.settled(at.run()))
    model = at.session_state["model"]
    assert (model.name, model.facts["format"]) == ("two.zip/iris", "SavedModel")
    address = {key: at.query_params[key] for key in ("model", "part")}
    assert address["part"] == "iris"
    linked = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    linked.query_params.update(address)
    linked = app.settled(linked.run())
    assert linked.session_state["model"].key == model.key
    # A job of another page reads the same part.
    at = app.on(at, "overview")
    assert "Parameters" in app.metrics(at)
    (choice,) = [item for item in at.selectbox if item.label == "Model"]
    assert choice.options[choice.index].startswith("iris (2 of 2: SavedModel, ")
    choice.select_index(0)
    at = app.settled(at.run())
    at = app.settled(at.run())
    assert at.session_state["model"].name == "two.zip/<b>shapes"


def test_a_folder_of_the_server_is_chosen_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both(tmp_path / "root" / "m")
    (tmp_path / "root" / "m" / "out").symlink_to(tmp_path / "secret")
    shutil.copytree(IRIS, tmp_path / "secret")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path / "root"))
    at = app.started()
    at.text_input(key="open_path_text").set_value("m").run()
    at.button(key="open_path").click()
    at = app.settled(at.run())
    assert buttons(at) == ["Open \\<b\\>shapes", "Open iris"]
    at.button(key="part_1").click()
    at = app.home(app.settled(at.run()))
    assert at.session_state["model"].name == "m/iris"
    assert (at.query_params["path"], at.query_params["part"]) == ("m", "iris")


@pytest.mark.parametrize("part", ["../secret", "out", "/etc", "iris/../../secret"])
def test_an_address_does_not_lead_out_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    both(tmp_path / "root" / "m")
    shutil.copytree(IRIS, tmp_path / "secret")
    (tmp_path / "root" / "m" / "out").symlink_to(tmp_path / "secret")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path / "root"))
    at = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    at.query_params.update({"path": "m", "part": part})
    at = app.settled(at.run())
    assert "model" not in at.session_state
    assert at.error
