"""The Overview answers what the model is: what it takes and gives, signatures, outputs to use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from inspector.ui.screens import overview
from tests import lite_models
from tests.conftest import data_path
from tests.pages import app

IRIS = (
    "Takes 4 × float32 [None] (petal_length, petal_width, sepal_length, sepal_width); gives "
    "probabilities float32 [None, 3], logits float32 [None, 3], class_ids int64 [None, 1] and "
    "classes string [None, 1] (signature predict)."
)
BIKES = (
    "Takes 2 × int32 [None, 1] (hour, weekday) and weather float32 [None, 3]; gives demand "
    "float32 [None, 3] (signature serving_default)."
)


def sentence(at: AppTest) -> str:
    """The first sentence of the page, without Markdown."""
    return str(at.markdown[0].value).replace("\\", "").replace("**", "")


def opened(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("INSPECTOR_ROOTS", str(folder))
    at = app.started()
    at.text_input(key="open_path_text").set_value(name).run()
    at.button(key="open_path").click()
    return app.on(app.settled(at.run()), "overview")


@pytest.mark.parametrize(("sample", "stated"), [("iris", IRIS), ("bikes", BIKES)])
def test_the_first_block_says_what_the_model_takes_and_gives(sample: str, stated: str) -> None:
    at = app.opened(sample)
    assert sentence(at) == stated
    assert [metric.label for metric in at.metric][:3] == ["Parameters", "Size", "Operations"]
    assert not at.warning


def test_signatures_are_one_table_with_the_default_first_and_the_exporters_own_last() -> None:
    at = app.opened("bikes")
    (table,) = [frame.value for frame in at.dataframe if "Signature" in frame.value]
    assert list(dict.fromkeys(table["Signature"])) == [
        "serving_default",
        "serve",
        "__saved_model_init_op",
    ]
    first = table.iloc[0]
    assert (first["Direction"], first["Name"], first["Shape"]) == ("input", "hour", "[None, 1]")
    headers = [header.value for header in at.header]
    assert headers[0] == "Signatures"
    assert headers[-1] == "Operations by type"
    assert headers[-2] == "Not part of a run"  # variables that no signature reads


def test_the_chart_says_how_many_of_the_op_types_it_shows() -> None:
    assert "Chart: top 24 of 36 types." in app.texts(app.opened("iris"))


def test_suggested_outputs_are_used_in_their_row(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a", "b:1"]
    state: dict[str, object] = {overview.USE_CLICK: {"row": 1, "label": "Use"}}
    monkeypatch.setattr(st, "session_state", state)
    overview.use_suggested(names)
    assert state["outputs"] == ["b:1"]
    overview.use_suggested(names)
    assert state["outputs"] == []
    state[overview.USE_CLICK] = {"row": 2, "label": "Use"}  # the browser's word is no index
    overview.use_suggested(names)
    assert state["outputs"] == []


def test_models_without_a_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.tflite").write_bytes(lite_models.add(batch=-1))
    at = opened(tmp_path, "m.tflite", monkeypatch)
    assert sentence(at).startswith("Takes ")
    assert "(no signature; output of the model)." in sentence(at)
    assert "Inputs" in {header.value for header in at.header}


def test_values_without_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = data_path("models/seed/ppscore/checkpoints")
    for name in ("var.index", "var.data-00000-of-00001"):
        shutil.copyfile(seed / name, tmp_path / name)
    at = opened(tmp_path, "var.index", monkeypatch)
    assert sentence(at) == "Holds variable values and no graph, so it has no inputs or outputs."
    listed = next(frame.value for frame in at.dataframe if "variable" in frame.value)
    assert app.metrics(at)["Variables"] == str(len(listed)) != "0"
    headers = {header.value for header in at.header}
    assert not headers & {"Signatures", "Suggested outputs", "Placeholders", "Operations by type"}
