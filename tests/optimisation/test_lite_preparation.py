"""What the converter to TFLite is handed: tables, defaults, calls and signatures."""

from __future__ import annotations

import pytest

from inspector.errors import UnsupportedModel
from inspector.graph.graph import Graph
from inspector.graph.protos import FunctionDef, FunctionDefLibrary, NodeDef, SignatureDef
from inspector.model import signatures
from inspector.model.model import Model
from inspector.optimisation.tflite.lite_preparation import Ends, _with_calls, has_state, prepared
from tests.graphs import const, graph, node, placeholder


def model_of(
    *nodes: NodeDef, outputs: tuple[str, ...] = ("y",), init_op: str | None = None
) -> Model:
    whole = graph(*nodes)
    signature = signatures.for_outputs(whole, outputs)
    return Model("GraphDef", "m", whole, signatures={"serve": signature}, init_op=init_op)


def table(suffix: str, *readers: NodeDef) -> Model:
    """A static table from text to int64, with the ops of TensorFlow 1 or 2."""
    types = {"Tkey": "string", "Tval": "int64"}
    return model_of(
        placeholder("x", [None], "string"),
        node("t", f"HashTable{suffix}", key_dtype=7, value_dtype=9),
        const("k", [b"a", b"b"]),
        const("v", [1, 2], "int64"),
        node("fill", f"InitializeTable{suffix}", "t", "k", "v", **types),
        node("init", "NoOp", "^fill"),
        const("none", -1, "int64"),
        node("y", f"LookupTableFind{suffix}", "t", "x", "none", Tin="string", Tout="int64"),
        *readers,
        init_op="init",
    )


@pytest.mark.parametrize("suffix", ["", "V2"])
def test_a_static_table_is_filled_by_an_import(suffix: str) -> None:
    after = prepared(table(suffix)).graph
    assert [after.node(name).op for name in ("t", "fill", "y")] == [
        "HashTableV2",
        "LookupTableImportV2",
        "LookupTableFindV2",
    ]
    assert {key: after.node("fill").attr[key].type for key in ("Tin", "Tout")} == {
        "Tin": 7,
        "Tout": 9,
    }


def test_a_table_that_something_else_reads_stays_a_ref() -> None:
    source = table("", node("z", "Identity", "t", T="string"))
    source.signatures["serve"] = signatures.for_outputs(source.graph, ["y", "z"])
    after = prepared(source).graph
    assert (after.node("t").op, after.node("y").op) == ("HashTable", "LookupTableFind")


def test_an_input_without_a_feed_has_its_default() -> None:
    source = model_of(
        placeholder("x", [None]),
        const("one", 1.0, "float32"),
        node("d", "PlaceholderWithDefault", "one", dtype="float32", shape=[]),
        node("y", "Mul", "x", "d", T="float32"),
    )
    assert list(source.signatures["serve"].inputs) == ["x"]
    assert prepared(source).graph.node("d").op == "Identity"


def test_loops_and_branches_stay_calls() -> None:
    marked = node("inner", "Identity", "a", T="float32", _lower_using_switch_merge=True)
    library = FunctionDefLibrary()
    library.function.append(FunctionDef(node_def=[marked]))
    library.function[0].signature.name = "f"
    call = node("y", "StatelessWhile", "x", _lower_using_switch_merge=True)
    source = model_of(placeholder("x", [None]), node("y", "Relu", "x", T="float32"))
    source.graph = Graph([source.graph.node("x"), call], library, source.graph.versions)
    after = _with_calls(source.graph)
    assert "_lower_using_switch_merge" not in after.node("y").attr
    assert "_lower_using_switch_merge" not in after.library.function[0].node_def[0].attr
    # What was handed in stays as it is.
    assert "_lower_using_switch_merge" in call.attr
    assert "_lower_using_switch_merge" in source.graph.library.function[0].node_def[0].attr


def test_equal_signatures_are_one() -> None:
    source = model_of(placeholder("x", [None]), node("y", "Relu", "x", T="float32"))
    source.signatures["serving_default"] = source.signatures["serve"]
    assert list(prepared(source).signatures) == ["serve"]


def test_without_a_signature_nothing_is_converted() -> None:
    source = Model("GraphDef", "m", graph(placeholder("x", [None])))
    with pytest.raises(UnsupportedModel, match="name its outputs"):
        prepared(source)


def test_what_must_be_initialised_has_state() -> None:
    plain = model_of(placeholder("x", [None]), node("y", "Relu", "x", T="float32"))
    assert not has_state(plain)
    assert has_state(table("V2"))
    variable = node("w", "VarHandleOp", dtype="float32", shape=[2])
    assert has_state(model_of(variable, node("y", "ReadVariableOp", "w", dtype="float32")))


def test_the_tensors_of_a_signature_have_its_names() -> None:
    source = model_of(placeholder("x", [None]), node("y", "Relu", "x", T="float32"))
    ends = Ends.of("serve", source.signatures["serve"])
    assert (ends.inputs, ends.outputs) == ({"x": "x:0"}, {"y": "y:0"})


def test_a_part_of_an_input_is_no_input_of_its_own() -> None:
    signature = SignatureDef()
    sparse = signature.inputs["x"].coo_sparse
    sparse.values_tensor_name, sparse.indices_tensor_name = "v:0", "i:0"
    sparse.dense_shape_tensor_name = "s:0"
    signature.inputs["s"].name = "s:0"
    signature.inputs["a"].name = signature.inputs["b"].name = "a:0"
    assert Ends.of("serve", signature).inputs == {
        "a": "a:0",
        "b": "a:0",
        "x/values": "v:0",
        "x/indices": "i:0",
        "x/dense_shape": "s:0",
    }
