"""Measured time on the Graph page: the list of the slowest nodes and ops."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from inspector.ui.screens import measuring
from inspector.ui.session import view_state
from inspector.view.state import overlay
from tests import lite_models
from tests.pages import app
from tests.pages.test_tflite_target import opened_file


def measured(at: AppTest) -> AppTest:
    at = app.on(at, "graph")
    assert not [item for item in at.dataframe if item.key == "slowest_nodes"]
    at.selectbox(key="colour_by").set_value(overlay.TIME)
    at = app.settled(at.run())
    assert not at.exception
    return at


def table(at: AppTest, key: str):
    return next(item.value for item in at.dataframe if item.key == key)


def by_op(at: AppTest) -> AppTest:
    next(item for item in at.get("button_group") if item.key == "slowest_by").set_value(
        measuring.BY_OP
    )
    return app.settled(at.run())


@pytest.mark.tensorflow
def test_nodes_of_a_tensorflow_model() -> None:
    at = measured(app.opened("bikes"))
    profile = view_state_of(at)
    nodes = table(at, "slowest_nodes")
    assert len(nodes) == min(measuring.TOP, len(profile.nodes))
    assert list(nodes["op"]) == [node.op for node in profile.nodes[: len(nodes)]]
    assert any("of the" in item.value and "whole run" in item.value for item in at.caption)
    (ops,) = (item.value for item in by_op(at).dataframe)
    assert list(ops["op"]) == [row.op for row in profile.ops[: measuring.TOP]]
    assert ops["parameters"].sum() > 0


def test_operators_of_a_tflite_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    (tmp_path / "small.tflite").write_bytes(lite_models.add(batch=-1))
    at = measured(opened_file(tmp_path / "small.tflite"))
    nodes = table(at, "slowest_nodes")
    assert list(nodes["node"]) == ["y"]
    assert any("each operator ran alone" in item.value for item in at.caption)
    at.button(key="measure_again").click()
    at = app.settled(at.run())
    assert not at.exception
    assert view_state_of(at).method == "operators alone"


def view_state_of(at: AppTest):
    return at.session_state[view_state._TIMES][1]
