"""The pages with what is no SavedModel: archives, checkpoints with and without their graph."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests import lite_models
from tests.conftest import data_path
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


def styles(at: AppTest) -> str:
    return "".join(item.proto.body for item in at.get("html"))


def test_an_archive_of_a_checkpoint(folder: Path) -> None:
    with zipfile.ZipFile(folder / "ppscore.zip", "w") as archive:
        for file in data_path(SEED).iterdir():
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
        shutil.copyfile(data_path(f"{SEED}/{name}"), folder / name)
    at = opened(folder / "var.index")
    assert not at.exception
    assert "is not beside it" in "".join(str(item.value) for item in at.warning)
    assert "Operations" not in app.metrics(at)
    assert app.metrics(at)["Variables"] == "9"
    for page in ("graph", "operations", "optimise", "predict", "compare"):
        at = app.on(at, page)
        assert not at.exception, page
        assert "holds weights and no graph" in at.info[0].value
        assert not at.button, page
    at = app.home(at)
    assert '[href$="/predict"]' in styles(at)


def test_a_tflite_model_on_every_page(folder: Path) -> None:
    (folder / "m.tflite").write_bytes(lite_models.loop())
    at = opened(folder / "m.tflite")
    assert not at.exception
    assert not at.error
    assert app.metrics(at)["Operations"] == "1"
    assert {"Subgraphs", "Tensors"} <= {item.value for item in at.header}
    assert "for TensorFlow 2.5.0 or later" in app.texts(at).replace("\\", "")
    tables = [frame.value for frame in at.dataframe]
    (tensors,) = [table for table in tables if "zero point" in table]
    assert list(tensors["tensor"][:2]) == ["x", "end:0"]
    for page in ("graph", "operations", "compare"):
        at = app.on(at, page)
        assert not at.exception, page
        assert not at.error, page
    at = app.on(at, "optimise")
    assert not at.exception
    assert "Its weights can be quantised" in app.texts(at)
    assert at.button(key="run").disabled
    assert "no float32 weights" in "".join(str(item.value) for item in at.warning)


def test_a_tflite_model_predicts(folder: Path) -> None:
    (folder / "m.tflite").write_bytes(lite_models.add(batch=-1))
    at = app.on(opened(folder / "m.tflite"), "predict")
    at.button(key="predict").click()
    at = app.settled(at.run())
    assert not at.exception
    assert not at.error
    assert "32 rows per run" in app.texts(at)
    assert "run by LiteRT" in app.texts(at)


def test_a_tflite_model_that_cannot_run_says_why(folder: Path) -> None:
    (folder / "m.tflite").write_bytes(lite_models.custom("my_op"))
    at = opened(folder / "m.tflite")
    for page, button in (("predict", "predict"), ("search", None), ("optimise", "run")):
        at = app.on(at, page)
        assert not at.exception, page
        if button is None:
            assert all(item.key != "start_search" for item in at.button)
        else:
            assert at.button(key=button).disabled, page
        if page != "optimise":
            said = "".join(str(item.value) for item in (*at.info, *at.warning)).replace("\\", "")
            assert "LiteRT has no kernel for my_op" in said, page


def test_a_signature_of_another_subgraph_is_chosen_and_run(folder: Path) -> None:
    (folder / "m.tflite").write_bytes(lite_models.loop())
    at = opened(folder / "m.tflite")
    (box,) = [item for item in at.selectbox if item.label == "Signature"]
    box.set_value(1 - box.value).run()
    app.home(at)  # AppTest stays on this page, and the select box would open the model again
    at = app.on(at, "predict")
    at.button(key="predict").click()
    at = app.settled(at.run())
    assert not at.exception
    assert not at.error
    assert "1 row per run" in app.texts(at)


@pytest.mark.tensorflow
def test_a_keras_file_on_every_page(folder: Path) -> None:
    shutil.copyfile(data_path("models/seed/keras/prod_model.h5"), folder / "m.h5")
    at = opened(folder / "m.h5")
    assert not at.exception
    assert app.metrics(at)["Layers"] == "3"
    assert app.metrics(at)["Trainable parameters"] == "210"
    assert "Keras, Sequential, written by keras" in app.texts(at)
    for page in ("graph", "operations", "predict"):
        at = app.on(at, page)
        assert not at.exception, page
        assert not at.error, page
    at = app.on(at, "optimise")
    at.button(key="run").click()
    at = app.settled(at.run())
    assert not at.error
    at = app.on(at, "compare")
    assert not at.exception
    assert not at.error
    at = app.on(at, "predict")
    at.button(key="predict").click()
    at = app.settled(at.run())
    assert not at.exception
    assert not at.error
