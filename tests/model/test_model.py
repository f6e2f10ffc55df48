"""What each kind of model answers: a graph of ops, Keras layers, TFLite operators."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import UnsupportedModel
from inspector.formats import open_model
from inspector.formats.keras.layer_model import keras_model
from inspector.formats.tflite.lite_model import lite_model
from inspector.graph.protos import GraphDef, SignatureDef
from inspector.model.model import Model, Runtime
from tests import lite_models
from tests.graphs import const, graph, node, placeholder
from tests.keras_files import dense, sequential, write_h5


@pytest.fixture
def ops(tmp_path: Path) -> Model:
    nodes = [placeholder("x", [2, 3]), const("w", [[1.0], [2.0], [3.0]])]
    proto = GraphDef(node=[*nodes, node("y", "MatMul", "x", "w", T="float32")])
    path = tmp_path / "ops.pb"
    path.write_bytes(proto.SerializeToString())
    return open_model(path)


@pytest.fixture
def layers(tmp_path: Path) -> Model:
    first = dense("a", 4, batch_input_shape=[None, 3], dtype="float32")
    return open_model(write_h5(tmp_path / "layers.h5", sequential(first, dense("b", 2))))


@pytest.fixture
def operators(tmp_path: Path) -> Model:
    path = tmp_path / "loop.tflite"
    path.write_bytes(lite_models.loop())
    return open_model(path)


def test_each_kind_names_what_runs_it(ops: Model, layers: Model, operators: Model) -> None:
    assert [(model.runs_with, model.holds_ops) for model in (ops, layers, operators)] == [
        (Runtime.TENSORFLOW, True), (Runtime.KERAS, False), (Runtime.LITERT, False)
    ]  # fmt: skip


def test_operations_and_functions_of_each_kind(ops: Model, layers: Model, operators: Model) -> None:
    assert [row.op for row in ops.operations()] == ["Placeholder", "Const", "MatMul"]
    assert [row.op for row in layers.operations("")] == ["InputLayer", "Dense", "Dense"]
    assert {row.function: row.op for row in operators.operations()} == {
        "": "WHILE", "end/cond": "LESS", "end/body": "ADD", "other": "MUL"
    }  # fmt: skip
    assert [model.function_ops()[0] for model in (ops, layers, operators)] == [0, 0, 3]
    assert operators.op_counts(operators.outline) == {"WHILE": 1}


def test_a_constant_has_a_value_unless_it_is_a_layer(layers: Model, operators: Model) -> None:
    layer = node("a", "Const")
    assert not layers.is_constant(layer)
    limit = next(item for item in operators.graph if item.op == "Const")
    assert operators.is_constant(limit)
    assert operators.value(limit).tensor_content == (10).to_bytes(4, "little")
    assert operators.attributes(limit) == ["dtype", "value"]
    assert len(operators.node_facts(limit.name, 5)["tensors"]) == 1


def test_only_a_graph_of_ops_or_layers_can_be_frozen(
    ops: Model, layers: Model, operators: Model
) -> None:
    ops.check_tensorflow()
    layers.check_tensorflow()
    with pytest.raises(UnsupportedModel, match="it is frozen already"):
        operators.check_tensorflow()


def test_what_needs_one_kind_refuses_the_others(layers: Model, operators: Model) -> None:
    assert keras_model(layers) is layers
    assert lite_model(operators) is operators
    with pytest.raises(UnsupportedModel, match="is no Keras file"):
        keras_model(operators)
    with pytest.raises(UnsupportedModel, match="is no TFLite model"):
        lite_model(layers)


def test_the_ends_of_a_signature_are_in_the_order_of_its_keys() -> None:
    signature = SignatureDef()
    for key in "hbgaefdc":  # a map of protobuf has another order in every process
        signature.inputs[key].name = f"{key}:0"
        signature.outputs[key].name = f"out_{key}:0"
    inputs, outputs = Model("GraphDef", "m", graph(), signatures={"s": signature}).ends()
    assert inputs == [f"{key}:0" for key in "abcdefgh"]
    assert outputs == [f"out_{key}:0" for key in "abcdefgh"]


def test_the_ends_of_a_tflite_model_without_a_chosen_signature(operators: Model) -> None:
    assert operators.ends() == (["x"], ["end"])
    operators.signature = "double"
    assert operators.ends()[1] != ["end"]
