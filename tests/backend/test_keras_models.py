"""Keras files as graphs: what Keras itself answers is the measure, of Keras 2 and of Keras 3."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.analysis.describe import describe
from inspector.backend import keras_loading
from inspector.backend.keras_models import build
from inspector.backend.predict import predict
from inspector.errors import BlockedOp, CorruptModel, UnknownNode, UnsupportedModel
from inspector.formats import open_model
from inspector.formats.keras.layer_model import keras_model
from tests.conftest import data_path
from tests.keras_files import (
    dense,
    old_lambda,
    payload,
    quiet,
    random,
    sequential,
    write_h5,
    write_keras,
)

pytestmark = pytest.mark.tensorflow

TOLERANCE = 1e-5
KERAS = {"keras2": "tf_keras", "keras3": "keras"}


def two_in_two_out(k: Any) -> Any:
    """Shared and nested layers, batch norm, two inputs and two outputs."""
    layers = k.layers
    x, y = k.Input((6,), name="x"), k.Input((6,), name="y")
    shared_layer = layers.Dense(5, activation="relu", name="both")
    inside = k.Input((5,), name="inside")
    inner = k.Model(inside, layers.Dense(4, name="deep")(layers.Dropout(0.5)(inside)), name="inner")
    joined = layers.Concatenate(name="join")([inner(shared_layer(x)), inner(shared_layer(y))])
    normed = layers.BatchNormalization(name="norm")(joined)
    first = layers.Dense(3, activation="softmax", name="first")(normed)
    second = layers.Dense(1, name="second")(layers.Add()([shared_layer(x), shared_layer(y)]))
    return k.Model([x, y], [first, second], name="net")


def recurrent(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input((7, 3), name="steps"),
            layers.LSTM(4, return_sequences=True, name="lstm"),
            layers.Bidirectional(layers.GRU(3), name="both_ways"),
            layers.Dense(2, name="last"),
        ],
        name="recurrent",
    )


def convolutions(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input((12, 10, 3), name="image"),
            layers.Conv2D(4, 3, strides=2, padding="same", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(max_value=6.0, name="relu"),
            layers.SeparableConv2D(5, 2, name="separable"),
            layers.DepthwiseConv2D(2, name="depthwise"),
            layers.Conv2DTranspose(3, 3, strides=2, name="up"),
            layers.ZeroPadding2D(((1, 2), (0, 1)), name="pad"),
            layers.MaxPooling2D(2, name="pool"),
            layers.UpSampling2D(2, name="larger"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Reshape((3, -1), name="reshape"),
            layers.Permute((2, 1), name="permute"),
            layers.Flatten(name="flatten"),
            layers.Softmax(name="head"),
        ],
        name="conv_net",
    )


MODELS: dict[str, Callable[[Any], Any]] = {
    "two_in_two_out": two_in_two_out,
    "recurrent": recurrent,
    "convolutions": convolutions,
}
FILES = [
    (name, version, suffix) for name in MODELS for version in KERAS for suffix in (".keras", ".h5")
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Any]]:
    """A saved model and the Keras object, by name, version and suffix; its weights are no zeros."""
    folder = tmp_path_factory.mktemp("keras")
    models: dict[tuple[str, str], Any] = {}

    def file(name: str, version: str, suffix: str) -> tuple[Path, Any]:
        with quiet():
            api = importlib.import_module(KERAS[version])
            if (name, version) not in models:
                model = models[name, version] = MODELS[name](api)
                values = [np.abs(random(w.shape, 3 + n)) for n, w in enumerate(model.get_weights())]
                model.set_weights(values)
            path = folder / f"{name}_{version}{suffix}"
            if not path.exists():
                models[name, version].save(path)
        return path, models[name, version]

    return file


def answers(model: Any, feeds: list[Any]) -> list[Any]:
    with quiet():
        found = model(feeds if len(feeds) > 1 else feeds[0], training=False)
    return [np.asarray(item) for item in (found if isinstance(found, list | tuple) else [found])]


@pytest.mark.parametrize(("name", "version", "suffix"), FILES)
def test_the_graph_answers_as_keras_does(made, name: str, version: str, suffix: str) -> None:
    path, model = made(name, version, suffix)
    opened = keras_model(open_model(path))
    assert opened.warnings == []
    assert opened.layers.code == []
    feeds = [random((4, *item.shape[1:]), 20 + n) for n, item in enumerate(model.inputs)]
    expected = answers(model, feeds)
    with quiet():
        graph = build(opened)
    outputs = [f"output_node{number}" for number in range(len(expected))]
    run = predict(graph, dict(zip(model.input_names, feeds, strict=True)) if version == "keras2"
                  else {item.name: feed for item, feed in zip(model.inputs, feeds, strict=True)},
                  outputs)  # fmt: skip
    for output, value in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(run.outputs[output], value, atol=TOLERANCE, rtol=TOLERANCE)
    assert not [node.op for node in graph.graph if "Var" in node.op]
    assert set(graph.signatures["serving_default"].outputs) == set(opened.layers.output_keys)


@pytest.mark.parametrize(("name", "version", "suffix"), FILES)
def test_what_is_described_is_what_keras_says(made, name: str, version: str, suffix: str) -> None:
    path, model = made(name, version, suffix)
    opened = keras_model(open_model(path))
    layers, facts = opened.layers, describe(opened).to_dict()
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert facts["parameters"] == model.count_params()
    assert layers.trainable == trainable
    assert layers.trainable + layers.non_trainable == model.count_params()
    for layer in model.layers:
        if not hasattr(layer, "layers"):
            shape = getattr(layer, "output_shape", None) or layer.output.shape
            shape = shape[0] if isinstance(shape, list) else shape
            assert layers.shapes[layer.name][0] == list(shape), layer.name
            elements = layers.weights.get(layer.name, (0, 0))[0]
            assert elements == layer.count_params(), layer.name
    assert [row["name"] for row in facts["placeholders"]] == [
        getattr(item, "_keras_history", (item,))[0].name for item in model.inputs
    ] or version == "keras3"


@pytest.mark.parametrize("version", sorted(KERAS))
def test_a_layer_as_output(made, version: str) -> None:
    path, model = made("two_in_two_out", version, ".keras")
    opened = open_model(path)
    feeds = [random((3, 6), 5), random((3, 6), 6)]
    both = model.get_layer("both")
    inner = model.get_layer("inner")
    hidden = [np.asarray(both(feed)) for feed in feeds]
    expected = {"both": hidden, "inner/deep": [np.asarray(inner(value)) for value in hidden]}
    with quiet():
        graph = build(opened, list(expected))
        assert len(build(opened, ["inner/deep"]).graph) < len(build(opened).graph)
    needed = {node.name for node in graph.graph if node.op == "Placeholder"}
    given = {name: feed for name, feed in zip("xy", feeds, strict=True) if name in needed}
    run = predict(graph, given, list(expected))
    for name, values in expected.items():  # of a layer that is called twice, one of the two
        assert min(np.abs(run.outputs[name] - value).max() for value in values) < TOLERANCE
    assert set(graph.signatures["serving_default"].outputs) == set(expected)
    with pytest.raises(UnknownNode, match="no node of this name"), quiet():
        build(opened, ["nothing"])


def test_the_seeds_file_is_converted_as_the_seed_did() -> None:
    opened = open_model(data_path("models/seed/keras/prod_model.h5"))
    with quiet():
        graph = build(opened)
    expected = json.loads(data_path("models/seed/EXPECTED.json").read_text())["keras"]
    assert graph.graph.op_counts() == expected["whole_batch_pb"]["ops"]
    assert graph.notes[0] == "Froze 4 variables."
    with np.load(data_path("models/seed/keras/io.npz")) as io:
        run = predict(graph, {"dense_1_input": io["inputs/x_val"]}, ["output_node0"])
        np.testing.assert_allclose(
            run.outputs["output_node0"], io["outputs/whole_batch_pb"], atol=TOLERANCE
        )


def test_a_vocabulary_becomes_a_table(tmp_path: Path) -> None:
    import keras

    with quiet():
        words = keras.Input((2,), dtype="string", name="words")
        lookup = keras.layers.StringLookup(vocabulary=["a", "b", "c"], name="lookup")
        model = keras.Model(words, keras.layers.Embedding(4, 3, name="embed")(lookup(words)))
        model.save(tmp_path / "m.keras")
        graph = build(open_model(tmp_path / "m.keras"))
    feed = np.array([[b"a", b"c"], [b"none", b"b"]], object)
    expected = np.asarray(model.get_layer("embed").embeddings)[[[1, 3], [0, 2]]]
    assert graph.init_op is not None
    run = predict(graph, {"words": feed}, ["output_node0"])
    np.testing.assert_allclose(run.outputs["output_node0"], expected, atol=TOLERANCE)


def test_an_activation_whose_limit_is_an_array(tmp_path: Path) -> None:
    """As TensorFlow 1.10 wrote it; tf_keras does not take it so."""
    limit = {"type": "ndarray", "value": 6.0}
    config = sequential(
        dense("a", 2, batch_input_shape=[None, 2]),
        {"class_name": "ReLU", "config": {"name": "relu", "max_value": limit}},
    )
    weights = {"a": {"a/kernel:0": np.eye(2, dtype="f"), "a/bias:0": np.zeros(2, "f")}, "relu": {}}
    with quiet():
        graph = build(open_model(write_h5(tmp_path / "m.h5", config, weights)))
    run = predict(graph, {"a_input": np.array([[9.0, -1.0]], "f")}, ["output_node0"])
    assert run.outputs["output_node0"].tolist() == [[6.0, 0.0]]


def codes(marker: Path) -> dict[str, tuple[str, Any]]:
    """Files that would run code, each by the name of its suffix and its config."""
    first = dense("a", 2, batch_input_shape=[None, 2])
    new = {"module": "keras.layers", "registered_name": None}
    inputs = {"class_name": "InputLayer", "config": {"batch_shape": [None, 2], "name": "in"}, **new}
    plain = {"class_name": "Dense", "config": {"name": "d", "units": 2}, **new}
    given = {**plain, "config": {"name": "d", "units": 2, "activation": payload(marker)}}
    return {
        "h5": (".h5", sequential(first, old_lambda(marker))),
        "h5 nested": (".h5", sequential(first, sequential(old_lambda(marker), name="inner"))),
        "h5 wrapped": (
            ".h5",
            sequential(
                first,
                {
                    "class_name": "TimeDistributed",
                    "config": {"name": "each", "layer": old_lambda(marker)},
                },
            ),
        ),
        "h5 activation": (".h5", sequential(dense("a", 2, activation=payload(marker)))),
        "keras activation": (".keras", sequential(inputs, given) | {"module": "keras"}),
        "keras initialiser": (
            ".keras",
            sequential(
                inputs,
                {**plain, "config": {**plain["config"], "kernel_initializer": payload(marker)}},
            )
            | {"module": "keras"},
        ),
    }


NAMES = list(codes(Path("x")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", ["2.12.0", "3.5.0"])
def test_code_in_a_file_is_told_and_not_run(tmp_path: Path, name: str, version: str) -> None:
    marker = tmp_path / "ran"
    suffix, config = codes(marker)[name]
    write = write_h5 if suffix == ".h5" else write_keras
    path = write(tmp_path / f"m{suffix}", config, version=version)
    opened = open_model(path)
    facts = describe(opened).to_dict()
    assert [(row["op"], row["severity"]) for row in facts["flagged_ops"]] == [("Lambda", "block")]
    assert "would run Python code" in " ".join(facts["warnings"])
    with pytest.raises(BlockedOp, match="INSPECTOR_ALLOW_KERAS_CODE"):
        build(opened)
    assert not marker.exists()


def test_the_operator_may_allow_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the code above is real: it runs then."""
    marker = tmp_path / "ran"
    weights = {"a": {"a/kernel:0": np.eye(2, dtype="f"), "a/bias:0": np.zeros(2, "f")}, "hook": {}}
    path = write_h5(tmp_path / "m.h5", codes(marker)["h5"][1], weights)
    monkeypatch.setenv("INSPECTOR_ALLOW_KERAS_CODE", "1")
    with quiet():
        graph = build(open_model(path))
    assert marker.exists()
    run = predict(graph, {"a_input": np.ones((1, 2), "f")}, ["output_node0"])
    assert run.outputs["output_node0"].tolist() == [[1.0, 1.0]]


