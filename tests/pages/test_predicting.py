"""The Predict page: rows typed into a table, classes, grades and files of the answers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from inspector.optimisation.feeds import Slot
from inspector.ui.screens import input_table, prediction
from inspector.ui.screens.input_table import Input
from tests.pages import app

pytestmark = pytest.mark.tensorflow


def typed(sample: str, rows: pd.DataFrame) -> AppTest:
    """The page after a run on these rows of the table."""
    at = app.on(app.opened(sample), "predict")
    at.session_state[input_table.ROWS] = rows  # AppTest cannot edit a table
    at.segmented_control(key="feed_kind").set_value("typed").run()
    assert not at.button(key="predict").disabled
    at.button(key="predict").click()
    app.settled(at.run())
    assert not at.error
    return at


def test_a_row_of_numbers_gives_its_class_and_files() -> None:
    flower = {"petal_length": 1.7, "petal_width": 0.5, "sepal_length": 5.1, "sepal_width": 3.3}
    at = typed("iris", pd.DataFrame([flower], dtype="Float64"))
    classes = next(table.value for table in at.dataframe if "top-1" in table.value)
    assert list(classes["top-1"]) == ["setosa"]
    assert "names from lookup table" in app.texts(at)
    files = at.session_state["of_model:prediction_files"]
    with np.load(io.BytesIO(files["npz"])) as arrays:
        scores = arrays["dnn/head/predictions/probabilities:0"]
    np.testing.assert_allclose(classes["score"], scores.max(1))
    assert b"setosa" in files["csv"]


def test_rows_of_text() -> None:
    at = typed("reviews", pd.DataFrame({"text": ["a wonderful film", "awful"]}))
    classes = next(table.value for table in at.dataframe if "top-1" in table.value)
    assert len(classes) == 2
    assert set(classes["top-1"]) <= {"class 0", "class 1"}


def test_columns_of_a_vector_and_whole_numbers() -> None:
    names = ["hour", "weather.0", "weather.1", "weather.2", "weekday"]
    frame = pd.DataFrame([[8, 0.5, 0, 1, 3], [9, 0.5, 0, 1, 3]], columns=names, dtype="Float64")
    at = typed("bikes", frame)
    assert at.session_state["of_model:prediction"]["rows"] == 2


def test_the_file_tab_lists_the_inputs() -> None:
    at = app.on(app.opened("shapes"), "predict")
    at.segmented_control(key="feed_kind").set_value("file").run()
    listed = next(table.value for table in at.dataframe if "dtype" in table.value)
    assert list(listed["input"]) == ["image"]
    assert at.button(key="predict").disabled
    assert any("Upload a file" in item.value for item in at.caption)


X, N, S = Slot("x", "float32", [None, 2]), Slot("n", "int32", [None]), Slot("s", "string", [1])


@pytest.mark.parametrize(
    ("slots", "rows", "expected"),
    [
        ([X], [[1.5, 2], [None, None]], {"x": "[[1.5, 2.0]]"}),
        ([N], [[3.0]], {"n": "[3]"}),
        ([S], [["a b"]], {"s": '["a b"]'}),
        ([X, N], [[1.5, 2, None]], "Row 1: n is empty."),
        ([X], [[None, None]], "Fill in at least one row: x."),
        ([N], [[3.5]], "n: holds float64, needs int32."),
        ([S], [["a"], ["b"]], "s: has shape [2], needs [1]."),
    ],
)
def test_rows_become_json(slots: list[Slot], rows: list[Any], expected: Any) -> None:
    inputs = [Input(slot.key, slot) for slot in slots]
    names = [name for slot in slots for name in input_table.feed_text.columns(slot) or []]
    values: dict[str, str] = {}
    problem = input_table.row_texts(pd.DataFrame(rows, columns=names), inputs, values)
    assert (problem or values) == expected


def test_classes_of_several_graphs_side_by_side() -> None:
    top = {
        "as opened": [[[1.0, 0.9], [0.0, 0.1]], [[0.0, 0.6], [1.0, 0.4]]],
        "optimised": [[[1.0, 0.8], [0.0, 0.2]], [[1.0, 0.5], [0.0, 0.5]]],
    }
    frame = prediction.top_table(top, ["cat", "dog"])
    assert list(frame["top-1"]) == ["dog", "cat"]
    assert list(frame["top-1, optimised"]) == ["dog", "dog"]
    assert list(frame["changes"]) == ["–", "optimised"]
    scores = prediction.score_frame(top, ["cat", "dog"], 1)
    assert list(scores["class"]) == ["cat", "dog", "dog", "cat"]


@pytest.mark.parametrize(
    ("largest", "digits"),
    [(0.9, 5), (3.2, 4), (150.0, 2), (123456.0, 0), (0.002, 7), (1e-7, -1), (0, 4), (1e12, -1)],
)
def test_decimals(largest: float, digits: int) -> None:
    assert prediction.decimals(largest) == digits
