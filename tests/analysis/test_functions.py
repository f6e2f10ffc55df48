"""What is said of the functions of a library."""

from __future__ import annotations

import json

import pytest

from inspector.analysis.describe import describe
from inspector.analysis.functions import list_functions
from inspector.formats import open_model
from inspector.printing import describing
from tests.conftest import data_path
from tests.function_graphs import X, call, function, graph, node

PUBLIC = (
    "explorer_simple_add",
    "tfdf_adult_rf",
    "tfjs_model_single_input_multi_output",
    "tfjs_times_three_float",
    "tfjs_times_two_int",
    "tfjs_uint8_multiply",
    "tfnet_leak_model",
    "tfnet_python_func_model",
    "tfnet_simple_model_from_auto_compile",
    "tfx_taxi_trained",
)


def test_a_function_is_told_with_who_runs_it_and_whose_gradient_it_is() -> None:
    inner = function("inner", "a b", [node("m", "Mul", "a", "b", T=1)], {"c": "m:z:0"})
    inner.arg_attr[1].attr["_output_shapes"].list.shape.add().dim.add(size=4)
    outer = function(
        "outer", "a", [call("one", "inner", "a", "a"), call("two", "inner", "a", "a")], {"b": "one"}
    )
    back = function("back", "a", [], {"b": "a"})
    made = graph([X, call("c", "outer", "x"), node("d", "outer", "c")], inner, outer, back)
    made.library.gradient.add(function_name="inner", gradient_func="back")
    found = {item.name: item for item in list_functions(made)}
    assert list(found) == ["inner", "outer", "back"]
    assert found["inner"].to_dict() == {
        "name": "inner",
        "args": [
            {"name": "a", "dtype": "float32", "shape": None},
            {"name": "b", "dtype": "float32", "shape": [4]},
        ],
        "results": [{"name": "c", "dtype": "float32", "shape": None}],
        "nodes": 1,
        "op_counts": {"Mul": 1},
        "callers": ["outer"],
        "calls": 2,
        "gradient_of": "",
    }
    assert (found["outer"].callers, found["outer"].calls) == (["c", "d"], 2)
    assert (found["back"].calls, found["back"].gradient_of) == (0, "inner")
    assert len(list_functions(made, limit=1)) == 1
    text = describing.functions([item.to_dict() for item in found.values()])
    assert "float32, float32 [4]" in text


def test_a_list_of_arguments_is_written_out_and_a_hostile_one_is_not() -> None:
    made = function("f", "", [], {})
    made.signature.input_arg.add(name="xs", type_list_attr="T")
    made.signature.input_arg.add(name="ys", type=1, number_attr="N")
    made.attr["T"].list.type.extend([1, 3])
    made.attr["N"].i = 10**9
    (found,) = list_functions(graph([], made))
    assert [(item.name, item.dtype) for item in found.args[:2]] == [
        ("xs:0", "float32"),
        ("xs:1", "int32"),
    ]
    assert len(found.args) <= 200


@pytest.mark.parametrize("name", PUBLIC)
def test_the_functions_of_public_models_are_counted_as_tensorflow_counts_them(name: str) -> None:
    expected = json.loads(data_path(f"models/public/{name}/EXPECTED.json").read_text())
    (meta,) = expected["meta_graphs"]
    facts = describe(open_model(data_path(f"models/public/{name}/model"))).to_dict()
    assert facts["functions"] == meta["function_count"] > 0
    assert facts["gradients"] == meta["gradient_count"]
    assert sum(facts["function_op_counts"].values()) == meta["function_nodes"]
    assert {row["name"]: row["nodes"] for row in facts["function_list"]} == {
        key: value["nodes"] for key, value in meta["functions"].items()
    }
    assert {row["name"]: row["op_counts"] for row in facts["function_list"]} == {
        key: value["ops"] for key, value in meta["functions"].items()
    }
    together = dict(facts["op_counts"])
    for op, count in facts["function_op_counts"].items():
        together[op] = together.get(op, 0) + count
    assert together == meta["ops_incl_functions"]
