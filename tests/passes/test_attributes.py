"""Attributes: defaults written out, renamed, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.errors import BadParameter
from inspector.passes import PASSES
from inspector.passes.pipeline import plan
from tests import function_graphs as functions
from tests.conftest import data_path
from tests.passes.running import assert_same_values, context
from tests.passes.text import graph

NOTES = 'x = Placeholder(shape=[2]) ; a = Relu(x, note=5) ; y = Neg(a, note="n", memo=7)'


def run(text: str, call: str, **options: Any) -> Any:
    (item,) = plan(call)
    return item.transform(graph(text), context(**options), **item.params)


def run_on(before: Any, call: str) -> Any:
    (item,) = plan(call)
    return item.transform(before, context(), **item.params)


def test_defaults_are_written_out_and_what_is_there_stays():
    text = "x = Placeholder(shape=[2,2]) @/cpu:0 ; y = MatMul(x, ^x, x, transpose_b=true)"
    after = run(text, "add_default_attributes").graph
    node = after.node("y")
    assert not node.attr["transpose_a"].b
    assert node.attr["transpose_b"].b
    assert {"T", "transpose_a", "transpose_b", "grad_a", "grad_b"} == set(node.attr)
    assert list(node.input) == ["x", "^x", "x"]
    assert after.node("x").device == "/cpu:0"
    assert after.versions.producer == 1395


def test_a_function_call_has_the_defaults_of_its_function():
    relu = functions.function(
        "relu", "a", [functions.node("r", "Relu", "a", T=1)], {"y": "r:activations:0"}
    )
    added = relu.signature.attr.add(name="depth", type="int")
    added.default_value.i = 3
    before = functions.graph([functions.X, functions.node("y", "relu", "x")], relu)
    after = PASSES["add_default_attributes"](before, context()).graph
    assert after.node("y").attr["depth"].i == 3
    assert after.library is before.library


def test_a_node_of_an_unknown_op_is_left_alone():
    result = run("x = Strange() ; y = MaxPool(x)", "add_default_attributes")
    assert not result.graph.node("x").attr
    assert "data_format" in result.graph.node("y").attr
    assert [(skip.name, skip.why) for skip in result.skipped] == [
        ("x", "Strange is no op of TensorFlow 2.21: its defaults are not known")
    ]


def test_a_version_strips_what_it_does_not_know_and_names_what_it_refuses():
    text = (
        "x = Placeholder(shape=[1,4,4,1]) ; y = MaxPool(x, ksize=[1,2,2,1], strides=[1,2,2,1],"
        ' padding="VALID", data_format="NHWC") ; z = Relu(y)'
    )
    full = run(text, "add_default_attributes").graph
    assert "explicit_paddings" in full.node("y").attr
    old = run_on(full, "strip_default_attributes(version=1.15)")
    assert set(full.node("y").attr) - set(old.graph.node("y").attr) == {"explicit_paddings"}
    assert not run_on(full, "strip_default_attributes(version=2.4)").changed
    newer = full.with_nodes(full.nodes)
    newer.node("y").attr["explicit_paddings"].list.i.extend([0, 1])
    newer.node("z").op = "UniformQuantize"
    assert not run_on(newer, "strip_default_attributes(version=2.18)").skipped
    result = run_on(newer, "strip_default_attributes(version=2.2)")
    refused = "TensorFlow 2.2 does not know explicit_paddings of MaxPool"
    assert [skip.why for skip in result.skipped] == [
        f"{refused}, and the value is not the default",
        "TensorFlow 2.2 has no op UniformQuantize",
    ]


def test_what_is_at_its_default_goes_and_comes_back():
    text = "x = Placeholder(shape=[2,2]) ; y = MatMul(x, x, transpose_b=true, _note=1)"
    after = run(text + " ; z = Strange(y, transpose_a=false)", "strip_default_attributes")
    assert not after.modified
    assert [skip.name for skip in after.skipped] == ["z"]
    full = PASSES["add_default_attributes"](graph(text), context()).graph
    stripped = PASSES["strip_default_attributes"](full, context()).graph
    assert set(stripped.node("y").attr) == {"T", "transpose_b", "_note"}
    again = PASSES["add_default_attributes"](stripped, context()).graph
    assert list(again) == list(full)


def test_another_value_than_the_default_stays():
    text = "x = Placeholder(shape=[2]) ; y = LeakyRelu(x, alpha=0.2) ; z = LeakyRelu(x, alpha=0.3)"
    after = run(text, "strip_default_attributes").graph
    assert "alpha" not in after.node("y").attr
    assert "alpha" in after.node("z").attr
    only = run(text, 'strip_default_attributes(op_name="Relu")')
    assert not only.modified


def test_defaults_in_functions():
    leaky = functions.function(
        "leaky", "a", [functions.node("r", "MatMul", "a", "a", T=1)], {"y": "r:product:0"}
    )
    leaky.node_def[0].attr["transpose_a"].b = False
    before = functions.graph([functions.X, functions.call("y", "leaky", "x")], leaky)
    (item,) = plan("strip_default_attributes(functions=true)")
    after = item.transform(before, context(), **item.params).graph
    assert set(after.library.function[0].node_def[0].attr) == {"T"}


@pytest.mark.tensorflow
def test_a_graph_of_a_later_tensorflow():
    """Field case: TensorFlow 1.15 refuses the attribute explicit_paddings of a MaxPool."""
    import inspector

    opened = inspector.open_model(data_path("field/f17_graph_version_and_defaults/downgrade.pb"))
    pools = [node for node in opened.graph if node.op == "MaxPool"]
    assert all("explicit_paddings" in node.attr for node in pools)
    (pool, *_) = pools
    result = inspector.optimise(opened, outputs=["y"], transforms="strip_default_attributes")
    after = result.model.graph.node(pool.name)
    assert "explicit_paddings" not in after.attr
    assert {"ksize", "padding", "strides"} <= set(after.attr)
    assert_same_values(opened.graph, result.model.graph, ["y"])


def test_an_attribute_goes_where_it_is():
    after = run(NOTES, "remove_attribute(attribute_name=note)").graph
    assert "note" not in after.node("a").attr
    assert "note" not in after.node("y").attr
    assert after.node("y").attr["memo"].i == 7
    assert after.node("x") is not None


def test_an_attribute_goes_from_one_op_type_only():
    result = run(NOTES, "remove_attribute(attribute_name=note, op_name=Neg)")
    assert result.graph.node("a").attr["note"].i == 5
    assert [change.name for change in result.changed] == ["y"]
    same = run(NOTES, 'remove_attribute(attribute_name=note, op_name="*")')
    assert [change.name for change in same.changed] == ["a", "y"]


def test_exactly_one_attribute_is_to_be_named():
    with pytest.raises(BadParameter, match="exactly one 'attribute_name' argument"):
        plan("remove_attribute")
    with pytest.raises(BadParameter, match="found 2 occurrences"):
        plan("remove_attribute(attribute_name=a, attribute_name=b)")
    with pytest.raises(BadParameter, match="exactly one 'new_attribute_name'"):
        plan("rename_attribute(old_attribute_name=a)")


def test_an_attribute_gets_another_name_with_its_value():
    result = run(NOTES, "rename_attribute(old_attribute_name=note, new_attribute_name=remark)")
    assert result.graph.node("a").attr["remark"].i == 5
    assert result.graph.node("y").attr["remark"].s == b"n"
    assert "note" not in result.graph.node("a").attr


def test_the_first_op_type_named_counts():
    call = "rename_attribute(old_attribute_name=note, new_attribute_name=n, op_name=Relu, "
    result = run(NOTES, call + "op_name=Neg)")
    assert [change.name for change in result.changed] == ["a"]


def test_no_value_is_lost_where_the_new_name_is_taken():
    call = "rename_attribute(old_attribute_name=note, new_attribute_name=memo)"
    result = run(NOTES, call)
    assert result.graph.node("y").attr["note"].s == b"n"
    assert result.graph.node("y").attr["memo"].i == 7
    assert result.graph.node("a").attr["memo"].i == 5
    assert [(skip.name, skip.why) for skip in result.skipped] == [
        ("y", "has an attribute memo already")
    ]


def test_a_name_that_stays_changes_nothing():
    call = "rename_attribute(old_attribute_name=note, new_attribute_name=note)"
    assert not run(NOTES, call).modified
