"""Devices, op types, and control inputs taken away."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.errors import BadParameter
from inspector.passes.pipeline import plan
from tests.passes.running import assert_same_values, context, run
from tests.passes.text import graph, show

DEVICES = "x = Placeholder(shape=[2]) @/gpu:0 ; y = Relu(x)"

LOOP = """
x = Placeholder(shape=[])
enter = Enter(x, frame_name=loop)
merge = Merge(enter, next)
limit = Const(^merge, value=10)
less = Less(merge, limit)
cond = LoopCond(less)
switch = Switch(merge, cond)
body = Identity(switch:1)
two = Const(^body, value=2)
next = NextIteration(add)
add = AddV2(body, two, ^limit)
exit = Exit(switch)
last = Const(^exit, value=1)
y = AddV2(exit, last)
"""

BRANCH = """
x = Placeholder(shape=[])
p = Less(x, limit)
limit = Const(value=100)
switch = Switch(p, p, T=bool)
no = Identity(switch, T=bool)
yes = Identity(switch:1, T=bool)
one = Const(^no, value=1)
wait = NoOp(^yes)
two = Const(^wait, value=2)
y = Merge(one, two)
"""


def apply(text: str, call: str) -> Any:
    (item,) = plan(call)
    ctx = context()
    result = item.transform(graph(text), ctx, **item.params)
    return result, ctx


def test_every_node_gets_the_device():
    result, _ = apply(DEVICES, 'set_device(device="/cpu:0")')
    assert [node.device for node in result.graph.nodes] == ["/cpu:0", "/cpu:0"]
    cleared, _ = apply(DEVICES, "set_device")
    assert [node.device for node in cleared.graph.nodes] == ["", ""]


def test_only_nodes_without_a_device_get_one():
    result, _ = apply(DEVICES, 'set_device(device="/cpu:0", if_default=true)')
    assert [node.device for node in result.graph.nodes] == ["/gpu:0", "/cpu:0"]
    with pytest.raises(BadParameter, match="expected true, false, 0 or 1"):
        plan("set_device(if_default=yes)")


def test_every_node_of_an_op_type_gets_another():
    text = "x = Placeholder(shape=[2]) ; a = Relu(x) ; b = Reluctant(a) ; y = Relu(b)"
    result, _ = apply(text, "rename_op(old_op_name=Relu, new_op_name=Relu6)")
    assert [node.op for node in result.graph.nodes] == [
        "Placeholder",
        "Relu6",
        "Reluctant",
        "Relu6",
    ]
    same, _ = apply(text, "rename_op(old_op_name=Relu, new_op_name=Relu)")
    assert not same.modified
    with pytest.raises(BadParameter, match="exactly one 'new_op_name'"):
        plan("rename_op(old_op_name=Relu)")


def test_control_inputs_go_and_nodes_stay():
    text = "x = Placeholder(shape=[2]) ; i = NoOp(^x) ; k = Const(^x, value=1) ; y = Mul(x, k, ^i)"
    result, ctx = apply(text, "remove_control_dependencies")
    assert show(result.graph) == ("x = Placeholder()\ni = NoOp()\nk = Const()\ny = Mul(x, k)")
    assert result.skipped == ()
    assert ctx.warnings == []


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [(LOOP, {"limit", "two"}, {"add", "last"}), (BRANCH, {"one", "wait", "two"}, set())],
)
def test_a_loop_and_a_branch_still_run(text, kept, gone):
    result, ctx = apply(text, "remove_control_dependencies")
    assert {skip.name for skip in result.skipped} == kept
    assert {change.name for change in result.changed} == gone
    assert "kept the control inputs" in ctx.warnings[0]
    assert_same_values(graph(text), result.graph, ["y"])
    assert run(graph(text), ["y"], {"x": 3.0}) == run(result.graph, ["y"], {"x": 3.0})
    assert run(graph(text), ["y"], {"x": 300.0}) == run(result.graph, ["y"], {"x": 300.0})


def test_control_inputs_from_constants_go_and_others_stay():
    text = (
        "x = Placeholder(shape=[2]) ; c = Const(value=[1,2]) ; d = Identity(c) ; i = NoOp(^c, ^d)"
        " ; p = Print(x, c, U=[float]) ; k = Const(^i, value=1) ; w = NoOp(^p, ^i)"
        " ; y = Mul(x, k, ^w, ^k, ^i)"
    )
    result, ctx = apply(text, "remove_redundant_control_inputs")
    assert show(result.graph).splitlines() == [
        "x = Placeholder()",
        "c = Const()",
        "d = Identity(c)",
        "i = NoOp()",
        "p = Print(x, c)",
        "k = Const()",
        "w = NoOp(^p)",
        "y = Mul(x, k, ^w)",
    ]
    assert ctx.warnings == []


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", [LOOP, BRANCH])
def test_control_inputs_of_loops_and_branches_are_not_redundant(text):
    result, _ = apply(text, "remove_redundant_control_inputs")
    assert_same_values(graph(text), result.graph, ["y"])
    for value in (3.0, 300.0):
        assert run(graph(text), ["y"], {"x": value}) == run(result.graph, ["y"], {"x": value})
