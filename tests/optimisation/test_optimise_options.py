"""The options of an optimisation as JSON and back, and the sources of feeds they name."""

from __future__ import annotations

import io
import json
from dataclasses import fields

import numpy as np
import pytest

from inspector.errors import BadFeed
from inspector.optimisation.feed_source import FeedsJson, FeedSource
from inspector.optimisation.feeds import Slot
from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions
from inspector.passes.parser import Call

NPZ = io.BytesIO()
np.savez(NPZ, x=np.array([[1, 2]], np.float32))
SLOTS = {"x:0": Slot("key", "float32", [None, 2])}


@pytest.mark.parametrize(
    "options",
    [
        OptimiseOptions(),
        OptimiseOptions((), ("y:0",), "fold_constants", signature="predict"),
        OptimiseOptions(("x",), None, preset="smaller", check=CheckOptions()),
        OptimiseOptions(
            check=CheckOptions(
                FeedSource({"kind": "file", "name": "x.npz"}, NPZ.getvalue()), "stop", (0, 2), 5.0
            )
        ),
        OptimiseOptions(check=CheckOptions(FeedSource({"kind": "random", "batch": 2, "seed": 1}))),
        OptimiseOptions(set={"train": "false", "rate": 0.5, "words": ["a"]}),
    ],
    ids=["defaults", "names", "preset", "file", "random", "set"],
)
def test_options_come_back_from_json(options):
    text = json.dumps(options.to_json())
    data = NPZ.getvalue() if '"file"' in text else b""
    assert OptimiseOptions.from_json(json.loads(text), data) == options


def test_json_has_every_field_that_a_page_may_set():
    names = {field.name for field in fields(OptimiseOptions)}
    assert OptimiseOptions().to_json().keys() == names - {"allow_files"}
    assert CheckOptions().to_json().keys() == {field.name for field in fields(CheckOptions)}


def test_arrays_and_bytes_that_are_set_become_json():
    values = {"a": np.ones((1, 2), np.float32), "b": b"word", "c": np.bool_(True), "d": [b"x"]}
    expected = {"a": [[1.0, 1.0]], "b": "word", "c": True, "d": ["x"]}
    assert json.loads(json.dumps(OptimiseOptions(set=values).to_json()))["set"] == expected


def test_a_request_cannot_allow_files():
    data = json.loads(json.dumps(OptimiseOptions(allow_files=True).to_json()))
    assert not OptimiseOptions.from_json(data).allow_files


@pytest.mark.parametrize(
    "transforms",
    [
        'rename_op(old_op_name=A,new_op_name="B C") remove_device',
        ["rename_op(old_op_name=A,", 'new_op_name="B C")', "remove_device"],
        [
            Call("rename_op", (("old_op_name", "A"), ("new_op_name", "B C"))),
            Call("remove_device"),
        ],
    ],
    ids=["text", "texts", "calls"],
)
def test_transforms_in_each_form_become_one_text(transforms):
    from inspector.passes.parser import parse

    text = OptimiseOptions(transforms=transforms).to_json()["transforms"]
    assert text is not None
    assert [call.name for call in parse(text)] == ["rename_op", "remove_device"]
    assert parse(text)[0].values("new_op_name") == ["B C"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (FeedSource({"kind": "range", "n": 2}), {"key": [[0, 0], [1, 1]]}),
        (FeedSource({"kind": "typed", "values": {"x": "[[1, 2]]", "z": "no"}}), {"key": [[1, 2]]}),
        (FeedSource({"kind": "typed", "values": {"key": "[[1, 2]]"}}), {"key": [[1, 2]]}),
        (FeedSource({"kind": "file", "name": "x.NPZ"}, NPZ.getvalue()), {"x": [[1, 2]]}),
        (FeedSource({"kind": "file", "name": "x.csv"}, b"3,4\n5,6\n"), {"key": [[3, 4], [5, 6]]}),
    ],
    ids=["range", "typed by node", "typed by key", "npz", "csv"],
)
def test_values_of_a_source(source, expected):
    values = source.values(SLOTS)
    assert {key: np.asarray(value).tolist() for key, value in values.items()} == expected


def test_random_values_are_those_of_the_seed():
    json_: FeedsJson = {"kind": "random", "batch": 3, "seed": 7}
    values, again = (FeedSource(json_).values(SLOTS)["key"] for _ in range(2))
    assert values.shape == (3, 2)
    np.testing.assert_array_equal(values, again)


def test_a_file_that_is_no_text_is_a_bad_feed():
    with pytest.raises(BadFeed, match=r"neither .npz nor text in UTF-8"):
        FeedSource({"kind": "file", "name": "x.csv"}, b"\xff\xfe\x00").values(SLOTS)
