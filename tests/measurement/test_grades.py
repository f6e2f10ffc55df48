"""How far two outputs differ, in grades and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inspector.measurement.grades import difference, worst

A = np.array([[0.1, 0.9, 0.0], [0.6, 0.4, 0.0], [0.3, 0.3001, 0.2]], np.float32)


def changed(*places: tuple[int, int, float]) -> Any:
    other = A.copy()
    for row, column, by in places:
        other[row, column] += by
    return other


@pytest.mark.parametrize(
    ("other", "tolerance", "grade"),
    [
        pytest.param(A.copy(), 0.1, "identical", id="identical"),
        pytest.param(changed((0, 0, 5e-5)), 0.1, "rounding", id="rounding"),
        pytest.param(changed((0, 0, 5e-2)), 0.1, "small", id="small"),
        pytest.param(changed((0, 0, 5e-2)), 0.05, "different", id="tolerance"),
        pytest.param(changed((2, 0, 1e-2)), 0.1, "top-1 changes", id="top-1"),
        pytest.param(changed((1, 2, 0.3)), 0.1, "different", id="too large"),
        pytest.param(changed((1, 2, np.nan)), 0.1, "different", id="nan"),
        pytest.param(A[:2], 0.1, "different", id="shape"),
        pytest.param(np.array([[b"a"] * 3] * 3, object), 0.1, "different", id="dtype"),
    ],
)
def test_each_grade(other: Any, tolerance: float, grade: str) -> None:
    assert difference(A, other, tolerance)["grade"] == grade


def test_classes_as_text_and_as_numbers_are_graded_by_their_rows() -> None:
    names = np.array([b"cat"] * 20, object)
    other = names.copy()
    other[3] = b"dog"
    assert difference(names, other)["grade"] == "top-1 changes"
    assert difference(names, other, tolerance=0.01)["grade"] == "different"
    numbers = np.arange(20)
    assert difference(numbers, numbers * 2)["grade"] == "different"
    assert difference(numbers, numbers)["grade"] == "identical"


def test_the_figures_are_those_of_numpy() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=(50, 7))
    b = a + rng.normal(size=(50, 7)) * 0.01
    figures = difference(a, b)
    apart = np.abs(a - b)
    assert figures["max_abs"] == pytest.approx(apart.max())
    assert figures["mean_abs"] == pytest.approx(apart.mean())
    assert figures["max_rel"] == pytest.approx(apart.max() / np.abs(a).max())
    assert figures["percentiles"] == {
        str(share): pytest.approx(np.percentile(apart, share)) for share in (50, 90, 99)
    }
    order = np.argsort(-apart.max(axis=1))
    assert [item["row"] for item in figures["worst_rows"]] == order[:10].tolist()
    assert figures["worst_rows"][0]["difference"] == pytest.approx(apart.max())
    assert figures["histogram"] is not None
    assert sum(figures["histogram"]["counts"]) == 350
    assert figures["histogram"]["edges"][-1] == pytest.approx(apart.max())
    assert figures["argmax_equal"] == np.mean(a.argmax(1) == b.argmax(1))


def test_a_scalar_and_an_empty_output() -> None:
    assert difference(np.float32(2), np.float32(2.001))["worst_rows"][0]["row"] == 0
    empty = np.zeros((0, 3), np.float32)
    assert difference(empty, empty)["grade"] == "identical"


def test_the_worst_grade() -> None:
    assert worst(["rounding", "top-1 changes", "small"]) == "top-1 changes"
    assert worst([]) == "identical"
