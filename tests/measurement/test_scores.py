"""Accuracy and McNemar's exact test, against sums of exact binomials and tables by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from inspector.errors import BadFeed
from inspector.measurement.scores import (
    accuracy,
    class_changes,
    mcnemar,
    mean_error,
    scored_output,
)

NAMES = ["cat", "dog", "emu"]
LABELS = np.array([0, 1, 2, 0])
A = np.eye(3)[[0, 1, 2, 1]]
B = np.eye(3)[[0, 2, 2, 0]]


def exact(b: int, c: int) -> float:
    """By exact fractions."""
    trials = b + c
    tail = sum(math.comb(trials, k) for k in range(min(b, c) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**trials)))


@pytest.mark.parametrize(
    ("b", "c", "by_hand"),
    # 2 (1/2)^5; 2 (1 + 8)/2^8; 2 (1 + 10 + 45)/2^10; of none and of equal numbers, 1.
    [(5, 0, 0.0625), (1, 7, 18 / 256), (8, 2, 112 / 1024), (0, 0, 1.0), (4, 4, 1.0)],
)
def test_mcnemar_is_the_table_computed_by_hand(b: int, c: int, by_hand: float) -> None:
    assert mcnemar(b, c) == pytest.approx(by_hand)
    assert mcnemar(c, b) == pytest.approx(by_hand)


def test_mcnemar_is_exact_for_small_and_for_large_tables() -> None:
    for b in range(0, 40, 6):
        for c in range(0, 40, 13):
            assert mcnemar(b, c) == pytest.approx(exact(b, c), rel=1e-9)
    assert mcnemar(480, 560) == pytest.approx(exact(480, 560), rel=1e-8)
    assert 0 < mcnemar(50_000, 51_000) < 0.01


def test_accuracy_of_scores() -> None:
    score = accuracy(A, B, LABELS, "probabilities")
    assert (score["a"], score["b"]) == (0.75, 0.75)
    assert (score["turned_wrong"], score["turned_right"]) == ([1], [3])
    assert (score["changed_right_to_wrong"], score["changed_wrong_to_right"]) == (1, 1)
    assert score["mcnemar_p"] == 1.0


def test_labels_may_be_names() -> None:
    labels = np.array([b"cat", b"dog", b"emu", b"cat"], object)
    assert accuracy(A, B, labels, "p", NAMES) == accuracy(A, B, LABELS, "p")
    with pytest.raises(BadFeed, match="labels: gnu: is no name of a class"):
        accuracy(A, B, np.array([b"gnu"] * 4, object), "p", NAMES)
    texts = labels.reshape(4, 1)
    assert accuracy(texts, texts, labels, "classes")["b"] == 1.0


def test_a_mean_error_for_real_values() -> None:
    labels = np.array([1.0, 2.0, 3.0])
    error = mean_error(np.array([[1.5], [2.5], [3.0]]), np.array([1.0, 4.0, 3.0]), labels, "y")
    assert error["a"] == pytest.approx(1 / 3)
    assert error["b"] == pytest.approx(2 / 3)
    assert (error["closer"], error["further"]) == (1, 1)


def test_the_output_that_labels_are_for() -> None:
    names = np.array([[b"cat"]] * 4, object)
    outputs = {"logits": A, "ids": LABELS.reshape(4, 1), "probs": A, "names": names}
    assert scored_output(outputs, LABELS, None) == "probs"
    assert scored_output({"ids": outputs["ids"]}, LABELS, None) == "ids"
    texts = np.array([b"cat"] * 4, object)
    assert scored_output(outputs, texts, None) == "names"
    assert scored_output(outputs, texts, NAMES) == "probs"
    assert scored_output({"y": np.ones((4, 1))}, np.ones(4), None) == "y"
    with pytest.raises(BadFeed, match="there are 3 of them for 4 rows"):
        scored_output(outputs, LABELS[:3], None)
    with pytest.raises(BadFeed, match="names; name the classes with --classes"):
        scored_output({"probs": A}, texts, None)
    with pytest.raises(BadFeed, match="no output fits labels that are real numbers"):
        scored_output({"probs": A}, np.ones(4), None)


def test_rows_with_another_class() -> None:
    assert class_changes(A, B, [1, 3], NAMES) == [
        {"row": 1, "a": "dog", "b": "emu"},
        {"row": 3, "a": "dog", "b": "cat"},
    ]
    assert class_changes(A, B, [1], None) == [{"row": 1, "a": "1", "b": "2"}]
    assert class_changes(LABELS, LABELS, [1], NAMES) == []
