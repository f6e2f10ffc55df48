"""Two predictions compared."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.measurement.agreement import compare, compare_arrays

A = np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5]], np.float32)


def test_equal():
    result = compare_arrays(A, A.copy())
    assert result.equal
    assert (result.max_abs, result.mean_abs, result.argmax_equal, result.changed) == (0, 0, 1, 0)


def test_differences_and_classes():
    other = A + np.array([[0.1, -0.1], [-0.3, 0.3], [0, 0]], np.float32)
    result = compare_arrays(A, other)
    assert not result.equal
    assert result.max_abs == pytest.approx(0.3)
    assert result.mean_abs == pytest.approx(0.8 / 6)
    assert result.changed_rows == (1,)
    assert result.argmax_equal == pytest.approx(2 / 3)


def test_values_that_are_no_numbers():
    a, b = np.array([1.0, np.nan, np.inf, 2]), np.array([1.0, np.nan, 3, 5])
    result = compare_arrays(a, b)
    assert (result.non_finite_a, result.non_finite_b) == (2, 1)
    assert result.max_abs == 3
    assert not result.equal
    assert compare_arrays(a, a).equal
    assert compare_arrays(np.array([np.inf]), np.array([-np.inf])).max_abs is None


def test_one_value_per_row_has_no_classes():
    assert compare_arrays(np.arange(3.0), np.arange(3.0)).argmax_equal is None
    assert compare_arrays(np.ones((3, 1)), np.ones((3, 1))).argmax_equal is None


def test_text_is_compared_for_equality_whatever_it_is_kept_in():
    a = np.array([[b"x"], [b"yy"]], object)
    assert compare_arrays(a, np.array([[b"x"], [b"yy"]])).equal
    result = compare_arrays(a, np.array([["x"], ["z"]]))
    assert (result.equal, result.argmax_equal, result.changed_rows) == (False, 0.5, (1,))
    assert result.max_abs is None


def test_whole_numbers_do_not_overflow():
    result = compare_arrays(np.array([0, 255], np.uint8), np.array([255, 255], np.uint8))
    assert (result.max_abs, result.changed, result.argmax_equal) == (255, 1, 0.5)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [(np.ones(2), np.ones(3), "shapes"), (np.ones(1), np.array([b"x"]), "dtypes")],
)
def test_what_cannot_be_compared_says_why(a, b, says):
    result = compare_arrays(a, b)
    assert not result.equal
    assert says in result.why


def test_empty():
    result = compare_arrays(np.ones((0, 3)), np.ones((0, 3)))
    assert result.equal
    assert result.max_abs == 0


def test_outputs_of_both():
    found = compare({"p": A, "only": A}, {"p": A, "other": A})
    assert list(found) == ["p"]
    assert found["p"].to_dict()["changed_rows"] == []
