"""tf.Examples at random are what the graph parses: TensorFlow runs it on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector import examples
from inspector.examples import Feature
from tests.conftest import shared
from tests.graphs import const, graph, node, placeholder

MODELS = Path(__file__).parent / "models"
HALF = "models/public/serving_half_plus_two_cpu/model_base/00000123"


def test_what_parses_a_placeholder_tells_the_features():
    model = inspector.open_model(MODELS / "tf115" / "examples")
    found = examples.wanted(inspector.freeze(model, signature="predict").graph, "tf_example")
    assert found is not None
    assert {(item.key, item.dtype, item.count) for item in found} == {
        (b"tags", "string", 1),
        (b"n", "int64", 1),
        (b"x", "float32", 2),
    }


def test_a_text_that_nothing_parses_is_a_text():
    made = graph(placeholder("t", [None], "string"), node("y", "StringLower", "t"))
    assert examples.wanted(made, "t") is None


def test_a_feature_of_billions_is_not_made():
    made = graph(
        placeholder("t", [], "string"),
        node("p", "ParseSingleExample", "t", "d"),
        const("d", [0.0], "float32"),
    )
    attr = made.node("p").attr
    attr["dense_keys"].list.s.append(b"x")
    attr["Tdense"].list.type.append(1)
    attr["dense_shapes"].list.shape.add().dim.add(size=1 << 40)
    assert examples.wanted(made, "t") == ()


@pytest.mark.tensorflow
def test_tensorflow_reads_the_message():
    import tensorflow as tf

    features = [Feature(b"s", "string", 3), Feature(b"f", "float32", 40), Feature(b"i", "int64", 2)]
    data = examples.message(features, np.random.default_rng(0), (b"alpha", b"b" * 200))
    found = tf.train.Example.FromString(data).features.feature
    assert {*found["s"].bytes_list.value} <= {b"alpha", b"b" * 200}
    assert [len(found[key].WhichOneof("kind")) > 0 for key in "sfi"] == [True] * 3
    assert len(found["f"].float_list.value) == 40
    assert all(0 <= value < 10 for value in found["i"].int64_list.value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["tf110/estimator", "tf115/examples", HALF])
def test_steps_are_checked_on_them(name):
    model = inspector.open_model(shared(name) if name == HALF else MODELS / name)
    done = inspector.optimise(model, transforms="strip_unused_nodes fold_constants", check=True)
    assert [step.check.status for step in done.steps] == ["equal"] * 2
