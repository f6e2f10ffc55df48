"""tf.Examples at random are what the graph parses: TensorFlow runs it on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.graph.protos import TensorShapeProto
from inspector.model.model import Model
from inspector.optimisation import feed_contents, tf_examples
from inspector.optimisation.feed_contents import Content
from inspector.optimisation.tf_examples import Feature
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder
from tests.passes import text

MODELS = Path(__file__).parents[1] / "models"
HALF = "models/public/serving_half_plus_two_cpu/model_base/00000123"


def test_what_parses_a_placeholder_tells_the_features():
    model = inspector.open_model(MODELS / "tf115" / "examples")
    found = feed_contents.decoded(
        inspector.freeze(model, signature="predict").graph, "tf_example:0"
    )
    assert found is not None
    assert {(item.key, item.dtype, item.count) for item in found.features} == {
        (b"tags", "string", 1),
        (b"n", "int64", 1),
        (b"x", "float32", 2),
    }


def test_a_text_that_nothing_parses_is_a_text():
    made = graph(placeholder("t", [None], "string"), node("y", "StringLower", "t"))
    assert feed_contents.decoded(made, "t:0") is None


IMAGE_OF_EXAMPLE = """
    examples = Placeholder(shape=[-1], dtype=string) ; names = Const(value=[], dtype=string)
    key_a = Const(value=b'label', dtype=string) ; key_b = Const(value=b'image', dtype=string)
    no_a = Const(value=b'', dtype=string) ; no_b = Const(value=b'', dtype=string)
    parsed = ParseExample(examples, names, key_a, key_b, no_a, no_b, Nsparse=0, Ndense=2, \
Tdense=[string, string])
    label = StringLower(parsed) ; zero = Const(value=0, dtype=int32)
    image = GatherV2(parsed:1, zero, zero, Tparams=string, Tindices=int32, Taxis=int32)
"""


def of_image(decoder: str) -> Content:
    made = text.graph(f"{IMAGE_OF_EXAMPLE} ; pixels = {decoder}")
    attr = made.node("parsed").attr
    attr["dense_shapes"].list.shape.extend([TensorShapeProto()] * 2)
    del attr["sparse_types"]
    content = feed_contents.decoded(made, "examples:0")
    assert content is not None
    return content


def test_a_feature_holds_what_the_graph_decodes():
    content = of_image("DecodePng(image, dtype=uint8)")
    assert {key: part.reader for key, part in content.parts.items()} == {b"image": "DecodePng"}
    message = content.text(np.random.default_rng(0))
    assert message.count(b"\x89PNG") == 1
    assert any(word in message for word in feed_contents.WORDS)


def test_a_feature_that_cannot_be_made_is_asked_for():
    assert of_image("DecodeRaw(image, out_type=float)").is_opaque
    assert not of_image("DecodeJpeg(image)").is_opaque


@pytest.mark.tensorflow
def test_whole_numbers_that_index_a_small_table_are_tried():
    made = text.graph(
        "examples = Placeholder(shape=[-1], dtype=string) ; names = Const(value=[], dtype=string)"
        " ; key = Const(value=b'id', dtype=string) ; no = Const(value=[], dtype=int64)"
        " ; p = ParseExample(examples, names, key, no, Nsparse=0, Ndense=1, Tdense=[int64])"
        " ; zero = Const(value=0, dtype=int32) ; w = Const(value=ones(2, 3))"
        " ; same = Identity(p, T=int64) ; y = GatherV2(w, same, zero, Tindices=int64, Taxis=int32)"
    )
    attr = made.node("p").attr
    attr["dense_shapes"].list.shape.add().dim.add(size=16)
    del attr["sparse_types"].list.type[:]
    attr["sparse_types"].list.SetInParent()
    model = Model("GraphDef", "ids.pb", made)
    transforms = "remove_nodes(op=Identity)"
    steps = inspector.optimise(model, outputs=["y"], transforms=transforms, check=True).steps
    assert [(step.modified, step.check.status) for step in steps] == [(True, "equal")]


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
    found = feed_contents.decoded(made, "t:0")
    assert found is not None
    assert found.features == ()


@pytest.mark.tensorflow
def test_tensorflow_reads_the_message():
    import tensorflow as tf

    features = [Feature(b"s", "string", 3), Feature(b"f", "float32", 40), Feature(b"i", "int64", 2)]
    words = iter((b"alpha", b"b" * 200, b"alpha"))
    rng = np.random.default_rng(0)
    data = tf_examples.message(features, rng, lambda _feature, _rng: next(words))
    found = tf.train.Example.FromString(data).features.feature
    assert {*found["s"].bytes_list.value} <= {b"alpha", b"b" * 200}
    assert [len(found[key].WhichOneof("kind")) > 0 for key in "sfi"] == [True] * 3
    assert len(found["f"].float_list.value) == 40
    assert all(0 <= value < 10 for value in found["i"].int64_list.value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["tf110/estimator", "tf115/examples", HALF])
def test_steps_are_checked_on_them(name):
    model = inspector.open_model(data_path(name) if name == HALF else MODELS / name)
    done = inspector.optimise(model, transforms="strip_unused_nodes fold_constants", check=True)
    assert [step.check.status for step in done.steps] == ["equal"] * 2
