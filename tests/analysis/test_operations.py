"""One row per operation, its tensors with dtype and shape, and filters that cannot hang."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest

from inspector.analysis.operations import operations
from inspector.errors import BadParameter, UnknownNode
from inspector.formats import open_model
from inspector.model.model import Model, Variable
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder


def small() -> Model:
    return Model(
        "GraphDef",
        "m",
        graph(
            placeholder("x", [None, 4]),
            const("w", np.zeros((4, 3), np.float32)),
            node("y", "MatMul", "x", "w", T="float32"),
            node("parts", "Split", "axis", "y", num_split=3, T="float32"),
            const("axis", 1, np.int32),
            node("done", "NoOp", "^y"),
            node("odd", "Mystery", "y"),
        ),
    )


def test_a_row_has_name_op_device_inputs_and_output_tensors() -> None:
    rows = {row.name: row.to_dict() for row in operations(small())}
    assert rows["y"] == {
        "name": "y",
        "op": "MatMul",
        "device": "",
        "inputs": ["x", "w"],
        "outputs": [{"name": "y:0", "dtype": "float32", "shape": [None, 3]}],
        "function": "",
    }
    assert [item["name"] for item in rows["parts"]["outputs"]] == ["parts:0", "parts:1", "parts:2"]
    assert rows["parts"]["outputs"][2]["shape"] == [None, 1]
    assert (rows["done"]["inputs"], rows["done"]["outputs"]) == (["^y"], [])
    assert rows["odd"]["outputs"] == [{"name": "odd:0", "dtype": None, "shape": None}]


def test_rows_come_in_graph_order_and_are_json() -> None:
    model = small()
    rows = [row.to_dict() for row in operations(model)]
    assert [row["name"] for row in rows] == [item.name for item in model.graph]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_iris_has_252_with_known_shapes() -> None:
    rows = operations(open_model(data_path("models/seed/iris/saved_model")))
    assert len(rows) == 252
    head = next(row for row in rows if row.name == "dnn/head/predictions/probabilities")
    assert [output.shape for output in head.outputs] == [[None, 3]]
    # What a checkpoint holds is not known before it is read.
    unknown = {row.op for row in rows for output in row.outputs if output.shape is None}
    assert unknown <= {"RestoreV2"}


def test_filters_by_op_and_name() -> None:
    model = small()
    assert [row.name for row in operations(model, op="Const")] == ["w", "axis"]
    assert [row.name for row in operations(model, match="^[xy]$")] == ["x", "y"]
    assert [row.name for row in operations(model, match=re.compile("od"))] == ["odd"]
    assert [row.name for row in operations(model, op="Const", match="w")] == ["w"]
    assert operations(model, op="const") == []


@pytest.mark.parametrize("pattern", ["(", "x" * 2000, "(a+)+$", "(?:a*)*b", "((a+))+"])
def test_bad_or_endless_expressions_are_refused(pattern: str) -> None:
    with pytest.raises(BadParameter):
        operations(small(), match=pattern)


def test_only_the_beginning_of_an_endless_name_is_searched() -> None:
    model = Model("GraphDef", "m", graph(node("a" * 100_000 + "b", "NoOp")))
    start = time.process_time()
    assert operations(model, match="b$") == []
    assert len(operations(model, match="^a+")) == 1
    assert time.process_time() - start < 2


def test_function_bodies_follow_the_main_graph() -> None:
    model = open_model(data_path("models/public/tfnet_python_func_model/model"))
    rows = operations(model)
    main = [row for row in rows if not row.function]
    bodies = [row for row in rows if row.function]
    assert len(main) == 21
    assert len(bodies) == 125
    assert rows[:21] == main
    assert operations(model, function="") == main
    name = "__inference_sequential_layer_call_and_return_conditional_losses_212"
    body = operations(model, function=name)
    assert len(body) == 10
    assert {row.function for row in body} == {name}
    matmul = next(row for row in body if row.op == "MatMul")
    assert matmul.outputs[0].dtype == "float32"
    assert matmul.inputs[1].endswith("ReadVariableOp")


def test_an_unknown_function_is_named_with_close_matches() -> None:
    model = open_model(data_path("models/public/tfjs_times_three_float/model"))
    with pytest.raises(UnknownNode, match="did you mean '__inference_mutate_22'"):
        operations(model, function="__inference_mutate_2")


def test_a_body_that_refers_to_nothing_still_has_rows() -> None:
    made = graph(node("call", "f", "x"), placeholder("x", [2]))
    function = made.library.function.add()
    function.signature.name = "f"
    function.node_def.add(name="y", op="Mystery", input=["gone:out:0"])
    rows = operations(Model("GraphDef", "m", made))
    assert [(row.name, row.function) for row in rows] == [("call", ""), ("x", ""), ("y", "f")]


def test_variables_take_their_shape_from_the_checkpoint() -> None:
    model = Model(
        "SavedModel",
        "m",
        graph(node("v", "VariableV2", dtype="float32", shape=None)),
        variables=[Variable("v", "float32", [5], 20)],
    )
    assert operations(model)[0].outputs[0].shape == [5]
    assert operations(model)[0].outputs[0].dtype == "float32_ref"
