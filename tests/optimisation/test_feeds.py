"""Feeds from text, chance, a range and files; and what is said when they do not fit."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import BadFeed, InspectorError, LimitExceeded, MissingFile
from inspector.optimisation import feeds
from inspector.optimisation.feeding.feed_text import from_text
from inspector.optimisation.feeds import (
    Slot,
    fit,
    from_csv,
    from_npz,
    random_feeds,
    range_feeds,
)

X = Slot("x", "float32", [None, 2])


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([[1, 2]], "float32", np.float32),
        (np.ones((3, 2)), "float32", np.float32),
        ([[True, False]], "int32", np.int32),
        ([[1, 2]], "int8", np.int8),
        ([[1, 2]], "uint8", np.uint8),
        ([[1, 2]], "complex64", np.complex64),
        (np.ones((1, 2), np.float32), "bfloat16", ml_dtypes.bfloat16),
        (np.ones((1, 2), ml_dtypes.bfloat16), "float32", np.float32),
        ([[1, 2]], "quint8", np.uint8),
        ([[True, False]], "bool", np.bool_),
        ([["a", b"b"]], "string", np.object_),
        (np.array([[b"a", b"bc"]]), "string", np.object_),
        (np.empty((0, 2)), "int64", np.int64),
    ],
)
def test_what_fits_is_cast(value, dtype, expected):
    array = fit(value, Slot("x", dtype, [None, 2]))
    assert array.dtype == expected
    if dtype != "string":
        assert np.array_equal(array.astype(complex), np.asarray(value).astype(complex))


def test_text_becomes_bytes():
    assert fit(["é", b"\xff"], Slot("s", "string", [None])).tolist() == ["é".encode(), b"\xff"]


@pytest.mark.parametrize(
    ("value", "dtype", "says"),
    [
        ([[1.5, 2]], "int32", "holds float64, needs int32"),
        ([[1j, 2]], "float32", "holds complex128, needs float32"),
        ([[1, 300]], "uint8", "holds 300, which is out of the range of uint8"),
        ([[2**64, 1]], "int64", "holds 18446744073709551616, which is out of the range of int64"),
        ([[1e6, 1]], "float16", "holds 1e.06, which is out of the range of float16"),
        ([[10**6, 1]], "float16", "holds 1e.06, which"),
        ([[-1, 3]], "uint8", "holds -1"),
        ([[1, 2**40]], "int32", "holds 1099511627776"),
        ([[1, 0]], "bool", "holds int64, needs bool"),
        ([["a", "b"]], "float32", "holds text, needs float32"),
        ([[1, 2]], "string", "holds int, needs text"),
        (np.ones((1, 2)), "string", "holds float64, needs text"),
        (np.array([[1, b"a"]], object), "string", "holds int, needs text"),
        ([[1, 2]], "resource", "a resource cannot be fed"),
        ([1, 2], "float32", r"has shape \[2\], needs \[None, 2\]; put one row into a list"),
        ([[1, 2, 3]], "float32", r"has shape \[1, 3\], needs \[None, 2\]$"),
        ([[1, 2], [3]], "float32", r"rows differ in length; needs x: float32 \[None, 2\]"),
    ],
)
def test_what_does_not_fit_says_what_would(value, dtype, says):
    with pytest.raises(BadFeed, match=says):
        fit(value, Slot("x", dtype, [None, 2]))


def test_any_rank_fits_an_unknown_one():
    assert fit([[[1]]], Slot("x", "float32", None)).shape == (1, 1, 1)


ALL = [
    Slot("f", "float32", [None, 3]),
    Slot("b", "bfloat16", [2, None]),
    Slot("i", "int64", []),
    Slot("q", "quint8", [None, None, None]),
    Slot("t", "bool", None),
    Slot("s", "string", [None]),
    Slot("c", "complex64", [None, 1]),
]


def test_random_feeds_fit_their_slots_and_repeat():
    made = random_feeds(ALL, batch=5, seed=3)
    assert [made[slot.key].shape for slot in ALL] == [
        (5, 3),
        (2, 1),
        (),
        (5, 1, 1),
        (5,),
        (5,),
        (5, 1),
    ]
    for slot in ALL:
        assert fit(made[slot.key], slot).dtype == made[slot.key].dtype
        assert np.array_equal(random_feeds([slot], 5, 3)[slot.key], made[slot.key])
    assert not np.array_equal(random_feeds(ALL, 5, 4)["f"], made["f"])


def test_range_feeds_count_along_the_first_dimension():
    made = range_feeds(ALL, 4)
    assert made["f"].tolist() == [[0] * 3, [1] * 3, [2] * 3, [3] * 3]
    assert made["s"].tolist() == [b"0", b"1", b"2", b"3"]
    assert made["i"] == 0
    assert made["b"].shape == (2, 1)
    for slot in ALL:
        assert np.array_equal(fit(made[slot.key], slot), made[slot.key])


def test_a_set_of_feeds_too_large_is_refused_before_it_is_made():
    with pytest.raises(LimitExceeded):
        random_feeds([Slot("x", "float32", [None, 1 << 20])], batch=1 << 20)


@pytest.mark.parametrize(
    ("text", "slot", "expected"),
    [
        ("[[1, 2], [3.5, 4]]", X, [[1, 2], [3.5, 4]]),
        ("7", Slot("k", "int32", []), 7),
        ('["a", "b"]', Slot("s", "string", [None]), [b"a", b"b"]),
        ("a word", Slot("s", "string", []), b"a word"),
        ("true", Slot("t", "bool", []), True),
    ],
)
def test_typed_text(text, slot, expected):
    assert from_text(text, slot).tolist() == expected


@pytest.mark.parametrize(
    "text", ["", "1,2", "{}", "[1", '{"a": 1}', "null", "[[1,2],[3]]", "[" * 9999]
)
def test_typed_nonsense_is_a_bad_feed(text):
    with pytest.raises(BadFeed):
        from_text(text, X)


@given(st.text())
def test_any_text_is_an_array_or_a_bad_feed(text):
    for slot in (X, Slot("s", "string", [None])):
        with contextlib.suppress(BadFeed):
            assert from_text(text, slot).dtype in (np.float32, np.object_)


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=2), min_size=1))
def test_numbers_survive_typing(rows):
    if any(abs(x) == float("inf") for row in rows for x in row):
        return
    assert from_text(json.dumps(rows), X).tolist() == rows


def test_npz(tmp_path):
    file = tmp_path / "f.npz"
    np.savez(file, x=np.ones((2, 2)), s=np.array([b"a"]))
    loaded = from_npz(file)
    assert sorted(loaded) == ["s", "x"]
    assert from_npz(io.BytesIO(file.read_bytes()))["x"].tolist() == [[1, 1], [1, 1]]


def test_npz_never_unpickles(tmp_path):
    file = tmp_path / "f.npz"
    np.savez(file, x=np.array([{"a": 1}], object))
    with pytest.raises(BadFeed, match="Python objects"):
        from_npz(file)


def test_npz_that_is_none(tmp_path):
    file = tmp_path / "f.npz"
    for content in (b"", b"PK\x03\x04", b"not a zip at all"):
        file.write_bytes(content)
        with pytest.raises(BadFeed):
            from_npz(file)
    np.savez(file, x=np.ones(1000))
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(BadFeed):
        from_npz(file)
    with pytest.raises(MissingFile):
        from_npz(tmp_path / "nowhere.npz")


def test_npz_that_unpacks_too_big(tmp_path, monkeypatch):
    file = tmp_path / "f.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(1 << 20))
    monkeypatch.setattr(feeds, "MAX_BYTES", 1 << 19)
    with pytest.raises(LimitExceeded):
        from_npz(file)


A, B = Slot("a", "float32", [None]), Slot("b", "int32", [None])


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("a,b\n1.5,2\n3,4\n", [A, B], {"a": [1.5, 3], "b": [2, 4]}),
        ("b,other,a\r\n2,x,1.5\r\n", [A, B], {"a": [1.5], "b": [2]}),
        ("1.5,2\n3,4", [A, B], {"a": [1.5, 3], "b": [2, 4]}),
        ("1,2\n3,4", [X], {"x": [[1, 2], [3, 4]]}),
        ("x.0,x.1\n1,2", [X], {"x": [[1, 2]]}),
        ('s\n"a, b"\nc', [Slot("s", "string", [None])], {"s": [b"a, b", b"c"]}),
        ("t\n1\n0", [Slot("t", "bool", [None])], {"t": [True, False]}),
    ],
)
def test_csv(text, wanted, expected):
    assert {key: array.tolist() for key, array in from_csv(text, wanted).items()} == expected


@pytest.mark.parametrize(
    ("text", "wanted", "says"),
    [
        ("", [A], "empty"),
        ("1,2\n3", [A, B], "differ in length"),
        ("1,2,3", [A, B], "header with the names a, b"),
        ("a,b\n1,x", [A, B], "no int32"),
        ("a,b\n1,2.5", [A, B], "no int32"),
        ("1,2,3", [X], "has shape"),
    ],
)
def test_csv_that_does_not_fit(text, wanted, says):
    with pytest.raises(BadFeed, match=says):
        from_csv(text, wanted)


def test_rows_without_a_header_go_to_the_inputs_that_are_expected():
    assert from_csv("1,2", [A, B, X], expected=[X])["x"].tolist() == [[1, 2]]
    assert from_csv("a\n1.5", [A, B, X], expected=[X])["a"].tolist() == [1.5]
    with pytest.raises(BadFeed, match=r"header with the names b, a$"):
        from_csv("1,2,3", [A, B, X], expected=[B, A])


@given(st.text())
def test_any_csv_is_arrays_or_an_error_of_ours(text):
    with contextlib.suppress(InspectorError):
        from_csv(text, [A, B])


def test_slots_from_the_facts():
    row = {"name": "x", "dtype": "float32", "shape": [None, 2]}
    assert feeds.placeholder_slots([row]) == [X]
    assert feeds.signature_slots({"x": {**row, "name": "other:0"}}) == [X]
    assert str(X) == "x: float32 [None, 2]"


def test_an_array_that_only_claims_to_be_large(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00\x76\x00" + header + b"\n" + bytes(64))
    with pytest.raises(LimitExceeded, match="too large"):
        from_npz(tmp_path / "bomb.npz")
