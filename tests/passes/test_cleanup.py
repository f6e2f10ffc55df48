"""remove_nodes, merge_duplicate_nodes, sort_by_execution_order, on graphs written as text."""

from __future__ import annotations

import pytest

from inspector.errors import InvalidGraph
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from tests.passes.text import graph, show


def apply(name, text, inputs=("x",), outputs=("y",), **params):
    before = graph(text)
    given = [(key, str(item)) for key, value in params.items() for item in _each(value)]
    found = PASSES[name]
    return found(before, PassContext(tuple(inputs), tuple(outputs)), **found.read(given))


def _each(value):
    return value if isinstance(value, list) else [value]


def expect(result, text):
    assert show(result.graph) == show(graph(text))


def why(result, name):
    return "; ".join(skip.why for skip in result.skipped if skip.name == name)


def test_readers_read_past_what_is_removed():
    result = apply(
        "remove_nodes",
        "x = Placeholder() ; a = Identity(x) ; b = Identity(a) ; y = Relu(b) ; z = Neg(a, ^b)",
        op="Identity",
    )
    expect(result, "x = Placeholder() ; y = Relu(x) ; z = Neg(x, ^x)")
    assert {change.name: change.kind for change in result.changed} == {
        "a": "removed",
        "b": "removed",
        "y": "changed",
        "z": "changed",
    }
    assert {c.name: c.sources for c in result.changed}["b"] == ("x",)


def test_feeds_and_fetches_stay_with_or_without_port():
    text = "x = Placeholder() ; a = Identity(x) ; b = Identity(a) ; y = Identity(b)"
    for inputs, outputs in ((["a:0"], ["y:0"]), (["a"], ["y"])):
        result = apply("remove_nodes", text, inputs, outputs, op="Identity")
        expect(result, "x = Placeholder() ; a = Identity(x) ; y = Identity(a)")
        assert why(result, "a") == "is a feed or a fetch"


def test_control_inputs_pass_to_the_readers():
    result = apply(
        "remove_nodes",
        "x = Placeholder() ; g = NoOp() ; h = NoOp() ; a = Identity(x, ^g) ; b = Identity(a, ^h)"
        " ; y = Relu(b, ^h) ; z = NoOp(^a)",
        op="Identity",
    )
    expect(
        result,
        "x = Placeholder() ; g = NoOp() ; h = NoOp() ; y = Relu(x, ^h, ^g) ; z = NoOp(^x, ^g)",
    )


def test_a_control_input_on_a_removed_node_becomes_what_that_one_waited_for():
    result = apply(
        "remove_nodes",
        "x = Placeholder() ; g = NoOp() ; a = Identity(x, ^g) ; b = Identity(x, ^a) ; y = Relu(b)",
        op="Identity",
    )
    expect(result, "x = Placeholder() ; g = NoOp() ; y = Relu(x, ^x, ^g)")


def test_ports_follow():
    result = apply(
        "remove_nodes",
        "d = Const(dtype=int32) ; x = Placeholder() ; s = Split(d, x, num_split=2)"
        " ; a = Identity(s:1) ; y = Sub(s, a)",
        op="Identity",
    )
    assert list(result.graph.node("y").input) == ["s", "s:1"]


def test_several_outputs_in_use():
    text = "x = Placeholder(shape=[2]) ; u = Unpack(x, num=2) ; y = Sub(u, u:1)"
    result = apply("remove_nodes", text, op="Unpack")
    expect(result, text)
    assert "output 1" in why(result, "u")


def test_a_change_of_dtype_stays():
    text = "x = Placeholder() ; c = Cast(x, SrcT=float, DstT=int32) ; y = Neg(c, T=int32)"
    result = apply("remove_nodes", text, op="Cast")
    expect(result, text)
    assert "turns float32 into int32" in why(result, "c")
    same = text.replace("DstT=int32", "DstT=float").replace(", T=int32", "")
    expect(apply("remove_nodes", same, op="Cast"), "x = Placeholder() ; y = Neg(x)")


