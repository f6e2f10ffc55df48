"""The inputs and outputs of two models that are the same."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.errors import BadFeed
from inspector.optimisation.corresponding import End, by_key, correspond, for_model


def end(key: str, tensor: str = "", dtype: str = "float32", shape: object = None, **more) -> End:
    return End(key, tensor or f"{key}:0", dtype, shape, **more)  # type: ignore[arg-type]


def pairs(a: list[End], b: list[End]) -> dict[str, str]:
    return {key: other.key for key, other in correspond(a, b).items()}


def test_keys_count_before_tensors() -> None:
    a = [end("x", "first:0"), end("y", "second:0")]
    b = [end("y", "first:0"), end("x", "second:0")]
    assert pairs(a, b) == {"x": "x", "y": "y"}


def test_tensors_count_where_keys_differ() -> None:
    a = [end("image", "serving_default_image:0"), end("mask", "mask:0")]
    b = [end("mask:0", "mask:0"), end("serving_default_image:0", "serving_default_image:0")]
    assert pairs(a, b) == {"image": "serving_default_image:0", "mask": "mask:0"}


def test_a_node_stands_for_its_first_tensor() -> None:
    assert pairs([end("x", "a/b:0")], [end("q", "a/b")]) == {"x": "q"}


def test_dtype_and_shape_decide_where_no_name_agrees() -> None:
    a = [end("x", shape=[None, 4]), end("n", dtype="int32", shape=[]), end("z", shape=[3])]
    b = [end("1", dtype="int32", shape=[]), end("2", shape=[3]), end("3", shape=[1, 4])]
    assert pairs(a, b) == {"x": "3", "n": "1", "z": "2"}


def test_what_is_ambiguous_has_no_counterpart() -> None:
    a = [end("x", shape=[None, 4]), end("y", shape=[None, 4])]
    b = [end("1", shape=[None, 4]), end("2", shape=[None, 4])]
    assert pairs(a, b) == {}


def test_the_last_one_left_may_be_quantised() -> None:
    assert pairs([end("x", shape=[1])], [end("y", dtype="int8", shape=[1])]) == {"x": "y"}
    assert pairs([end("x", shape=[1])], [end("y", dtype="int64", shape=[1])]) == {}
    assert pairs([end("x", shape=[1])], [end("y", dtype="int8", shape=[2])]) == {}


def test_feeds_are_named_by_key_tensor_or_node() -> None:
    inputs = [end("x", "scope/p:0"), end("y", "q:0")]
    assert by_key({"scope/p": 1, "q:0": 2}, inputs, "m") == {"x": 1, "y": 2}
    with pytest.raises(BadFeed, match="m has no such input; known: x, y"):
        by_key({"zzz": 1}, inputs, "m")
    with pytest.raises(BadFeed, match="'x' is fed twice"):
        by_key({"x": 1, "scope/p:0": 2}, inputs, "m")


def test_the_other_model_gets_the_same_values_under_its_own_names() -> None:
    values = {"x": np.ones(2), "gone": np.zeros(1)}
    mine, theirs = [end("x"), end("gone", dtype="bool")], [end("x", "renamed:0")]
    assert for_model(values, mine, theirs, "m") == {"renamed:0": values["x"]}
    more = [*theirs, end("keep", dtype="int64", optional=True)]
    assert set(for_model(values, mine, more, "m")) == {"renamed:0"}
    with pytest.raises(BadFeed, match="needed: m needs it, and no feed corresponds"):
        for_model({"x": np.ones(2)}, [end("x")], [*theirs, end("needed", dtype="int64")], "m")
