"""Freezing against the real tools: their frozen graphs, their converters, their answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.errors import (
    CorruptModel,
    FreezeError,
    InvalidGraph,
    MissingVariables,
    UnknownNode,
    UnknownSignature,
)
from inspector.formats import open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.graph import opdefs
from inspector.graph.graph import validate
from inspector.graph.protos import GraphDef, NodeDef
from inspector.graph.tensors import to_numpy
from inspector.model.model import Model
from inspector.model.serving import serving_graph
from tests import tf_models
from tests.conftest import data_path

IRIS, PPSCORE = "models/seed/iris", "models/seed/ppscore"
PROBABILITIES = "dnn/head/predictions/probabilities"


def essence(node: NodeDef) -> Any:
    """A node with its defaults written out, without notes on shapes, its value as bits.

    Nor the seed, in which the two ppscore graphs differ.
    """
    full = opdefs.with_defaults(node)
    for key in ("_output_shapes", "_class", "seed"):
        full.attr.pop(key, None)
    value = None
    if node.op == "Const":
        array = to_numpy(full.attr["value"].tensor)
        value = (
            array.dtype,
            array.shape,
            array.tobytes() if array.dtype != object else array.tolist(),
        )
        del full.attr["value"]
    return full.SerializeToString(deterministic=True), value


def assert_same_nodes(ours: Model, theirs: Model) -> None:
    assert [node.name for node in ours.graph] == [node.name for node in theirs.graph]
    for node in theirs.graph:
        assert essence(ours.graph.node(node.name)) == essence(node), node.name


def test_iris_freezes_to_the_nodes_that_freeze_graph_gives() -> None:
    frozen = freeze(open_model(data_path(f"{IRIS}/saved_model")), [PROBABILITIES])
    assert len(frozen.graph) == 91
    assert_same_nodes(frozen, open_model(data_path(f"{IRIS}/frozen.pb")))
    assert frozen.format == "GraphDef"
    assert frozen.notes == ["Froze 10 variables."]
    assert frozen.init_op is None
    assert frozen.producer == "1.10.0"
    assert frozen.graph.versions == open_model(data_path(f"{IRIS}/saved_model")).graph.versions
    counts = frozen.graph.op_counts()
    assert (counts["Const"], counts["Identity"]) == (31, 20)


@pytest.mark.parametrize("folder", ["two_metagraphs", "simple_save"])
def test_ppscore_freezes_to_the_nodes_that_freeze_graph_gives(folder: str) -> None:
    frozen = freeze(open_model(data_path(f"{PPSCORE}/{folder}")), ["ppscore"])
    assert len(frozen.graph) == 51
    assert_same_nodes(frozen, open_model(data_path(f"{PPSCORE}/checkpoints/frozen_model.pb")))
    assert frozen.notes == ["Froze 2 variables."]


def test_the_signature_has_what_was_chosen() -> None:
    model = open_model(data_path(f"{IRIS}/saved_model"))
    old = model.signatures["predict"]
    (key, signature), *rest = freeze(model, [PROBABILITIES]).signatures.items()
    assert (key, rest) == ("predict", [])
    assert dict(signature.outputs) == {"probabilities": old.outputs["probabilities"]}
    assert dict(signature.inputs) == dict(old.inputs)
    both = freeze(model, ["dnn/logits/BiasAdd:0", "dnn/hiddenlayer_0/Relu"]).signatures["predict"]
    assert sorted(both.outputs) == ["Relu", "logits"]
    assert both.outputs["Relu"].name == "dnn/hiddenlayer_0/Relu:0"
    assert both.outputs["Relu"].dtype == 1
    # Only the inputs that are still needed.
    one = freeze(model, ["dnn/input_from_feature_columns/input_layer/petal_width/Shape"])
    assert list(one.signatures["predict"].inputs) == ["petal_width"]


def test_without_outputs_all_of_the_signature_are_kept_with_tables_and_init_op() -> None:
    frozen = freeze(open_model(data_path(f"{IRIS}/saved_model")))
    signature = frozen.signatures["predict"]
    assert sorted(signature.outputs) == ["class_ids", "classes", "logits", "probabilities"]
    counts = frozen.graph.op_counts()
    assert counts["HashTableV2"] == counts["InitializeTableV2"] == 1
    assert frozen.init_op == "group_deps"
    assert any("'group_deps' must run once" in note for note in frozen.notes)


def test_a_frozen_graph_is_pruned_and_its_nodes_are_not_copied() -> None:
    model = open_model(data_path(f"{IRIS}/frozen.pb"))
    frozen = freeze(model, ["dnn/hiddenlayer_0/Relu"])
    assert 0 < len(frozen.graph) < 91
    assert all(node is model.graph.node(node.name) for node in frozen.graph)
    assert frozen.notes == ["Froze 0 variables."]
    (signature,) = frozen.signatures.values()
    assert list(signature.outputs) == ["Relu"]
    assert sorted(signature.inputs) == [
        "petal_length",
        "petal_width",
        "sepal_length",
        "sepal_width",
    ]


def test_what_is_not_there_is_told_with_what_is_like_it() -> None:
    model = open_model(data_path(f"{IRIS}/saved_model"))
    with pytest.raises(UnknownNode, match=f"did you mean '{PROBABILITIES}'"):
        freeze(model, ["dnn/head/predictions/probabilitys"])
    with pytest.raises(UnknownNode, match="has 1 output"):
        freeze(model, [PROBABILITIES + ":1"])
    with pytest.raises(UnknownNode):
        freeze(model, ["^group_deps"])
    with pytest.raises(UnknownSignature, match="it has 'predict'"):
        freeze(model, signature="classify")
    for wrong in ([], [""], [" "]):
        with pytest.raises(FreezeError):
            freeze(model, wrong)
    with pytest.raises(FreezeError, match="name them"):
        freeze(open_model(data_path(f"{IRIS}/frozen.pb")))


def test_missing_variables_are_named(tmp_path: Path) -> None:
    shutil.copyfile(data_path(f"{IRIS}/saved_model/saved_model.pb"), tmp_path / "saved_model.pb")
    told = r"variable 'dnn/logits/bias/part_0': it has no value: there is no variables folder"
    with pytest.raises(MissingVariables, match=told) as caught:
        freeze(open_model(tmp_path), ["dnn/logits/bias"])
    assert str(tmp_path) not in str(caught.value)
    # What needs no variable can be frozen all the same.
    assert len(freeze(open_model(tmp_path), ["sepal_width"]).graph) == 1


def _with_bundle_of(folder: Path, variables: str) -> Path:
    (folder / "variables").mkdir()
    shutil.copyfile(data_path(f"{IRIS}/saved_model/saved_model.pb"), folder / "saved_model.pb")
    for path in data_path(variables).iterdir():
        shutil.copyfile(path, folder / "variables" / path.name)
    return folder


def test_a_checkpoint_without_the_key_is_told(tmp_path: Path) -> None:
    folder = _with_bundle_of(tmp_path, f"{PPSCORE}/simple_save/variables")
    with pytest.raises(MissingVariables, match=r"no key 'dnn/hiddenlayer_0/kernel'.*9 more"):
        freeze(open_model(folder), [PROBABILITIES])


def test_a_data_file_cut_short_is_told(tmp_path: Path) -> None:
    folder = _with_bundle_of(tmp_path, f"{IRIS}/saved_model/variables")
    data = folder / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-50_000])
    with pytest.raises(CorruptModel, match="beyond the end"):
        freeze(open_model(folder), [PROBABILITIES])


def test_devices_are_cleared_unless_they_are_kept(tmp_path: Path) -> None:
    graph = GraphDef()
    graph.node.add(name="x", op="Placeholder", device="/gpu:0").attr["dtype"].type = 1
    relu = graph.node.add(name="y", op="Relu", input=["x"], device="/gpu:0")
    relu.attr["T"].type = 1
    relu.attr["_class"].list.s.extend([b"loc:@x", b"loc:@gone"])
    (tmp_path / "g.pb").write_bytes(graph.SerializeToString())
    model = open_model(tmp_path / "g.pb")
    cleared, kept = freeze(model, ["y"]), freeze(model, ["y"], keep_devices=True)
    assert [node.device for node in cleared.graph] == ["", ""]
    assert [node.device for node in kept.graph] == ["/gpu:0", "/gpu:0"]
    for result in (cleared, kept):
        assert list(result.graph.node("y").attr["_class"].list.s) == [b"loc:@x"]
    assert model.graph.node("y").device == "/gpu:0"


def test_serving_graph_of_tensorflow_1_is_the_main_graph() -> None:
    for path in (f"{IRIS}/saved_model", f"{IRIS}/frozen.pb"):
        model = open_model(data_path(path))
        assert serving_graph(model) is model.outline


PUBLIC = "models/public"


def test_public_models_freeze_to_what_tensorflow_froze_them_to() -> None:
    """Of each SavedModel and GraphDef: it opens, and it freezes for each of its signatures."""
    for folder in sorted(data_path(PUBLIC).iterdir()):
        facts = folder / "EXPECTED.json"
        expected = json.loads(facts.read_text()) if facts.is_file() else {"kind": "none"}
        if expected["kind"] != "saved_model" or expected["name"] in (
            "serving_tf_text_regression",  # its saved_model.pb is missing
            "tfnet_example1",  # its variables are missing
        ):
            continue
        model = open_model(folder / expected["open"])
        for key, signature in model.signatures.items():
            if key.startswith("__"):
                continue
            frozen = freeze(model, signature=key)
            validate(frozen.graph)
            assert frozen.signatures[key].outputs == signature.outputs
            assert "StatefulPartitionedCall" not in frozen.graph.op_counts()
            assert not any("Var" in op for op in frozen.graph.op_counts()), expected["name"]


# With TensorFlow: the same answers as the original, and as its own converters give.


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Builds each model once; gives its folder and feeds."""
    base, known = tmp_path_factory.mktemp("tf_models"), {}

    def make(name: str) -> tuple[Path, tf_models.Feeds]:
        if name not in known:
            known[name] = base / name, tf_models.BUILDERS[name](base / name)
        return known[name]

    return make


