"""Figures of a tensor against numpy's own, whole and in pieces."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inspector.analysis import statistics

DTYPES = ("float32", "float64", "float16", "int8", "int64", "uint64", "bool", "bfloat16")


def of(*pieces: np.ndarray) -> statistics.Statistics:
    return statistics.of(lambda: iter(pieces))


@given(
    st.sampled_from(["float32", "int16", "uint8"]).flatmap(
        lambda dtype: hnp.arrays(
            dtype, st.integers(1, 300), elements={"allow_nan": True} if dtype == "float32" else None
        )
    ),
    st.integers(0, 299),
)
def test_the_figures_are_those_of_numpy_however_it_is_cut(array: np.ndarray, cut: int) -> None:
    found = of(array[:cut], array[cut:])
    finite = array[np.isfinite(array)].astype(np.float64)
    assert found.elements == array.size
    assert found.finite == finite.size
    assert found.nan == int(np.isnan(array).sum())
    assert found.infinite == int(np.isinf(array).sum())
    assert found.zeros == int((array == 0).sum())
    if finite.size:
        assert found.minimum == finite.min()
        assert found.maximum == finite.max()
        scale = float(np.abs(finite).max())
        assert found.mean == pytest.approx(finite.mean(), rel=1e-9, abs=1e-9 * scale)
        assert found.deviation == pytest.approx(finite.std(), rel=1e-6, abs=1e-6 * scale)
        assert sum(found.counts) == finite.size
        assert len(found.edges) == len(found.counts) + 1
    json.dumps(found.to_dict(), allow_nan=False)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).normal(3, 2, (50, 70)).astype(np.float32)
    whole = of(array)
    monkeypatch.setattr(statistics, "CHUNK", 97)
    parts = of(array)
    assert (parts.minimum, parts.maximum, parts.counts) == (
        whole.minimum,
        whole.maximum,
        whole.counts,
    )
    assert parts.mean == pytest.approx(whole.mean, rel=1e-12)
    assert parts.deviation == pytest.approx(float(array.astype(np.float64).std()), rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_has_figures(dtype: str) -> None:
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    found = of(np.array([[0, 1], [1, 1]]).astype(kind))
    assert (found.minimum, found.maximum, found.zeros, found.mean) == (0, 1, 1, 0.75)
    assert sum(found.counts) == 4


def test_complex_numbers_texts_and_nothing() -> None:
    assert of(np.array([3 + 4j, 0], np.complex64)).maximum == 5
    texts = of(np.array([b"", b"abc", b"xy"], object))
    assert (texts.elements, texts.lengths, texts.counts) == (3, (0, 3), [])
    nothing = of(np.empty((0, 3), np.float32))
    assert (nothing.elements, nothing.minimum, nothing.counts) == (0, None, [])
    only = of(np.full(5, np.nan, np.float32))
    assert (only.nan, only.minimum, only.counts) == (5, None, [])


@pytest.mark.parametrize(
    "array",
    [
        np.array([np.finfo(np.float64).max, np.finfo(np.float64).min]),
        np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max]),
        np.array([0, np.iinfo(np.uint64).max], np.uint64),
        np.array([1e300, 1e300 * (1 + 1e-15)]),
        np.array([5e-324, 0]),
        np.array([2**62], np.int64),
        np.array([7.5]),
    ],
)
def test_the_ends_of_the_range_break_nothing(array: np.ndarray) -> None:
    found = of(array)
    assert (found.minimum, found.maximum) == (array.min().item(), array.max().item())
    assert sum(found.counts) in (0, array.size)
    json.dumps(found.to_dict(), allow_nan=False)


def test_few_whole_numbers_get_a_bar_each() -> None:
    found = of(np.array([1, 1, 2, 4], np.int32))
    assert found.edges == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert found.counts == [2, 1, 0, 1]
