"""Small constants as pictures."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.analysis import value_image


def test_filters_stand_side_by_side_with_a_gap() -> None:
    kernel = np.arange(3 * 3 * 2 * 10, dtype=np.float32).reshape(3, 3, 2, 10)
    found = value_image.of(kernel)
    assert found is not None
    rows = np.array(found["rows"])
    assert rows.shape == (2 * 4 - 1, 8 * 4 - 1)
    assert (rows[3] == 255).all()
    assert rows[0, 0] == 0
    assert found["what"] == "10 of 10 filters, their first channel"
    # The second filter's first tap, on the scale of the first channel.
    low, high = kernel[:, :, 0].min(), kernel[:, :, 0].max()
    assert rows[0, 4] == int((kernel[0, 0, 0, 1] - low) / (high - low) * 254)


def test_a_matrix_is_drawn_as_it_is() -> None:
    found = value_image.of(np.array([[0, 1], [2, 4]], np.float16))
    assert found == {"rows": [[0, 63], [127, 254]], "what": "2 × 2 values"}


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 3)),
        np.array([[1.0, np.nan], [0.0, 2.0]]),
        np.ones((65, 2)) * np.arange(2),
        np.arange(9).reshape(3, 3),
        np.arange(4.0),
        np.zeros((0, 4)),
        np.arange(16.0).reshape(1, 1, 4, 4),
        np.array([["a", "b"]], dtype=object),
    ],
)
def test_what_makes_no_picture(array: np.ndarray) -> None:
    assert value_image.of(array) is None
