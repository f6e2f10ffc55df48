"""Samples for a TFLite model: what is refused before anything runs, and the batches."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.errors import BadFeed
from inspector.optimisation.feeds import Slot
from inspector.optimisation.tflite import samples

OPEN = Slot("x", "float32", [None, 2])
FIXED = Slot("x", "float32", [4, 2])


def test_rows_are_cut_into_batches_that_the_model_takes() -> None:
    values = np.arange(140, dtype=np.float32).reshape(70, 2)
    arrays = samples.checked({"x": values}, [OPEN])
    batches = samples.batches(arrays, [OPEN])
    assert [len(batch["x"]) for batch in batches] == [32, 32, 6]
    np.testing.assert_array_equal(np.concatenate([batch["x"] for batch in batches]), values)
    fixed = samples.batches(samples.checked({"x": values[:8]}, [FIXED]), [FIXED])
    assert [len(batch["x"]) for batch in fixed] == [4, 4]


def test_a_scalar_is_the_same_in_each_batch() -> None:
    slots = [OPEN, Slot("rate", "float32", [])]
    arrays = samples.checked({"x": np.zeros((40, 2)), "rate": 0.5}, slots)
    assert [batch["rate"] for batch in samples.batches(arrays, slots)] == [0.5, 0.5]


def test_whole_numbers_become_floats() -> None:
    assert samples.checked({"x": [[1, 2]]}, [OPEN])["x"].dtype == np.float32


@pytest.mark.parametrize(
    ("given", "slot", "why"),
    [
        ({"y": [[1, 2]]}, OPEN, "no such input; known: x"),
        ({}, OPEN, r"also needs x: float32 \[None, 2\]"),
        ({"x": [["a", "b"]]}, OPEN, "holds text, needs float32"),
        ({"x": [[1, 2, 3]]}, OPEN, r"has shape \[1, 3\], needs \[None, 2\]"),
        ({"x": [[1, 2], [3, np.nan]]}, OPEN, "holds nan in row 1; needs finite numbers"),
        ({"x": [[1, -np.inf]]}, OPEN, "holds -inf in row 0"),
        ({"x": np.zeros((0, 2))}, OPEN, "has no rows"),
        ({"x": np.zeros((5, 2))}, FIXED, "has 5 rows; the model takes 4 at a time"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, object], slot: Slot, why: str) -> None:
    with pytest.raises(BadFeed, match=f"samples: .*{why}|feeds: .*{why}"):
        samples.checked(given, [slot])


def test_inputs_have_the_same_number_of_rows() -> None:
    slots = [OPEN, Slot("z", "float32", [None])]
    with pytest.raises(BadFeed, match="z: has 2 rows, and 'x' has 3"):
        samples.checked({"x": np.zeros((3, 2)), "z": np.zeros(2)}, slots)


def test_random_rows_are_a_multiple_of_the_batch() -> None:
    assert len(samples.random_rows([FIXED], 6)["x"]) == 8
    assert len(samples.random_rows([OPEN], 6)["x"]) == 6
