"""Limits of a comparison."""

from __future__ import annotations

import pytest

from inspector.measurement.limits import Limit


@pytest.mark.parametrize(
    ("limit", "met"),
    [
        (Limit("max_difference", 0.02, 0.02), True),
        (Limit("max_difference", 0.02, 0.021), False),
        (Limit("min_agreement", 0.99, 0.99), True),
        (Limit("min_agreement", 0.99, 0.98), False),
        (Limit("max_bytes", 10, 11), False),
        (Limit("max_difference", 0.02, None), False),
        (Limit("min_agreement", 0.0, None), False),
        (Limit("min_accuracy", 0.9, 0.9), True),
        (Limit("min_accuracy", 0.9, 0.89), False),
    ],
)
def test_a_value_may_equal_its_limit_and_none_meets_none(limit: Limit, met: bool) -> None:
    assert limit.met is met
    assert limit.to_dict()["met"] is met
    assert str(limit).endswith("NOT MET") is not met
