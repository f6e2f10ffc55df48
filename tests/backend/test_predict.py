"""Models run by TensorFlow's own loader: the recorded outputs, and what is said of bad feeds."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf

from inspector.backend.loading import LoadedModel
from inspector.backend.predict import Run, predict
from inspector.backend.sessions import reason
from inspector.errors import (
    BadFeed,
    BadFetch,
    BlockedOp,
    MissingVariables,
    RunFailed,
    UnknownSignature,
)
from inspector.formats import open_model
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, SignatureDef
from inspector.model.model import Model
from tests.conftest import data_path

pytestmark = pytest.mark.tensorflow
v1 = tf.compat.v1
PROBABILITIES = "dnn/head/predictions/probabilities"


@pytest.fixture(scope="module")
def iris_io():
    with np.load(data_path("models/seed/iris/io.npz")) as loaded:
        return dict(loaded)


@pytest.fixture(scope="module")
def iris_feeds(iris_io):
    return {key[7:]: value for key, value in iris_io.items() if key.startswith("inputs/")}


def iris(form):
    return open_model(data_path(f"models/seed/iris/{form}"))


def close(got, expected):
    if expected.dtype.kind == "S":
        return got.astype("S").tolist() == expected.tolist()
    return np.allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            "Restoring from checkpoint failed. Original error:\n\nGraph execution error:\n"
            "  File x.py, line 3\nNot found: no such tensor",
            "Not found: no such tensor",
        ),
        (
            "No OpKernel was registered to support Op 'Bucketize' used by {{node b}}\n"
            "Registered devices: [CPU]\n  <no registered kernels>",
            "TensorFlow has no kernel for the op Bucketize here",
        ),
        ("", "ValueError"),
    ],
)
def test_the_reason_is_what_tensorflow_means(told, expected):
    assert reason(ValueError(told)) == expected


@pytest.mark.parametrize("signature", ["predict", None])
def test_a_saved_model_by_its_signature(iris_io, iris_feeds, signature):
    run = predict(iris("saved_model"), iris_feeds, signature=signature)
    assert run.signature == "predict"
    assert sorted(run.outputs) == ["class_ids", "classes", "logits", "probabilities"]
    for key, value in run.outputs.items():
        assert close(value, iris_io[f"saved_model/predict/{key}"]), key
    assert run.load_ms > 0
    assert run.first_ms > 0
    assert run.run_ms > 0


@pytest.mark.parametrize(
    ("form", "fetch"),
    [
        ("frozen.pb", PROBABILITIES),
        ("frozen.pb", PROBABILITIES + ":0"),
        ("optimised.pb", PROBABILITIES),
        ("optimised_saved_model", "probabilities"),
        ("optimised_saved_model", PROBABILITIES),
    ],
)
def test_fetches_by_output_key_node_and_tensor(iris_io, iris_feeds, form, fetch):
    run = predict(iris(form), iris_feeds, [fetch])
    assert list(run.outputs) == [fetch]
    assert close(run.outputs[fetch], iris_io[f"{form.removesuffix('.pb')}/probabilities"])


def test_feeds_by_tensor_name_as_lists_and_whole_numbers(iris_feeds):
    feeds = {f"{key}:0": [5, 6] for key in iris_feeds}
    got = predict(iris("frozen.pb"), feeds).outputs[PROBABILITIES]
    floats = {key: np.array([5, 6], np.float32) for key in iris_feeds}
    assert np.array_equal(got, predict(iris("frozen.pb"), floats).outputs[PROBABILITIES])


def test_an_inner_tensor_can_be_fed_in_place_of_the_placeholders(iris_feeds):
    model = iris("frozen.pb")
    logits = "dnn/logits/BiasAdd"
    first = predict(model, iris_feeds, [logits, PROBABILITIES]).outputs
    again = predict(model, {logits: first[logits]}, [PROBABILITIES]).outputs
    assert np.array_equal(again[PROBABILITIES], first[PROBABILITIES])


@pytest.mark.parametrize("form", ["simple_save", "two_metagraphs"])
def test_other_saved_models_of_tensorflow_1(form):
    model = open_model(data_path(f"models/seed/ppscore/{form}"))
    with np.load(data_path("models/seed/ppscore/io.npz")) as io:
        feeds = {f"sent{i}": io[f"inputs/sent{i}"] for i in (1, 2)}
        expected = io["outputs/ppscore"]
    run = predict(model, feeds)
    assert close(next(iter(run.outputs.values())), expected)


def test_a_keras_graph():
    model = open_model(data_path("models/seed/keras/prod_model_whole_batch.pb"))
    with np.load(data_path("models/seed/keras/io.npz")) as io:
        run = predict(model, {"dense_1_input": io["inputs/x_val"]})
        assert close(next(iter(run.outputs.values())), io["outputs/whole_batch_pb"])


def test_a_key_that_no_signature_has_is_the_one_that_is_named(iris_feeds):
    model = iris("saved_model")
    known = "known: petal_length, petal_width, sepal_length, sepal_width$"
    with pytest.raises(BadFeed, match=f"zzz: no such tensor; {known}"):
        predict(model, {**iris_feeds, "zzz": [1]})


def test_bad_feeds_and_fetches_say_what_would_be_right(iris_feeds):
    model = iris("frozen.pb")
    some = {key: iris_feeds[key] for key in ("sepal_length", "petal_width")}
    for feeds, says in [
        ({}, "also needs petal_length: float32 .*; petal_width: .*; sepal_length: .*; sepal_width"),
        (some, r"also needs petal_length: float32 \[None\]; sepal_width: float32 \[None\]$"),
        (
            {**iris_feeds, "petal_with": [1]},
            "petal_with: no such tensor; did you mean 'petal_width'",
        ),
        ({**iris_feeds, "zzz": [1]}, "zzz: no such tensor; known: .*sepal_length"),
        ({**some, "sepal_length": [[1.0]]}, r"sepal_length: has shape \[1, 1\], needs \[None\]"),
        ({**some, "sepal_length": ["a"]}, "sepal_length: holds text, needs float32"),
        ({**iris_feeds, "sepal_length:0": [1.0]}, "is fed twice"),
    ]:
        with pytest.raises(BadFeed, match=says):
            predict(model, feeds)
    with pytest.raises(BadFetch, match=f"did you mean '{PROBABILITIES}'"):
        predict(model, iris_feeds, [PROBABILITIES[:-1]])
    with pytest.raises(BadFetch, match="no such tensor"):
        predict(model, iris_feeds, [PROBABILITIES + ":7"])
    with pytest.raises(UnknownSignature, match="it has none"):
        predict(model, iris_feeds, signature="predict")


def test_a_run_that_fails_names_the_kernel_and_no_path(iris_feeds):
    feeds = {**iris_feeds, "sepal_length": [1.0]}
    with pytest.raises(RunFailed) as caught:
        predict(iris("frozen.pb"), feeds)
    assert "\n" not in caught.value.why
    assert "/" not in caught.value.why.split()[0]
    assert "imension" in caught.value.why


def test_missing_variables_are_said_so_without_the_servers_path(tmp_path, iris_feeds):
    shutil.copytree(
        data_path("models/seed/iris/saved_model"), tmp_path / "m", copy_function=shutil.copy
    )
    (tmp_path / "m").chmod(0o755)
    (tmp_path / "m" / "variables").chmod(0o755)
    shutil.rmtree(tmp_path / "m" / "variables")
    with pytest.raises(MissingVariables) as caught:
        predict(open_model(tmp_path / "m"), iris_feeds)
    assert str(tmp_path) not in str(caught.value)
    assert "there is no variables folder" in str(caught.value)


def test_a_saved_model_without_variables_needs_no_variables_folder():
    model = open_model(data_path("models/public/explorer_simple_add/model"))
    (output,) = predict(model, {"x": 2.0}).outputs.values()
    assert output == 4.0


def in_memory(build):
    """A Model of a graph made here."""
    with tf.Graph().as_default() as graph:
        build()
    return Model(
        "GraphDef",
        "made.pb",
        Graph.of(GraphDef.FromString(graph.as_graph_def().SerializeToString())),
    )


def test_dtypes_without_a_numpy_type_of_their_own():
    def build():
        q = v1.placeholder(tf.quint8, [None], name="q")
        v1.identity(q, name="same")
        v1.identity(v1.placeholder(tf.bfloat16, [None], name="b"), name="b_same")
        v1.strings.join([v1.placeholder(tf.string, [None], name="s"), "!"], name="s_out")

    model = in_memory(build)
    got = predict(model, {"q": [1, 255]}, ["same"]).outputs["same"]
    assert got.dtype == np.uint8
    assert got.tolist() == [1, 255]
    assert predict(model, {"b": [1.5]}, ["b_same"]).outputs["b_same"].tolist() == [1.5]
    assert predict(model, {"s": ["é"]}, ["s_out"]).outputs["s_out"].tolist() == ["é!".encode()]


def test_a_placeholder_with_a_default_need_not_be_fed():
    def build():
        keep = v1.placeholder_with_default(2.0, [], name="keep")
        tf.multiply(v1.placeholder(tf.float32, [None], name="x"), keep, name="y")

    model = in_memory(build)
    assert predict(model, {"x": [3]}, ["y"]).outputs["y"].tolist() == [6.0]
    assert predict(model, {"x": [3], "keep": 1}, ["y"]).outputs["y"].tolist() == [3.0]


def test_output_shapes_that_no_longer_agree_are_dropped():
    def build():
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        tf.add(x, 1.0, name="y")

    model = in_memory(build)
    node = model.graph.node("y")
    node.attr["_output_shapes"].list.shape.add().dim.add(size=7)
    assert predict(model, {"x": [[1, 2, 3]]}, ["y"]).outputs["y"].tolist() == [[2.0, 3.0, 4.0]]


def test_an_op_that_reaches_beyond_the_model_is_not_run(tmp_path):
    (tmp_path / "secret").write_text("secret")

    def build():
        x = v1.placeholder(tf.string, [], name="x")
        v1.strings.join([tf.io.read_file(str(tmp_path / "secret")), x], name="bad")
        v1.strings.join([x, "!"], name="good")

    model = in_memory(build)
    with pytest.raises(BlockedOp, match="ReadFile reads any file of the server"):
        predict(model, {"x": "a"}, ["bad"])
    assert predict(model, {"x": "a"}, ["good"]).outputs["good"] == b"a!"
    assert predict(model, {"x": "a"}, ["bad"], allow=True).outputs["bad"] == b"secreta"


def test_init_op_runs_before_the_first_run_and_is_checked():
    def build():
        table = v1.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name="t")
        init = v1.raw_ops.LookupTableImportV2(
            table_handle=table, keys=["a", "b"], values=np.array([5, 6])
        )
        with tf.control_dependencies([init]):
            tf.no_op(name="init")
        v1.raw_ops.LookupTableFindV2(
            table_handle=table,
            keys=v1.placeholder(tf.string, [None], name="x"),
            default_value=np.int64(-1),
            name="y",
        )
        v1.raw_ops.WriteFile(filename="/nowhere/x", contents="x", name="write")

    model = in_memory(build)
    model.init_op = "init"
    assert predict(model, {"x": ["b", "z"]}, ["y"]).outputs["y"].tolist() == [6, -1]
    model.init_op = "write"
    with pytest.raises(BlockedOp, match="WriteFile"):
        predict(model, {"x": ["b"]}, ["y"])


def test_a_sparse_output_comes_as_its_parts():
    def build():
        x = v1.placeholder(tf.float32, [None], name="x")
        tf.where(x > 0, name="where")
        tf.identity(x, name="values")
        tf.shape(x, out_type=tf.int64, name="shape")

    model = in_memory(build)
    signature = SignatureDef()
    signature.inputs["x"].name = "x:0"
    sparse = signature.outputs["out"].coo_sparse
    sparse.indices_tensor_name, sparse.values_tensor_name = "where:0", "values:0"
    sparse.dense_shape_tensor_name = "shape:0"
    model.signatures = {"serving_default": signature}
    got = predict(model, {"x": [1, -1, 2]}).outputs
    assert got["out/indices"].tolist() == [[0], [2]]
    assert sorted(got) == ["out/dense_shape", "out/indices", "out/values"]


def test_sessions_are_closed_and_can_be_run_again(iris_feeds):
    with LoadedModel(iris("frozen.pb")) as loaded:
        run = Run(loaded, iris_feeds)
        assert run.rows == 20
        assert run.tensors == {PROBABILITIES: PROBABILITIES + ":0"}
        first, again = run.once()[0], run.once()[0]
        assert np.array_equal(first[PROBABILITIES], again[PROBABILITIES])
    with pytest.raises(RunFailed):
        run.once()