def assert_close(ours: Any, theirs: Any, places: float = 1e-6) -> None:
    assert sorted(ours) == sorted(theirs)
    for key, expected in theirs.items():
        if expected.dtype == object:
            assert ours[key].tolist() == expected.tolist(), key
        else:
            assert ours[key].dtype == expected.dtype
            np.testing.assert_allclose(ours[key], expected, rtol=places, atol=places, err_msg=key)


KEPT = {
    "tf2_counter": {"count"},  # each run writes it
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", tf_models.BUILDERS)
def test_a_frozen_model_answers_as_the_original(name: str, made: Any) -> None:
    folder, feeds = made(name)
    frozen = freeze(open_model(folder))
    validate(frozen.graph)
    assert_close(tf_models.run_frozen(frozen, feeds), tf_models.run_original(folder, feeds))
    kept = {node.name for node in frozen.graph if node.op in ("VarHandleOp", "VariableV2")}
    assert kept == KEPT.get(name, set())
    assert all(any(f"'{item}' stays" in note for note in frozen.notes) for item in kept)
    assert sorted(frozen.signatures["serving_default"].inputs) == sorted(feeds)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "name", ["tf2_control_flow", "tf2_counter", "tf2_keras3", "tf2_asset_table", "tf1_tables"]
)
def test_what_is_written_loads_in_both_loaders(name: str, made: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    folder, feeds = made(name)
    frozen = freeze(open_model(folder))
    saved_model_writer.write(frozen, tmp_path / "out")
    expected = tf_models.run_original(folder, feeds)
    assert_close(tf_models.run_original(tmp_path / "out", feeds), expected)
    again = freeze(open_model(tmp_path / "out"))
    assert_close(tf_models.run_frozen(again, feeds), expected)
    if name != "tf2_counter":  # a variable without a saver: only sessions give it a value
        loaded = tf.saved_model.load(str(tmp_path / "out")).signatures["serving_default"]
        answer = loaded(**{key: tf.constant(value) for key, value in feeds.items()})
        assert_close({key: value.numpy() for key, value in answer.items()}, expected)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["tf2_dense", "tf2_keras3", "tf2_nested_loops"])
