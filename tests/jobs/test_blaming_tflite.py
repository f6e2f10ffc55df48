"""Blame where one model or both are TFLite models: each operator is run alone, too."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector import locations
from inspector.analysis.tensor_errors import TensorError
from inspector.backend.litert import lite_differences
from inspector.formats.tflite import file_edits
from inspector.jobs.client.blaming import blame
from inspector.model.model import Model
from inspector.optimisation import feeds
from tests import lite_models
from tests.faulty_networks import (
    FEEDS,
    OUTPUT,
    RNG,
    as_model,
    dropped_bias,
    dropped_op,
    edited,
    network,
    wrong_attribute,
    wrong_axes,
    wrong_constant,
    wrong_input,
    wrong_op,
)

pytestmark = pytest.mark.tensorflow


def test_a_tflite_model_whose_weight_was_changed(tmp_path) -> None:
    model = as_model(network())
    faulty = inspector.convert(edited(wrong_constant), to="tflite", outputs=OUTPUT)
    right = inspector.convert(model, to="tflite", outputs=OUTPUT)
    assert blame(model, right, FEEDS, outputs=OUTPUT).first is None
    answer = blame(model, faulty, FEEDS, outputs=OUTPUT)
    assert answer.first is not None
    # The converter calls it conv21, as its weights are called conv2.
    assert (answer.first.before, answer.first.after) == ("conv2", "conv21")


def as_lite(of: Model, **options) -> Model:
    return inspector.convert(of, to="tflite", outputs=OUTPUT, **options)


@pytest.fixture(scope="module")
def right() -> Model:
    return as_lite(as_model(network()))


BLAMED = {
    wrong_constant: ("conv2", "conv21", "conv21"),
    wrong_attribute: ("conv2", "conv21", "conv21"),
    wrong_op: ("tanh2", "tanh2", "tanh2"),
    dropped_op: ("tanh2", "sum", "conv21"),
    dropped_bias: ("relu1", "relu1", "relu1"),
    wrong_input: ("sum", "sum", "sum"),
    wrong_axes: ("mean", "mean", "mean"),
}
"""The node of the original, of its TFLite model, and of the faulty TFLite model."""


@pytest.mark.parametrize("fault", BLAMED, ids=lambda fault: fault.__name__)
def test_only_the_planted_operator_of_a_tflite_model_errs_alone(fault, right) -> None:
    """Against the original and its own TFLite model, and as the reference of the original."""
    faulty = as_lite(edited(fault))
    for pair, expected in (
        ((as_model(network()), faulty), BLAMED[fault][0]),
        ((right, faulty), BLAMED[fault][1]),
        ((faulty, as_model(network())), BLAMED[fault][2]),
    ):
        asked = {} if pair[0].format == "TFLite" else {"outputs": OUTPUT}
        answer = blame(*pair, FEEDS, every=True, **asked)
        local = {item.before: item.local for item in answer.nodes}
        assert all(local.values())
        assert [name for name, error in local.items() if error.max_rel > 1e-5] == [expected]
        assert answer.first is not None
        assert answer.first.before == expected
        grown = [item.before for item in answer.nodes if item.accumulated.max_rel > 1e-5]
        assert grown[0] == expected
        assert grown[-1] == "y"


def test_the_local_error_of_a_quantised_operator(right) -> None:
    """That of a softmax of whole numbers, by hand: its input and its answer are rounded."""
    small = as_lite(as_model(network()), quantise="int8", samples=FEEDS)
    answer = blame(right, small, FEEDS, every=True)
    errors = {item.before: item for item in answer.nodes}
    assert all(item.local for item in answer.nodes)
    softmax = small.lite.file.subgraphs[0].operators[-2]
    assert softmax.code.op == "SOFTMAX"
    tensor = small.lite.file.subgraphs[0].tensors[softmax.inputs[0]]
    logits = inspector.predict(right, FEEDS, ["dense2"])["dense2"]
    scale, zero = tensor.quantisation.scale[0], tensor.quantisation.zero_point[0]
    whole = (np.rint(logits / scale) + zero).clip(-128, 127)
    powers = np.exp((whole - zero) * scale)
    rounded = np.rint(256 * powers / powers.sum(-1, keepdims=True)) / 256
    expected = np.abs(rounded - inspector.predict(right, FEEDS)["y"]).max()
    # LiteRT looks powers up in a table, which may be one step off.
    assert errors["y"].local.max_abs == pytest.approx(expected, abs=1 / 256)
    assert errors["y"].local.max_abs < errors["y"].accumulated.max_abs


def test_operators_that_share_a_resource_have_no_local_error() -> None:
    iris = inspector.open_model(locations.sample_models() / "iris" / "saved_model")
    lite = inspector.convert(iris, to="tflite")
    rows = inspector.api.read_feeds(locations.sample_models() / "iris" / "iris.csv", iris)
    answer = blame(lite, lite, rows, every=True)
    alone = {item.op: item.local for item in answer.nodes}
    assert alone["HASHTABLE_FIND"] is None
    assert alone["FULLY_CONNECTED"] == alone["SOFTMAX"] == TensorError(0, 0, False)
    assert answer.first is None


def test_operators_of_the_subgraph_of_a_signature(tmp_path) -> None:
    """``double`` of a file whose other subgraph counts in thirds."""
    data = lite_models.loop()
    model = file_edits.unpacked(data)
    (two,) = [tensor for tensor in model.subgraphs[3].tensors if tensor.name == b"two"]
    model.buffers[two.buffer].data = np.frombuffer(struct.pack("<i", 3), np.uint8)
    (tmp_path / "double.tflite").write_bytes(data)
    (tmp_path / "triple.tflite").write_bytes(file_edits.packed(model, len(data)))
    a, b = (inspector.open_model(tmp_path / f"{name}.tflite") for name in ("double", "triple"))
    a.signature = b.signature = "double"
    answer = blame(a, b, {"number": 5})
    assert answer.first is not None
    assert (answer.first.before, answer.first.op) == ("other/twice", "MUL")
    assert answer.first.local == answer.first.accumulated == TensorError(5, 0.5, False)
    assert answer.causes == {"other/two": ["attr:value"]}


def test_every_operator_of_fused_layers_is_paired_with_the_node_of_its_value(tmp_path) -> None:
    """Batch norms in weights, activations and padding in operators, products in several."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(image)
    x = keras.layers.BatchNormalization(beta_initializer="normal")(x)
    x = first = keras.layers.ReLU(6)(x)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False)(x)
    x = keras.layers.ReLU(6)(keras.layers.BatchNormalization(beta_initializer="normal")(x))
    x = keras.layers.Conv2D(4, 1, use_bias=False)(x)
    x = keras.layers.BatchNormalization(beta_initializer="normal")(x)
    x = keras.layers.Reshape((64, 4))(keras.layers.Add()([x, first]))
    x = keras.layers.MultiHeadAttention(2, 3)(x, x)
    x = keras.layers.Dense(7, "relu")(keras.layers.GlobalAveragePooling1D()(x))
    x = keras.layers.Dense(5, "softmax")(x)
    keras.Model(image, x).export(tmp_path / "model", verbose=False)
    model = inspector.freeze(inspector.open_model(tmp_path / "model"))
    lite = inspector.convert(model, to="tflite")
    rows = {next(iter(lite.signatures["serving_default"].inputs)): RNG.random((3, 8, 8, 3))}
    answer = blame(model, lite, rows, every=True)
    assert answer.first is None
    assert answer.not_compared == []
    for item in answer.nodes:
        assert item.accumulated.max_rel < 1e-5, item
        assert item.local is not None
    paired = {item.after for item in answer.nodes}
    ops = dict(lite.lite.ops(0))
    # Inside of a product only the value at its end is that of a node.
    inside = {op for name, op in ops.items() if name not in paired}
    assert inside <= {"TRANSPOSE", "RESHAPE", "BATCH_MATMUL"}
    assert len(paired) > 0.7 * len(ops)


