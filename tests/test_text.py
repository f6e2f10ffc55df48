"""Sizes, counts, shapes and values as text."""

from __future__ import annotations

import pytest

from inspector import text


@pytest.mark.parametrize(
    ("amount", "exact", "rounded", "brief"),
    [
        (0, "0 bytes", "0 bytes", "0 B"),
        (1, "1 bytes", "1 bytes", "1 B"),
        (999, "999 bytes", "999 bytes", "999 B"),
        (1000, "1,000 bytes", "1000 bytes", "1.0 KiB"),
        (1 << 13, "8,192 bytes (8.0 KiB)", "8.0 KiB", "8.0 KiB"),
        (815_926, "815,926 bytes (796.8 KiB)", "796.8 KiB", "797 KiB"),
        (3 << 30, "3,221,225,472 bytes (3.0 GiB)", "3.0 GiB", "3.0 GiB"),
        (1 << 40, "1,099,511,627,776 bytes (1.0 TiB)", "1.0 TiB", "1.0 TiB"),
        (5000 << 40, "5,497,558,138,880,000 bytes (5000.0 TiB)", "5000.0 TiB", "5000 TiB"),
    ],
)
def test_a_size_has_one_unit_in_all_three_forms(amount, exact, rounded, brief):
    assert text.size(amount) == exact
    assert text.rounded_size(amount) == rounded
    assert text.brief_size(amount) == brief


def test_two_sizes_share_the_larger_unit():
    assert text.rounded_size(900 << 10, like=3 << 20) == "0.9 MiB"
    assert text.rounded_size(9 << 10, like=3 << 20) == "9.0 KiB"  # 0.0 MiB would say nothing
    assert text.rounded_size(None) == "–"
    assert text.size_unit(5 << 20) == ("MiB", 1 << 20)


@pytest.mark.parametrize(
    ("dims", "exact", "brief"),
    [
        (None, "unknown", ""),
        ([], "[]", "scalar"),
        ([4], "[4]", "[4]"),
        ([None], "[None]", "[None]"),
        ([None, 4], "[None, 4]", "[None, 4]"),
        ([1] * 9, f"[{', '.join('1' * 9)}]", "[1, 1, 1, 1, 1, 1, 1, 1, ...]"),
    ],
)
def test_a_shape(dims, exact, brief):
    assert text.shape(dims) == exact
    assert text.brief_shape(dims) == brief


def test_a_long_shape_is_cut():
    assert text.shape([1, 2, 3], limit=2) == "[1, 2, ...]"
    assert text.shape([1, 2], limit=2) == "[1, 2]"


def test_a_long_name_keeps_both_ends():
    assert text.shorten("abcdefghijkl", 6) == "ab…jkl"
    assert text.shorten("abcdef", 6) == "abcdef"
    assert text.shorten("a\u202eb") == "a\N{REPLACEMENT CHARACTER}b"
    assert text.cut("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (b"caf\xc3\xa9\xff", "café\\xff"),
        (True, "true"),
        (0.1 + 0.2, "0.3"),
        (123456789, "123456789"),
        (b"x" * 61, "x" * 59 + "…"),
    ],
)
def test_one_value(item, shown):
    assert text.value(item) == shown


def test_figures():
    assert [text.percent(share) for share in (0.0994, 0.0996, 1)] == ["9.9 %", "10 %", "100 %"]
    assert [text.metric(n) for n in (999, 12_000, 3.9e9)] == ["999", "12.0 k", "3.9 G"]
    assert [text.microseconds(n) for n in (12, 3400)] == ["12 µs", "3.40 ms"]
    assert [text.milliseconds(n) for n in (None, 12.345, 345.6)] == ["–", "12.3 ms", "346 ms"]
    assert [text.count(n, "op") for n in (1, 1831)] == ["1 op", "1,831 ops"]
    assert text.count(2, "bias", "biases") == "2 biases"