def test_without_tf_keras_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tf_keras", None)
    path = write_h5(tmp_path / "m.h5", sequential(dense("a", 2, batch_input_shape=[None, 2])))
    with pytest.raises(UnsupportedModel, match=r"pip install 'tf-graph-inspector\[keras2\]'"):
        build(open_model(path))


def test_what_keras_cannot_build_is_one_error(tmp_path: Path) -> None:
    config = sequential({"class_name": "Mine", "config": {"name": "own"}})
    with pytest.raises(UnsupportedModel, match="Unknown layer: 'Mine'"), quiet():
        build(open_model(write_h5(tmp_path / "m.h5", config)))
    with pytest.raises(UnsupportedModel, match="weights only"):
        build(open_model(write_h5(tmp_path / "w.h5", None)))


def test_weights_that_declare_what_is_not_there_are_not_loaded(tmp_path: Path) -> None:
    import h5py

    path = write_h5(tmp_path / "m.h5", sequential(dense("a", 2, batch_input_shape=[None, 2])))
    with h5py.File(path, "r+") as file:
        group = file["model_weights"].create_group("a")
        group.attrs["weight_names"] = [b"a/kernel:0"]
        group.create_dataset("a/kernel:0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))
    opened = open_model(path)
    assert "declares" in opened.warnings[0]
    with pytest.raises(CorruptModel, match="declare 4,398,046,511,104 bytes"):
        build(opened)


def test_the_config_is_mended_at_any_depth() -> None:
    config = {"a": [{"compile_config": 1, "b": {"type": "ndarray", "value": [6.0]}}]}
    assert keras_loading.mended(config) == {"a": [{"b": [6.0]}]}
    assert "compile_config" in config["a"][0]
