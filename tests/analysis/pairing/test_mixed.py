"""The hash of the pairing is splitmix64's, and leaves its argument as it is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inspector.analysis.pairing.two_graphs import mixed

BITS = (1 << 64) - 1


def splitmix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & BITS
    value = (value ^ value >> 27) * 0x94D049BB133111EB & BITS
    return value ^ value >> 31


@given(st.lists(st.integers(0, BITS)))
def test_each_number_is_mixed_as_splitmix64_does(numbers):
    values = np.array(numbers, np.uint64)
    assert mixed(values).tolist() == list(map(splitmix, numbers))
    assert values.tolist() == numbers
