"""Parts of the pages that need no page: figures and examples as text."""

from __future__ import annotations

import pandas as pd
import pytest

from inspector.ui import operations, predicting, text


def test_counts_agree_with_their_noun() -> None:
    assert [text.count(n, "row") for n in (0, 1, 4_000_000)] == [
        "0 rows",
        "1 row",
        "4,000,000 rows",
    ]


def test_changes_have_a_sign() -> None:
    assert [text.signed(n) for n in (3, -1166, 0)] == ["+3", "−1,166", "0"]


@pytest.mark.parametrize(
    ("dtype", "shape", "told"),
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
    dtype: str, shape: list[int | None] | None, told: str
) -> None:
    assert predicting.example(dtype, shape) == told


def test_outputs_in_the_table_leave_out_the_name_that_stands_beside_them() -> None:
    rows = {"name": ["a(b", "s"], "op": ["Relu", "Split"], "outputs": ["a(b:0 float32 [?, 4]", ""]}
    rows["outputs"][1] = "s:0 int32 [2], s:1 int32 []"
    made = operations.tabulated(pd.DataFrame(rows))
    assert list(made["outputs"]) == ["float32 [?, 4]", "int32 [2], int32 []"]
    assert list(made.columns) == ["op", "name", "outputs"]


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
