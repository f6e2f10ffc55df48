"""The facts of a model, against the figures measured with the real tools."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.analysis.describe import describe
from inspector.formats import open_model
from inspector.graph.graph import Graph
from inspector.graph.op_sets import VARIABLES
from inspector.model.graph_facts import parameters
from inspector.model.model import Asset, Model, Variable
from inspector.printing import describing
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder, read_model

FIELDS = [
    "schema", "inspector",
    "format", "tag_sets", "tag_set", "producer", "nodes", "op_counts", "functions",
    "function_op_counts", "gradients", "control_edges", "function_list", "placeholders",
    "softmax", "constants",
    "variables", "identities",
    "signatures", "variable_list", "assets", "parameters", "constant_parameters", "bytes",
    "suggested_outputs",
    "versions", "flagged_ops", "warnings",
]  # fmt: skip


PARTS = ("graph", "variables", "assets")


def seed() -> Any:
    return json.loads(data_path("models/seed/EXPECTED.json").read_text())


def seed_graph(entry: str) -> tuple[dict[str, Any], Path, int]:
    """The measured figures of one file of the seed, the file, and which MetaGraphDef."""
    expected, root = seed(), data_path("models/seed")
    family, form, *index = entry.split("/")
    number = int(index[0]) if index else 0
    found = expected[family][form]
    if "meta_graphs" in found:
        return (
            found["meta_graphs"][number]["graph"],
            root / family / form / "saved_model.pb",
            number,
        )
    return found, root / found["file"], 0


ENTRIES = [
    "iris/saved_model", "iris/frozen", "iris/optimised", "iris/optimised_saved_model",
    "ppscore/simple_save", "ppscore/two_metagraphs/0", "ppscore/two_metagraphs/1",
    "ppscore/frozen", "keras/pb", "keras/whole_batch_pb",
]  # fmt: skip


def unsigned(shape: list[int] | None) -> list[int | None] | None:
    return None if shape is None else [None if size == -1 else size for size in shape]


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_seed_counts_as_measured(entry: str) -> None:
    expected, path, index = seed_graph(entry)
    facts = describe(read_model(path, index)).to_dict()
    ops = expected["ops"]
    assert facts["nodes"] == expected["nodes"]
    assert facts["op_counts"] == ops
    assert list(facts["op_counts"].values()) == sorted(ops.values(), reverse=True)
    assert facts["constants"] == ops.get("Const", 0)
    assert facts["identities"] == ops.get("Identity", 0)
    assert facts["variables"] == sum(n for op, n in ops.items() if "Variable" in op)
    assert facts["placeholders"] == [
        {"name": item["name"], "dtype": item["dtype"], "shape": unsigned(item["shape"])}
        for item in expected["placeholders"]
    ]


def test_the_notebooks_figures_of_iris() -> None:
    _, path, _ = seed_graph("iris/saved_model")
    variables = [
        Variable(item["name"], item["dtype"], item["shape"], 0)
        for item in seed()["iris"]["saved_model"]["variables"]
    ]
    facts = describe(read_model(path, variables=variables)).to_dict()
    counts = [facts[key] for key in ("nodes", "constants", "variables", "identities")]
    assert counts == [252, 84, 11, 23]
    assert facts["softmax"] == ["dnn/head/predictions/probabilities"]
    assert facts["parameters"] == 792068
    assert facts["producer"] == "1.10.0"
    assert facts["tag_sets"] == [["serve"]]
    assert facts["signatures"]["predict"]["outputs"]["probabilities"] == {
        "name": "dnn/head/predictions/probabilities:0",
        "dtype": "float32",
        "shape": [None, 3],
    }
    assert "serving" not in facts


def test_the_json_has_the_fields_of_the_contract_in_order() -> None:
    model = Model(
        "GraphDef",
        "m.pb",
        graph(placeholder("x", [None, 4]), node("y", "Softmax", "x", T="float32")),
        assets=[Asset("vocab.txt", "Const:0", None)],
        bytes={"graph": 10, "variables": 5, "assets": 2, "total": 18},
        warnings=["careful"],
    )
    facts = describe(model).to_dict()
    assert list(facts) == FIELDS
    assert facts == json.loads(json.dumps(facts, allow_nan=False))
    assert facts["placeholders"] == [{"name": "x", "dtype": "float32", "shape": [None, 4]}]
    assert facts["softmax"] == ["y"]
    assert facts["assets"] == [{"name": "vocab.txt", "tensor": "Const:0"}]
    assert facts["bytes"] == {"graph": 10, "variables": 5, "assets": 2, "total": 18}
    assert facts["suggested_outputs"][0]["name"] == "y"
    assert facts["warnings"] == ["careful"]


def test_bytes_are_measured_where_the_reader_gave_none() -> None:
    model = Model("GraphDef", "result", graph(placeholder("x", [2])))
    size = model.graph.to_proto().ByteSize()
    expected = {"graph": size, "variables": 0, "assets": 0, "total": size}
    assert describe(model).to_dict()["bytes"] == expected


def test_parameters_of_a_frozen_graph_are_its_weights() -> None:
    frozen = graph(
        const("w", np.zeros((3, 4), np.float32)),
        const("quantised", np.zeros((2, 5), np.int8)),  # as quantize_weights(mode=per_channel)
        const("shape", np.array([1, 2, 3], np.int32)),
        const("epsilon", np.float32(1e-3)),
    )
    assert parameters([], frozen) == 22


@pytest.mark.parametrize("op", sorted(VARIABLES))
def test_parameters_of_a_graph_without_a_checkpoint_are_those_its_variables_declare(
    op: str,
) -> None:
    made = graph(
        node("w", op, dtype="float32", shape=[3, 4]), const("c", np.zeros((2, 2), np.float32))
    )
    assert parameters([], made) == 12


def test_a_value_that_the_reader_left_out_is_not_missed() -> None:
    skipped = const("w", np.zeros((30, 40), np.float32))
    skipped.attr["value"].tensor.tensor_content = b""
    assert describe(Model("GraphDef", "m", graph(skipped))).parameters == 1200


def test_hostile_shapes_cost_nothing() -> None:
    huge = const("w", np.zeros((1, 1), np.float32))
    for dim in huge.attr["value"].tensor.tensor_shape.dim:
        dim.size = 1 << 62
    negative = const("v", np.zeros((1,), np.float32))
    negative.attr["value"].tensor.tensor_shape.dim[0].size = -5
    assert describe(Model("GraphDef", "m", graph(huge, negative))).parameters == (1 << 63) - 1


@pytest.mark.parametrize("name", ["", "n" * 200, "n" * 20_000])
def test_byte_size_is_that_of_the_serialised_graph(name: str) -> None:
    made = graph(placeholder(name, [2]), node("y", "Relu", name))
    assert made.byte_size() == made.to_proto().ByteSize()
    assert graph(producer=0).byte_size() == 0


def test_a_tensorflow_2_model_is_also_described_by_its_serving_function() -> None:
    model = open_model(data_path("models/public/tfnet_python_func_model/model"))
    facts = describe(model).to_dict()
    assert list(facts) == [*FIELDS, "serving", "python_functions"]
    assert facts["nodes"] == 21
    serving = facts["serving"]
    assert [item["name"] for item in serving["placeholders"]] == ["serving_default_input_1"]
    assert serving["nodes"] == sum(serving["op_counts"].values()) == 16
    assert serving["op_counts"]["MatMul"] == 1
    assert "StatefulPartitionedCall" not in serving["op_counts"]
    assert len(facts["softmax"]) == 1
    assert facts["softmax"] == serving["softmax"]
    assert facts["parameters"] == 7846


def test_a_serving_function_that_calls_itself_is_a_warning() -> None:
    model = open_model(data_path("models/public/tfnet_python_func_model/model"))
    proto = model.graph.to_proto()
    for function in proto.library.function:
        for item in function.node_def:
            if "PartitionedCall" in item.op:
                item.attr["f"].func.name = function.signature.name
    changed = replace(model, graph=Graph.of(proto), source=None)
    facts = describe(changed).to_dict()
    assert "serving" not in facts
    loop, serving = facts["warnings"]
    assert "calls itself" in loop
    assert "calls itself" in serving


def test_ops_that_reach_outside_are_flagged_in_bodies_too() -> None:
    made = graph(node("a", "ReadFile", "x"), placeholder("x", []), node("call", "f"))
    function = made.library.function.add()
    function.signature.name = "f"
    function.node_def.add(name="w", op="WriteFile")
    function.node_def.add(name="r", op="ReadFile")
    flagged = describe(Model("GraphDef", "m", made)).to_dict()["flagged_ops"]
    assert {(item["op"], item["count"]) for item in flagged} == {("ReadFile", 2), ("WriteFile", 1)}


def test_parameters_of_the_checkpoints_as_measured() -> None:
    for name in ("tfx_taxi_trained", "tfdf_adult_rf", "mlnet_cifar_saved_model"):
        folder = data_path(f"models/public/{name}")
        expected = json.loads((folder / "EXPECTED.json").read_text())
        facts = describe(open_model(folder / expected["open"])).to_dict()
        assert facts["parameters"] == expected["variable_parameters"]
        assert facts["bytes"]["total"] == sum(facts["bytes"][key] for key in PARTS)


def test_what_is_no_tensor_has_no_dtype() -> None:
    for name in ("tfjs_times_two_int", "tfdf_adult_rf"):
        facts = describe(open_model(data_path(f"models/public/{name}/model"))).to_dict()
        (info,) = facts["signatures"]["__saved_model_init_op"]["outputs"].values()
        assert info == {"name": "NoOp", "dtype": None, "shape": None}


def test_long_values_are_not_read() -> None:
    model = open_model(data_path("models/seed/iris/frozen.pb"))
    facts = describe(model)
    assert facts.parameters == 792067
    assert "nodes" not in vars(model.graph)  # the whole message was never parsed


def test_nodes_without_attributes_are_counted_and_not_written_to() -> None:
    ops = ["Placeholder", "PlaceholderWithDefault", "Const", "VariableV2", "VarHandleOp", "Softmax"]
    made = graph(*(node(op, op) for op in ops))
    before = made.to_proto().SerializeToString(deterministic=True)
    facts = describe(Model("GraphDef", "m", made)).to_dict()
    assert facts["placeholders"][0] == {"name": "Placeholder", "dtype": "invalid", "shape": None}
    assert facts["parameters"] == 0
    assert made.to_proto().SerializeToString(deterministic=True) == before


def test_what_initialises_a_graph_def_is_listed_and_a_saved_models_own_is_not() -> None:
    facts = describe(open_model(data_path("field/f02_table_graphdef/table.pb"))).to_dict()
    assert facts["init_op"] == {"nodes": ["init_all_tables"], "sets": ["hash_table"]}
    text = describing.describe("table.pb", facts)
    assert (
        "init op\n  init_all_tables\n  runs once before the first run; it sets hash_table" in text
    )
    tracker = open_model(data_path("field/f01_frozen_needs_init/tracker"))
    assert "init_op" not in describe(tracker).to_dict()


def test_the_text_lists_the_inputs_of_a_suggested_output() -> None:
    model = open_model(data_path("models/seed/iris/saved_model"))
    text = describing.describe("iris", describe(model).to_dict())
    assert "depends on petal_length, petal_width, sepal_length, sepal_width\n" in text


def test_what_training_starts_from_is_no_init_op() -> None:
    draw = node("draw", "RandomUniform", "shape", dtype="float32")
    weights = [
        const("shape", np.array([2], np.int32)),
        draw,
        node("w", "VarHandleOp", dtype="float32", shape=[2]),
        node("w/Assign", "AssignVariableOp", "w", "draw"),
        node("w/Read", "ReadVariableOp", "w", dtype="float32"),
        node("y", "Softmax", "w/Read", T="float32"),
    ]
    assert "init_op" not in describe(Model("GraphDef", "m", graph(*weights))).to_dict()