def test_more_than_one_input_and_the_constant_that_only_it_read():
    text = (
        "x = Placeholder() ; c = Const() ; k = Const() ; a = Mul(x, c) ; b = Mul(a, k) ; y = Neg(b)"
    )
    expect(apply("remove_nodes", text, op="Mul"), text)
    result = apply("remove_nodes", text, outputs=["y", "k"], op="Mul", max_inputs=2)
    expect(result, "x = Placeholder() ; k = Const() ; y = Neg(x)")


def test_alternatives_and_all():
    text = "x = Placeholder() ; a = Identity(x) ; b = Relu(a) ; c = Neg(b) ; y = Exp(c)"
    expect(
        apply("remove_nodes", text, op="Identity|Neg"),
        "x = Placeholder() ; b = Relu(x) ; y = Exp(b)",
    )
    expect(apply("remove_nodes", text, op="*"), "x = Placeholder() ; y = Exp(x)")
    expect(
        apply("remove_nodes", text, op=["Neg", "Relu"]),
        "x = Placeholder() ; a = Identity(x) ; y = Exp(a)",
    )


def test_siblings_of_an_output_are_removed_as_well():
    text = "x = Placeholder() ; y = Identity(x) ; a = Identity(x) ; z = Relu(a)"
    result = apply("remove_nodes", text, outputs=["y", "z"], op="Identity")
    expect(result, "x = Placeholder() ; y = Identity(x) ; z = Relu(x)")


def test_what_says_which_branch_is_taken_stays():
    text = (
        "x = Placeholder() ; p = Placeholder(dtype=bool) ; s = Switch(x, p) ; t = Identity(s:1)"
        " ; f = Identity(s) ; one = Const(^t) ; two = Const(^f) ; y = Merge(two, one)"
    )
    result = apply("remove_nodes", text, op="Identity")
    expect(result, text)
    assert "branch" in why(result, "t")


def test_what_a_merge_reads_keeps_its_control_input():
    text = "x = Placeholder() ; g = NoOp() ; a = Identity(x, ^g) ; y = Merge(a, x)"
    expect(apply("remove_nodes", text, op="Identity"), text)


def test_a_loop_keeps_its_ops():
    text = (
        "x = Placeholder() ; e = Enter(x, frame_name=f) ; m = Merge(e, n) ; i = Identity(m)"
        " ; n = NextIteration(i)"
    )
    result = apply("remove_nodes", text, outputs=[], op="*")
    assert show(result.graph).count("NextIteration(m)") == 1
    assert "Identity" not in show(result.graph)


def test_nodes_that_share_a_device_with_a_removed_one():
    result = apply(
        "remove_nodes",
        'x = Placeholder() ; a = Identity(x) ; y = Relu(a, _class=["loc:@a", "other"])',
        op="Identity",
    )
    assert list(result.graph.node("y").attr["_class"].list.s) == [b"loc:@x", b"other"]


def test_a_ring_of_removable_nodes_ends():
    text = "a = Identity(b) ; b = Identity(a) ; y = Relu(a)"
    assert len(apply("remove_nodes", text, op="Identity").graph) == 2


def test_missing_parameter_names_what_would_be_right():
    with pytest.raises(
        Exception, match=r"at least one 'op' argument, e.g. remove_nodes\(op=Identity"
    ):
        apply("remove_nodes", "x = Placeholder()")


def test_twins_become_one_then_their_readers():
    result = apply(
        "merge_duplicate_nodes",
        "x = Placeholder() ; a = Const(value=[1.5]) ; b = Const(value=[1.5]) ; m = Mul(x, a)"
        " ; n = Mul(x:0, b:0) ; y = Add(m, n)",
    )
    expect(result, "x = Placeholder() ; a = Const() ; m = Mul(x, a) ; y = Add(m, m)")
    assert {c.name: c.sources for c in result.changed if c.kind == "removed"} == {
        "b": ("a",),
        "n": ("m",),
    }


@pytest.mark.parametrize(
    "other",
    [
        "b = Const(value=[1.5]) @/cpu:0",
        "b = Const(value=[2.5])",
        "b = Const(value=[[1.5]])",
        "b = Const(value=[1.5], ^x)",
        "b = Const(value=[1.5], _note=1)",
        "b = Const(value=[1], dtype=int32)",
    ],
)
def test_what_differs_is_not_merged(other):
    text = f"x = Placeholder() ; a = Const(value=[1.5]) ; {other} ; y = NoOp(^a, ^b)"
    expect(apply("merge_duplicate_nodes", text), text)