def test_values_are_those_of_the_tensorflow_2_converter(name: str, made: Any) -> None:
    """Not for the other models: TensorFlow's converter fails on them, or its graph does."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    folder, feeds = made(name)
    loaded = tf.saved_model.load(str(folder))
    theirs = convert_variables_to_constants_v2(loaded.signatures["serving_default"])
    graph_def = theirs.graph.as_graph_def()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(graph_def, name="")
        fed = {item.name: value for item, value in zip(theirs.inputs, feeds.values(), strict=True)}
        values = session.run([item.name for item in theirs.outputs], fed)
    frozen = freeze(open_model(folder))
    assert_close(
        tf_models.run_frozen(frozen, feeds),
        dict(zip(sorted(frozen.signatures["serving_default"].outputs), values, strict=True)),
    )


TF1 = [name for name in tf_models.BUILDERS if name.startswith("tf1_")]


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", sorted({*TF1} - {"tf1_function", "tf1_tables"}))
def test_nodes_and_values_are_those_of_the_tensorflow_1_converter(name: str, made: Any) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    folder, _ = made(name)
    model = open_model(folder)
    outputs = [
        info.name.split(":")[0] for info in model.signatures["serving_default"].outputs.values()
    ]
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.saved_model.loader.load(session, ["serve"], str(folder))
        converted = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), outputs
        )
    theirs = GraphDef.FromString(converted.SerializeToString())
    frozen = freeze(model, outputs)
    ours = {node.name: node for node in frozen.graph}
    # TensorFlow keeps the axis constant elsewhere, under a name of its own; the rest is the same.
    same = {node.name for node in theirs.node} & set(ours)
    differing = {node.name for node in theirs.node} ^ set(ours)
    assert all(name.endswith("axis") for name in differing), differing
    assert len(same) > len(ours) - 5
    for node in theirs.node:
        if node.op == "Const" and node.name in ours:
            assert essence(ours[node.name])[1] == essence(node)[1], node.name


@pytest.mark.tensorflow
def test_any_node_of_the_serving_graph_can_be_an_output(made: Any) -> None:
    folder, feeds = made("tf2_nested_calls")
    model = open_model(folder)
    graph = serving_graph(model)
    original = tf_models.run_original(folder, feeds)
    split = next(node.name for node in graph if node.op == "Split")
    top = next(node.name for node in graph if node.op == "TopKV2")
    frozen = freeze(model, [f"{split}:1", f"{top}:1", top, "StatefulPartitionedCall:2"])
    fetched = tf_models.run_frozen(frozen, feeds)
    assert sorted(fetched) == sorted([*frozen.signatures["serving_default"].outputs])
    signature = frozen.signatures["serving_default"]
    by_tensor = {signature.outputs[key].name: value for key, value in fetched.items()}
    np.testing.assert_array_equal(by_tensor[f"{split}:1"], original["a"])
    np.testing.assert_array_equal(by_tensor[f"{top}:1"], original["p"])
    np.testing.assert_array_equal(by_tensor[f"{top}:0"], original["v"])
    with pytest.raises(UnknownNode, match="did you mean"):
        freeze(model, [split + "_"])


@pytest.mark.tensorflow
def test_serving_graph_of_tensorflow_2_is_the_inlined_function(made: Any) -> None:
    folder, _ = made("tf2_keras3")
    model = open_model(folder)
    graph = serving_graph(model)
    validate(graph)
    counts = graph.op_counts()
    assert "StatefulPartitionedCall" not in counts
    assert {"RestoreV2", "SaveV2", "MergeV2Checkpoints"}.isdisjoint(counts)
    assert counts["VarHandleOp"] == 9
    frozen = freeze(model)
    assert {node.name for node in frozen.graph} <= {node.name for node in graph}


@pytest.mark.tensorflow
def test_freezing_is_deterministic_and_leaves_the_model_alone(made: Any) -> None:
    for name in ("tf2_control_flow", "tf1_tables"):
        model = open_model(made(name)[0])
        before = model.graph.to_proto().SerializeToString(deterministic=True)
        first, second = freeze(model), freeze(open_model(made(name)[0]))
        assert first.graph.to_proto().SerializeToString(deterministic=True) == (
            second.graph.to_proto().SerializeToString(deterministic=True)
        )
        assert model.graph.to_proto().SerializeToString(deterministic=True) == before


@pytest.mark.tensorflow
def test_a_variable_that_stays_counts_on_over_runs(made: Any, tmp_path: Path) -> None:
    folder, feeds = made("tf2_counter")
    frozen = freeze(open_model(folder))
    assert tf_models.run_frozen(frozen, feeds)["count"] == 4.0
    assert frozen.init_op == "init_frozen"


def test_two_nodes_of_one_name_are_refused(tmp_path: Path) -> None:
    graph = GraphDef()
    for name in ("x", "x", "y"):
        graph.node.add(name=name, op="NoOp")
    (tmp_path / "twice.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(InvalidGraph, match=r"twice.pb: node 'x': two nodes have this name"):
        freeze(open_model(tmp_path / "twice.pb"), ["x"])


def test_without_outputs_and_signature_the_likeliest_output_is_the_example() -> None:
    with pytest.raises(FreezeError, match=r"name them, e\.g\. 'ppscore'"):
        freeze(open_model(data_path("models/seed/ppscore/checkpoints/var.meta")))
