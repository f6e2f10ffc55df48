"""Signatures: which one is meant, and the one that chosen outputs get."""

from __future__ import annotations

import pytest

from inspector.errors import UnknownSignature
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, SignatureDef
from inspector.model import signatures
from inspector.model.signatures import (
    PREDICT,
    choose,
    for_outputs,
    of_feeds,
    output_tensors,
    ranked,
)


def signature(method: str = PREDICT, inputs: str = "", **outputs: str) -> SignatureDef:
    made = SignatureDef(method_name=method)
    for name in inputs.split():
        made.inputs[name].name = f"{name}:0"
    for key, name in outputs.items():
        made.outputs[key].name = name
    return made


INIT = signature("", __saved_model_init_op="NoOp")


@pytest.mark.parametrize(
    ("known", "chosen"),
    [
        ({}, None),
        ({"__saved_model_init_op": INIT}, None),
        ({"inference": signature(a="a:0"), "__saved_model_init_op": INIT}, "inference"),
        ({"b": signature(), "serving_default": signature("x")}, "serving_default"),
        ({"a": signature("tensorflow/serving/classify", a="a:0", b="b:0"), "z": signature()}, "z"),
        ({"a": signature(a="a:0"), "b": signature(a="a:0", b="b:0")}, "b"),
    ],
)
def test_the_signature_that_is_meant(known: dict[str, SignatureDef], chosen: str | None) -> None:
    assert choose(known, None) == chosen


def test_an_unknown_key_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownSignature, match=r"'serving'.*'serving_default'; did you mean"):
        choose({"serving_default": signature(), "__saved_model_init_op": INIT}, "serving", "m")
    with pytest.raises(UnknownSignature, match="it has none"):
        choose({}, "serving")


def test_sparse_and_composite_tensors_count_with_all_their_parts() -> None:
    made = signature(a="a:0")
    sparse = made.outputs["s"].coo_sparse
    sparse.values_tensor_name, sparse.indices_tensor_name = "v:0", "i:0"
    sparse.dense_shape_tensor_name = "d:0"
    made.outputs["t"].composite_tensor.components.add(name="c:1")
    assert output_tensors(made) == ["a:0", "v:0", "i:0", "d:0", "c:1"]


def graph() -> Graph:
    proto = GraphDef()
    for name in ("x", "y", "scope/x", "unread"):
        node = proto.node.add(name=name, op="Placeholder")
        node.attr["dtype"].type = 1
        node.attr["shape"].shape.dim.add(size=3)
    for name, *inputs in (("a/out", "x"), ("b/out", "a/out", "scope/x"), ("c", "b/out", "x")):
        proto.node.add(name=name, op="AddN", input=inputs).attr["T"].type = 1
        proto.node[-1].attr["N"].i = len(inputs)
    split = proto.node.add(name="split", op="Split", input=["c", "x"])
    split.attr["T"].type, split.attr["num_split"].i = 1, 2
    return Graph.of(proto)


def test_keys_come_from_the_names_and_are_unique() -> None:
    made = for_outputs(graph(), ["a/out", "b/out:0", "split:1", "split"])
    assert {key: made.outputs[key].name for key in made.outputs} == {
        "out": "a/out:0",
        "out_1": "b/out:0",
        "split_1": "split:1",
        "split": "split:0",
    }
    # "y" and "unread" are needed by none of them.
    assert {key: made.inputs[key].name for key in made.inputs} == {"x": "x:0", "x_1": "scope/x:0"}
    assert made.inputs["x"].dtype == 1
    assert [dim.size for dim in made.inputs["x"].tensor_shape.dim] == [3]
    assert made.outputs["out"].tensor_shape.unknown_rank


def test_keys_of_known_signatures_are_used_the_first_one_first() -> None:
    first = signature("tensorflow/serving/classify", "x y", scores="b/out:0", classes="c:0")
    second = signature(PREDICT, "x", result="a/out:0", scores="split:0")
    made = for_outputs(graph(), ["b/out", "a/out"], [first, second])
    assert {key: made.outputs[key].name for key in made.outputs} == {
        "scores": "b/out:0",
        "result": "a/out:0",
    }
    assert sorted(made.inputs) == ["x", "x_1"]
    assert made.method_name == PREDICT
    whole = for_outputs(graph(), ["c", "b/out"], [first, second])
    assert whole.method_name == "tensorflow/serving/classify"
    assert whole.outputs == first.outputs


def test_a_node_without_outputs_has_no_tensor() -> None:
    proto = GraphDef()
    proto.node.add(name="init", op="NoOp")
    assert not for_outputs(Graph.of(proto), ["init"]).outputs
    assert signatures.tensor_info(Graph.of(proto), "gone:0") is None


def test_a_run_uses_the_signature_whose_inputs_are_fed() -> None:
    keyed = {
        "classify": signature("classify", "examples", classes="c:0"),
        "double": signature(inputs="a b", sum="s:0"),
        "predict": signature(inputs="a", x="x:0", y="y:0"),
        "single": signature(inputs="a", x="x:0"),
    }
    for feeds, fetches, key in (
        ({"a"}, None, "predict"),  # the likeliest of those that take exactly this
        ({"a", "b"}, None, "double"),
        ({"b"}, None, "double"),
        ({"examples"}, None, "classify"),
        ({"a"}, ["y"], "predict"),
        ({"a"}, ["sum"], "double"),  # fewer feeds than it has inputs, and it has the output
        ({"a"}, ["x:0"], "predict"),
        ({"a:0"}, None, "predict"),
        ({"a:0"}, ["x:0"], None),
        ({"other"}, None, None),
        (set(), None, "predict"),
        (set(), ["classes"], "classify"),
        (set(), ["c:0"], None),
    ):
        assert of_feeds(keyed, feeds, fetches) == key, (feeds, fetches)
    assert of_feeds(keyed, {"a:0"}, None, by_tensor=False) is None
    assert of_feeds({}, {"a"}, None) is None


def test_ranked_begins_with_what_is_chosen() -> None:
    keyed = {"a": signature("x"), "b": signature(a="a:0"), "c": signature(a="a:0", b="b:0")}
    assert ranked(keyed) == ["c", "b", "a"]
    keyed["serving_default"] = signature("x")
    assert ranked(keyed) == ["serving_default", "c", "b", "a"]
    assert ranked({"__saved_model_init_op": INIT}) == []