def test_nodes_on_different_devices_are_not_merged():
    text = "x = Placeholder() ; a = Neg(x) @/cpu:0 ; b = Neg(x) @/cpu:1 ; y = Add(a, b)"
    expect(apply("merge_duplicate_nodes", text), text)


def test_large_constants_that_start_alike():
    text = (
        f"a = Const(value={[1] * 400}) ; b = Const(value={[1] * 399 + [2]})"
        f" ; c = Const(value={[1] * 400}) ; y = AddN(a, b, c)"
    )
    result = apply("merge_duplicate_nodes", text, inputs=[])
    assert list(result.graph.node("y").input) == ["a", "b", "a"]


@pytest.mark.parametrize("port", ["", ":0"])
def test_feeds_fetches_placeholders_and_state_are_not_merged(port):
    text = (
        "x = Placeholder() ; p = Placeholder() ; q = Placeholder() ; r = RandomUniform(s)"
        " ; s = Const(value=[2], dtype=int32) ; r2 = RandomUniform(s) ; y = Relu(x) ; z = Relu(x)"
        " ; w = AddN(p, q, r, r2)"
    )
    outputs = [f"y{port}", f"z{port}", "w"]
    expect(apply("merge_duplicate_nodes", text, [f"x{port}"], outputs), text)


def test_merging_follows_ports_and_controls():
    text = (
        "d = Const(dtype=int32) ; x = Placeholder() ; s = Split(d, x, num_split=2)"
        " ; t = Split(d, x, num_split=2) ; y = Sub(s:1, t:1, ^s, ^t)"
    )
    result = apply("merge_duplicate_nodes", text)
    assert list(result.graph.node("y").input) == ["s:1", "s:1", "^s"]


def test_merging_around_a_loop():
    text = (
        "x = Placeholder() ; e = Enter(x, frame_name=f) ; c = Enter(x, frame_name=f, is_constant=1)"
        " ; n1 = NextIteration(c) ; n2 = NextIteration(c) ; m1 = Merge(e, n1) ; m2 = Merge(e, n2)"
        " ; y = Add(m1, m2)"
    )
    result = apply("merge_duplicate_nodes", text)
    assert list(result.graph.node("y").input) == ["m1", "m1"]


def test_nodes_of_an_unknown_op_are_not_merged():
    text = (
        "x = Placeholder() ; a = Relu(x) ; b = Relu(x) ; c = Mystery(a) ; d = Mystery(b)"
        " ; y = Add(c, d)"
    )
    result = apply("merge_duplicate_nodes", text)
    assert {node.name for node in result.graph} == {"x", "a", "c", "d", "y"}
    assert list(result.graph.node("d").input) == ["a"]
    assert [(skip.name, skip.why) for skip in result.skipped] == [
        ("c", "Mystery is no op of TensorFlow 2.21, which may have state"),
        ("d", "Mystery is no op of TensorFlow 2.21, which may have state"),
    ]


def test_sorting():
    result = apply(
        "sort_by_execution_order",
        "y = Relu(b) ; b = Add(a, c) ; c = Const() ; a = Neg(x) ; x = Placeholder()",
    )
    expect(result, "x = Placeholder() ; a = Neg(x) ; c = Const() ; b = Add(a, c) ; y = Relu(b)")
    assert result.modified
    assert not result.changed
    again = PASSES["sort_by_execution_order"](result.graph, PassContext())
    assert not again.modified
    assert again.graph is result.graph


def test_sorting_refuses_cycles_and_dangling_inputs():
    with pytest.raises(InvalidGraph, match="2 nodes in a cycle"):
        apply("sort_by_execution_order", "a = Neg(b) ; b = Neg(a) ; y = Const()")
    with pytest.raises(InvalidGraph, match="'a': Unknown input node 'b'"):
        apply("sort_by_execution_order", "a = Neg(b)")


def test_two_nodes_of_one_name_are_refused():
    with pytest.raises(InvalidGraph, match="two nodes have this name"):
        apply("remove_nodes", "a = Const() ; a = Const()", op="Identity")
