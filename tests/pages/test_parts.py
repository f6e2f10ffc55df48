"""Parts of the pages that need no page: figures and examples as text."""

from __future__ import annotations

import pandas as pd
import pytest

from inspector.ui.screens import input_table, operations, predict
from inspector.ui.widgets import text
from inspector.view.table.node_table import NodeTable


def test_counts_agree_with_their_noun() -> None:
    assert [text.count(n, "row") for n in (0, 1, 4_000_000)] == [
        "0 rows",
        "1 row",
        "4,000,000 rows",
    ]


def test_changes_have_a_sign() -> None:
    assert [text.signed(n) for n in (3, -1166, 0)] == ["+3", "−1,166", "0"]


@pytest.mark.parametrize(
    ("dtype", "shape", "literal"),
    [
        ("float32", [None, 2], "[[0.5, 0.5], [0.5, 0.5]]"),
        ("int32", [None], "[1, 1]"),
        ("string", [None], '["some text", "some text"]'),
        ("bool", [], "true"),
        ("float32", None, "0.5"),
        ("int64", [1, 5], "[[1, 1, 1, …]]"),
        ("float32", [None, 0], "[[], []]"),
    ],
)
def test_the_example_of_what_to_type_has_the_shape(
    dtype: str, shape: list[int | None] | None, literal: str
) -> None:
    assert input_table.example(dtype, shape) == literal


@pytest.mark.parametrize(
    ("shape", "dtype", "rows"),
    [
        ([None, 512], "float32", 260_000),
        ([None, None, 4], "float64", 16_000_000),
        ([8, 512], "float32", None),
        ([], "float32", None),
        (None, "float32", None),
        ([None, 2], "string", None),
        ([None, 2], "dtype(999)", None),
    ],
)
def test_the_rows_that_fit_into_a_job_go_by_the_largest_tensor(
    shape: list[int | None] | None, dtype: str, rows: int | None
) -> None:
    table = NodeTable(
        *(["x", "y"], ["Placeholder", "Relu"], [0, 1], [[], [0, 0]]),
        dtypes=[["float32"], [dtype]],
        dtype=[0, 1],
        shapes=[[[]], [shape]],
        shape=[0, 1],
    )
    assert predict.rows_that_fit(table, 3 << 30) == rows


def test_outputs_in_the_table_leave_out_the_name_that_stands_beside_them() -> None:
    rows = {"name": ["a(b", "s"], "op": ["Relu", "Split"], "outputs": ["a(b:0 float32 [?, 4]", ""]}
    rows["outputs"][1] = "s:0 int32 [2], s:1 int32 []"
    frame = operations.tabulated(pd.DataFrame(rows))
    assert list(frame["outputs"]) == ["float32 [?, 4]", "int32 [2], int32 []"]
    assert list(frame.columns) == ["op", "name", "outputs"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        (
            "Iris classifier (TensorFlow 1.10 estimator)",
            "Iris_classifier_TensorFlow_1_10_estimator",
        ),
        ("frozen.pb", "frozen"),
        ('<b>../a"b:c', "b_a_b_c"),
        ("größe", "größe"),
        ("***", "model"),
    ],
)
def test_a_download_is_named_after_the_model(name: str, stem: str) -> None:
    assert text.file_stem(name) == stem
