"""Variables and files on the overview: a table to search, values on demand, a tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from tests.pages import app

IRIS = locations.sample_models() / "iris" / "saved_model"
KERNEL = "dnn/hiddenlayer_0/kernel"


def table(at: AppTest, column: str):
    (frame,) = (element.value for element in at.dataframe if column in element.value)
    return frame


def test_variables_are_searched_by_name_dtype_and_shape() -> None:
    at = app.opened("iris")
    every = table(at, "variable")
    assert list(every.columns) == ["variable", "dtype", "shape", "bytes"]
    at.text_input(key="variable_search").set_value("KERNEL 512").run()
    some = table(at, "variable")
    assert 0 < len(some) < len(every)
    assert all("kernel" in name for name in some["variable"])
    at.text_input(key="variable_search").set_value("nothing <b>of</b> this").run()
    assert not at.exception
    assert "0 of " in app.texts(at)


def test_the_values_of_a_variable_are_read_on_demand() -> None:
    at = app.opened("iris")
    assert "Select a row" in app.texts(at)
    at.session_state["of_model:selected_variable"] = KERNEL
    at.run()
    assert not at.exception
    figures = dict(table(at, "figure").itertuples(index=False))
    assert figures["elements"] == "2,048"
    assert float(figures["smallest"]) < float(figures["mean"]) < float(figures["largest"])
    assert figures["NaN"] == "0"
    assert len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")) == 2


def test_damaged_values_are_one_clear_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(IRIS, tmp_path / "m")
    (shard,) = (tmp_path / "m" / "variables").glob("*.data-*")
    data = bytearray(shard.read_bytes())
    for at_byte in range(0, len(data), 64):
        data[at_byte] ^= 0xFF
    shard.write_bytes(bytes(data))
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    at = app.started()
    at.text_input(key="open_path_text").set_value("m").run()
    at.button(key="open_path").click()
    at = app.on(app.settled(at.run()), "overview")
    at.session_state["of_model:selected_variable"] = KERNEL
    at.run()
    (error,) = at.error
    assert "checksum" in error.value
    shard.unlink()
    at = app.started()
    at.text_input(key="open_path_text").set_value("m").run()
    at.button(key="open_path").click()
    at = app.on(app.settled(at.run()), "overview")
    assert any("Put it beside the other files" in item.value for item in at.warning)


def test_files_are_a_tree_with_sizes_and_shares() -> None:
    at = app.opened("reviews")
    tree = table(at, "Share")
    assert [name.strip() for name in tree["Name"]][:1] == ["saved_model.pb"]
    assert "assets/" in [name.strip() for name in tree["Name"]]
    assert sum(
        tree["Share"][[name.startswith("\u2003") is False for name in tree["Name"]]]
    ) == pytest.approx(100)
    assert list(table(at, "Asset")["Size"]) != ["missing"]
