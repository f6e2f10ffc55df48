"""Feeds as people write them: a row alone, JSON files, templates; and arrays as files."""

from __future__ import annotations

import csv
import io

import ml_dtypes
import numpy as np
import pytest

from inspector.errors import BadFeed
from inspector.optimisation import feeds
from inspector.optimisation.feeding import array_files, feed_text
from inspector.optimisation.feeds import Slot

VECTOR = Slot("x", "float32", [None, 3])
NUMBER = Slot("n", "int32", [None])
TEXT = Slot("s", "string", [None, 1])


@pytest.mark.parametrize(
    ("text", "slot", "expected"),
    [
        ("5", NUMBER, [5]),
        ("[5, 6]", NUMBER, [5, 6]),
        ("[1, 2, 3]", VECTOR, [[1, 2, 3]]),
        ("a word", Slot("s", "string", [None]), [b"a word"]),
        ('"a word"', Slot("s", "string", [1]), [b"a word"]),
        ("7", Slot("k", "int32", []), 7),
    ],
)
def test_one_row_needs_no_list_of_its_own(text, slot, expected):
    assert feed_text.from_text(text, slot).tolist() == expected


def test_a_row_too_short_is_still_refused():
    with pytest.raises(BadFeed, match=r"has shape \[1, 2\]"):
        feed_text.from_text("[1, 2]", VECTOR)
    with pytest.raises(BadFeed):
        feed_text.from_text("1", VECTOR)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"x": null}', '{"x": {"y": 1}}', "[" * 9999])
def test_json_that_holds_no_feeds(text):
    with pytest.raises(BadFeed):
        feed_text.from_json(text, "f.json")


def test_columns():
    assert feed_text.columns(NUMBER) == ["n"]
    assert feed_text.columns(TEXT) == ["s"]
    assert feed_text.columns(VECTOR) == ["x.0", "x.1", "x.2"]
    assert feed_text.columns(Slot("x", "float32", [1, 2])) == ["x.0", "x.1"]
    for shape in (None, [], [3], [None, None], [None, 500], [None, 2, 2], [2, 3]):
        assert feed_text.columns(Slot("x", "float32", shape)) is None


def test_templates_are_read_as_feeds():
    slots = [VECTOR, NUMBER, TEXT]
    text = feed_text.csv_template(slots)
    assert text is not None
    assert text.splitlines()[0] == "x.0,x.1,x.2,n,s"
    shapes = {"x": (1, 3), "n": (1,), "s": (1, 1)}
    read = feeds.from_csv(text, slots)
    assert {key: value.shape for key, value in read.items()} == shapes
    packed = feeds.from_npz(io.BytesIO(feed_text.npz_template(slots)))
    assert {slot.key: feeds.fit(packed[slot.key], slot).shape for slot in slots} == shapes
    assert feed_text.csv_template([VECTOR, Slot("image", "float32", [None, 8, 8, 3])]) is None


def test_npz_has_any_key_and_no_pickle():
    arrays = {
        "file": np.arange(3),
        "a/b:0": np.array([b"x", b"long"], object),
        "half": np.ones(2, ml_dtypes.bfloat16),
    }
    file = io.BytesIO()
    array_files.write_npz(file, arrays)
    read = feeds.from_npz(io.BytesIO(file.getvalue()))
    assert read["file"].tolist() == [0, 1, 2]
    assert read["a/b:0"].tolist() == [b"x", b"long"]
    assert read["half"].dtype == np.float32


def test_csv_has_a_line_per_row():
    arrays = {
        "scores": np.array([[0.25, 0.75], [1, 0]]),
        "label": np.array([b"=1+1", b"b"], object),
        "scalar": np.float32(3),
        "other rows": np.zeros(5),
    }
    lines = list(csv.reader(io.StringIO(array_files.csv_text(arrays, {"scores": ["cat", "dog"]}))))
    assert lines[0] == ["scores.cat", "scores.dog", "label"]
    # A spreadsheet would run the text as a formula.
    assert lines[1] == ["0.25", "0.75", "'=1+1"]
    assert array_files.csv_text({"y": np.float32(2)}, {}) == "y\n2.0\n"
