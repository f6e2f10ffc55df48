"""Attributes: defaults written out, renamed, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.errors import BadParameter, TransformFailed
from inspector.passes import PASSES
from inspector.passes.pipeline import plan
from tests import function_graphs as functions
from tests.passes.running import context
from tests.passes.text import graph

NOTES = 'x = Placeholder(shape=[2]) ; a = Relu(x, note=5) ; y = Neg(a, note="n", memo=7)'


def run(text: str, call: str, **options: Any) -> Any:
    (item,) = plan(call)
    return item.found(graph(text), context(**options), **item.params)


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


def test_an_unknown_op_has_no_known_defaults():
    with pytest.raises(TransformFailed, match="Op type not registered 'Strange'"):
        run("x = Strange() ; y = Relu(x)", "add_default_attributes")


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
