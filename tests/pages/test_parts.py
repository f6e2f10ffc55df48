"""Parts of the pages that need no page: figures and examples as text."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from inspector.reporting.verdict import worst_output
from inspector.ui.screens import input_table, operations, predict
from inspector.ui.screens.reports import headline
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
    rows = {
        "name": ["a(b", "s"],
        "op": ["Relu", "Split"],
        "outputs": ["a(b:0 float32 [None, 4]", ""],
    }
    rows["outputs"][1] = "s:0 int32 [2], s:1 int32 []"
    frame = operations.tabulated(pd.DataFrame(rows))
    assert list(frame["outputs"]) == ["float32 [None, 4]", "int32 [2], int32 []"]
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


def test_the_difference_of_a_verdict_is_of_one_output() -> None:
    outputs = [
        {"max_abs": 0.4, "max_rel": 0.014, "is_whole": False},
        {"max_abs": 0.09, "max_rel": 0.09, "is_whole": False},
        {"max_abs": 2.0, "max_rel": 1.0, "is_whole": True},
    ]
    assert worst_output(outputs) is outputs[1]
    assert worst_output(outputs[2:]) is outputs[2]
    assert worst_output([{"max_abs": None}]) is None


def test_the_baseline_is_named_where_it_is_not_the_file() -> None:
    model = SimpleNamespace(facts={"bytes": {"total": 55_400}})
    said = headline.baseline_of(13_700, model)  # type: ignore[arg-type]
    assert "13.4 KiB of the 54.1 KiB in the file" in said
    assert headline.baseline_of(55_400, model) == ""  # type: ignore[arg-type]
