"""Nodes are compared by meaning: what a writer may put in two ways is no change."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest

from inspector.analysis.diff import diff, same_tensor
from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef, SignatureDef, TensorProto
from inspector.model.model import Model
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder


def pair(before: NodeDef, after: NodeDef) -> list[str]:
    """The fields in which two nodes of one name differ."""
    found = diff(graph(before), graph(after))
    assert len(found.changed) + found.unchanged == 1
    return found.changed[0].fields if found.changed else []


def test_the_json_is_that_of_the_contract() -> None:
    before = graph(
        placeholder("x", [None]), node("a", "Identity", "x", T="float32"), node("y", "Relu", "a")
    )
    after = graph(placeholder("x", [None]), node("y", "Relu", "x"), node("z", "NoOp", "^y"))
    found = diff(before, after).to_dict()
    assert found["before"] == {"nodes": 3, "bytes": before.to_proto().ByteSize()}
    assert found["after"] == {"nodes": 3, "bytes": after.to_proto().ByteSize()}
    assert found["op_counts"] == [
        {"op": "Identity", "before": 1, "after": 0},
        {"op": "NoOp", "before": 0, "after": 1},
        {"op": "Placeholder", "before": 1, "after": 1},
        {"op": "Relu", "before": 1, "after": 1},
    ]
    assert found["nodes"] == {
        "added": ["z"],
        "removed": ["a"],
        "changed": [{"name": "y", "fields": ["inputs"]}],
        "unchanged": 1,
    }
    assert found["signatures"] == {"added": [], "removed": [], "changed": []}
    assert found == json.loads(json.dumps(found))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (node("n", "Relu", "a:0"), node("n", "Relu", "a")),
        (node("n", "NoOp", "^a", "^b"), node("n", "NoOp", "^b", "^a")),
        (
            node("n", "MatMul", "a", "b", T="float32", transpose_a=False),
            node("n", "MatMul", "a", "b", T="float32"),
        ),
    ],
)
def test_other_ways_to_say_the_same_are_no_change(before: NodeDef, after: NodeDef) -> None:
    assert pair(before, after) == []


def test_each_field_is_told_apart() -> None:
    base = node("n", "MatMul", "a", "b", T="float32")
    device = node("n", "MatMul", "a", "b", T="float32")
    device.device = "/gpu:0"
    assert pair(base, device) == ["device"]
    assert pair(base, node("n", "MatMul", "b", "a", T="float32")) == ["inputs"]
    assert pair(base, node("n", "MatMul", "a:1", "b", T="float32")) == ["inputs"]
    assert pair(base, node("n", "MatMul", "a", "b", "^c", T="float32")) == ["inputs"]
    assert pair(base, node("n", "MatMul", "a", "b", T="float64")) == ["attr:T"]
    assert pair(base, node("n", "MatMul", "a", "b", T="float32", transpose_b=True)) == [
        "attr:transpose_b"
    ]
    assert pair(base, node("n", "BatchMatMul", "a", "b", T="float32"))[0] == "op"


def listed(values: list[float], shape: list[int]) -> TensorProto:
    proto = TensorProto(dtype=tensors.FLOAT, float_val=values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


PACKED = tensors.from_numpy(np.array([[1, 2], [2, 2]], np.float32))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (PACKED, listed([1, 2, 2, 2], [2, 2]), True),
        (PACKED, listed([1, 2], [2, 2]), True),
        (PACKED, listed([1, 3], [2, 2]), False),
        (PACKED, listed([1, 2], [4]), False),
        (listed([7], [1 << 20, 1 << 20]), listed([7], [1 << 20, 1 << 20]), True),
        (listed([], [1 << 40]), listed([0], [1 << 40]), True),
        (listed([7], [1 << 40]), listed([8], [1 << 40]), False),
        (listed([7], [1 << 40]), listed([7, 8], [1 << 40]), False),
        (listed([float("nan")], [2]), listed([float("nan")] * 2, [2]), True),
        (listed([], [0, 3]), listed([], [0, 3]), True),
        (listed([1, 2], [-1]), listed([1, 2], [-1]), True),
    ],
)
def test_constants_are_compared_by_value(a: TensorProto, b: TensorProto, same: bool) -> None:
    assert same_tensor(a, b) is same_tensor(b, a) is same


def test_strings_are_compared_by_value() -> None:
    a, b = (tensors.from_numpy(np.array([b"x", text], object)) for text in (b"y", b"y"))
    assert same_tensor(a, b)
    assert not same_tensor(a, tensors.from_numpy(np.array([b"x", b"z"], object)))


def test_iris_to_its_optimised_graph() -> None:
    before = open_model(data_path("models/seed/iris/saved_model"))
    after = open_model(data_path("models/seed/iris/optimised.pb"))
    found = diff(before, after).to_dict()
    assert (found["before"]["nodes"], found["after"]["nodes"]) == (252, 86)
    assert (found["before"]["bytes"], found["after"]["bytes"]) == (3_221_059, 813_460)
    rows = {row["op"]: (row["before"], row["after"]) for row in found["op_counts"]}
    assert rows["Identity"] == (23, 0)
    assert rows["Const"] == (84, 41)
    nodes = found["nodes"]
    assert len(nodes["added"]) == 15  # quantize_weights
    assert nodes["unchanged"] == 51
    assert len(nodes["changed"]) == 86 - 15 - 51
    assert len(nodes["removed"]) == 252 - 86 + 15
    assert found["signatures"]["removed"] == ["predict"]


def test_a_model_does_not_differ_from_itself() -> None:
    for path in ("seed/iris/saved_model", "public/tfx_taxi_trained/model", "seed/iris/frozen.pb"):
        found = diff(*(open_model(data_path(f"models/{path}")) for _ in range(2))).to_dict()
        assert found["nodes"]["added"] == found["nodes"]["removed"] == []
        assert found["nodes"]["changed"] == []
        empty: dict[str, Any] = {"added": [], "removed": [], "changed": []}
        assert found["signatures"] == found["functions"] == empty


def test_two_files_of_one_layout_and_other_weights_differ(tmp_path: Any) -> None:
    # Long values are left out of an outline: the bytes in the files have to be looked at.
    paths = []
    for index in range(2):
        weights = np.full(300_000, index, np.float32)
        proto = graph(const("w", weights), node("y", "Relu", "w")).to_proto()
        paths.append(tmp_path / f"{index}.pb")
        paths[-1].write_bytes(proto.SerializeToString())
    one, other = (open_model(path) for path in paths)
    assert [item.to_dict() for item in diff(one, other).changed] == [
        {"name": "w", "fields": ["attr:value"]}
    ]
    assert diff(one, open_model(paths[0])).changed == []


def test_of_tensorflow_2_the_serving_function_is_compared() -> None:
    model = open_model(data_path("models/public/tfnet_python_func_model/model"))
    found = diff(model, freeze(model)).to_dict()
    assert found["compared"] == {"before": "serving function", "after": "main graph"}
    assert found["nodes"]["added"] == []
    assert found["nodes"]["unchanged"] > 5
    changed = {item["name"]: item["fields"] for item in found["nodes"]["changed"]}
    assert "op" in changed["transformer/matrix"]


def signature(name: str) -> SignatureDef:
    made = SignatureDef(method_name="predict")
    made.outputs["y"].name = name
    return made


def test_signatures_by_key() -> None:
    one, other = (Model("SavedModel", "m", graph()) for _ in range(2))
    one.signatures = {"a": signature("y:0"), "b": signature("y:0"), "c": signature("y:0")}
    other.signatures = {"b": signature("y:0"), "c": signature("z:0"), "d": signature("y:0")}
    assert diff(one, other).signatures.to_dict() == {
        "added": ["d"],
        "removed": ["a"],
        "changed": ["c"],
    }


def test_functions_by_name() -> None:
    def with_function(op: str) -> Graph:
        made = graph(node("call", "f"))
        function = made.library.function.add()
        function.signature.name = "f"
        function.node_def.add(name="y", op=op)
        return made

    assert diff(with_function("Relu"), with_function("Elu")).functions.changed == ["f"]


def test_a_renamed_node_is_neither_added_nor_removed() -> None:
    before = graph(
        placeholder("x", [None]),
        const("a", np.float32([1, 2])),
        node("r", "Relu", "x", T="float32"),
        node("y", "AddV2", "r", "a", T="float32"),
    )
    after = graph(
        placeholder("x", [None]),
        const("b", np.float32([1, 3])),
        node("s", "Relu", "x:0", T="float32"),
        node("y", "AddV2", "s", "b", T="float32"),
    )
    found = diff(before, after).to_dict()
    assert found["nodes"] == {
        "added": [],
        "removed": [],
        "changed": [{"name": "a", "fields": ["attr:value"], "after": "b"}],
        "unchanged": 3,
    }
    assert found["renamed"] == [{"before": "a", "after": "b"}, {"before": "r", "after": "s"}]
    assert found["pairs"] == {"name": 2, "structure": 2}


def test_colocation_with_a_renamed_node_is_no_change() -> None:
    def named(name: str, beside: str) -> Graph:
        reader = node("r", "Relu", name, T="float32")
        reader.attr["_class"].list.s.append(b"loc:@" + beside.encode())
        return graph(placeholder("x", [None]), node(name, "Tanh", "x", T="float32"), reader)

    assert diff(named("a", "a"), named("b", "b")).changed == []
    assert diff(named("a", "a"), named("b", "x")).changed[0].fields == ["attr:_class"]


def test_100_000_nodes_quickly() -> None:
    def large() -> Graph:
        nodes = [placeholder("x", [None])]
        for i in range(50_000):
            nodes.append(const(f"c{i}", np.full(20, i, np.float32)))
            nodes.append(node(f"n{i}", "AddV2", f"n{i - 1}" if i else "x", f"c{i}", T="float32"))
        return graph(*nodes)

    before, after = large(), large()
    start = time.process_time()
    assert diff(before, after).unchanged == 100_001
    assert time.process_time() - start < 4
