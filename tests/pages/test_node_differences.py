"""Compare: the first node that differs, errors of nodes as a table and on the picture."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from inspector.ui.screens.parting import node_differences
from inspector.ui.session.state import COMPARE_VIEW
from inspector.view.state import error_overlay
from inspector.view.state.union import Difference
from tests.pages import app
from tests.pages.test_tflite_target import run, to_tflite

pytestmark = pytest.mark.tensorflow


def compared(at: AppTest) -> AppTest:
    at = app.on(at, "compare")
    assert not [item for item in at.selectbox if item.key == "compare_colour"]
    at.button(key="blame_start").click()
    at = app.settled(at.run())
    assert not at.exception
    return at


def rows(at: AppTest):
    return next(item.value for item in at.dataframe if item.key == "blame_nodes")


def test_the_node_to_blame_the_table_and_the_colours() -> None:
    at = app.on(app.opened("iris"), "optimise")
    at = compared(run(at))
    table = rows(at)
    blamed = at.session_state[node_differences.ANSWER][1]
    assert len(table) == len(blamed.nodes) > 20
    errors = list(table["alone"].fillna(-1))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e-4
    assert set(table["paired by"]) == {"name"}
    said = app.texts(at)
    assert "hiddenlayer_0/MatMul" in said.replace("\\", "")
    # The list rounds the weights before it quantises them; what removes nodes is exact.
    assert "The step: round" in said.replace("\\", "")
    at.button(key="blame_show").click()
    at = app.settled(at.run())
    assert at.session_state[COMPARE_VIEW].selected == ("dnn/hiddenlayer_0/MatMul",)
    colour = at.selectbox(key="compare_colour")
    assert colour.value == error_overlay.LOCAL
    colour.set_value(error_overlay.ACCUMULATED)
    at = app.settled(at.run())
    assert not at.exception
    result = at.session_state["result"]
    difference = Difference.of(result.value["diff"])
    alone, in_run = (
        node_differences.errors(blamed, difference, figure) for figure in error_overlay.LABELS
    )
    assert alone["dnn/hiddenlayer_0/Relu"] == 0 < in_run["dnn/hiddenlayer_0/Relu"]
    # Another session that has the address shows it without work.
    assert node_differences.KIND in result.measured


def test_tensorflow_against_tflite() -> None:
    at = compared(run(to_tflite(app.opened("iris"), "dynamic")))
    table = rows(at)
    assert "FULLY" not in "".join(table["op"])
    assert table["in the run"].max() > 1e-4
    alone = dict(zip(table["op"], table["alone"], strict=True))
    assert alone["Relu"] > 1e-4
    assert alone["Softmax"] < 1e-6
    assert at.selectbox(key="compare_colour").options == [
        "Colour: op",
        *error_overlay.LABELS.values(),
    ]