PUBLIC = Path(__file__).parents[1] / "data" / "models" / "public"


@pytest.mark.parametrize(
    "name",
    [
        "coral_keras_lstm_mnist_ptq",
        "coral_mobilenet_v1_0_25_128_quant",
        "tf2onnx_regression_tflite",
        "tflm_micro_speech",
        "tflm_mnist_lstm",
    ],
)
def test_each_operator_of_a_public_model_answers_alone_as_in_the_whole(name) -> None:
    model = inspector.open_model(PUBLIC / name / "model.tflite")
    rows = feeds.random_feeds(lite_differences.slots(model), 1)
    answer = blame(model, model, rows, every=True)
    assert answer.not_compared == []
    assert len(answer.nodes) > 1
    assert {item.local for item in answer.nodes} == {TensorError(0, 0, False)}


def test_two_tflite_models(tmp_path) -> None:
    right = inspector.convert(as_model(network()), to="tflite", outputs=OUTPUT)
    faulty = inspector.convert(edited(wrong_constant), to="tflite", outputs=OUTPUT)
    assert blame(right, right, FEEDS, every=True).first is None
    answer = blame(right, faulty, FEEDS, every=True)
    assert answer.first is not None
    assert answer.first.before.startswith("conv2")
    names = [item.before for item in answer.nodes]
    assert names.index("relu1") < names.index(answer.first.before)
    assert next(item for item in answer.nodes if item.before == "relu1").accumulated.max_abs == 0
    # Whole numbers with a scale are compared as what they stand for.
    small = inspector.convert(
        as_model(network()), to="tflite", outputs=OUTPUT, quantise="int8", samples=FEEDS
    )
    errors = [item.accumulated.max_rel for item in blame(right, small, FEEDS, every=True).nodes]
    assert len(errors) > 4
    assert max(errors) < 0.5
