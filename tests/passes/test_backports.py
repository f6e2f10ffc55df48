"""Ops of today as those of 2016: Concat, and TensorArrays of version 2."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.errors import TransformFailed
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.passes import PASSES
from tests.passes.running import assert_same_values, context
from tests.passes.text import graph, graph_def, show

JOIN = "x = Placeholder(shape=[2,3]) ; c = ConcatV2(x, x, k, N=2, Tidx={0}) ; y = Neg(c)"

ARRAYS = """
x = Placeholder(shape=[2,3])
size = Const(value=2, dtype=int32)
array = TensorArrayV3(size, identical_element_shapes=true)
all = Const(value=[0, 1], dtype=int32)
put = TensorArrayScatterV3(array, all, x, array:1)
one = Const(value=1, dtype=int32)
got = TensorArrayReadV3(array, one, put)
flow = Identity(array:1, ^array)
n = TensorArraySizeV3(array, put)
far = Cast(n, SrcT=int32, DstT=float)
sum = Mul(got, flow)
y = Sub(got, far)
"""

LOOP = """
x = Placeholder(shape=[])
size = Const(value=3, dtype=int32)
array = TensorArrayV3(size, identical_element_shapes=true)
handle = Enter(array, T=resource, frame_name=loop, is_constant=true)
flow_in = Enter(array:1, frame_name=loop)
value = Enter(x, frame_name=loop, is_constant=true)
start = Const(value=0, dtype=int32)
enter = Enter(start, T=int32, frame_name=loop)
i = Merge(enter, next_i, T=int32, N=2)
flow = Merge(flow_in, next_flow, N=2)
limit = Const(^i, value=3, dtype=int32)
less = Less(i, limit, T=int32)
cond = LoopCond(less)
switch_i = Switch(i, cond, T=int32)
switch_flow = Switch(flow, cond)
put = TensorArrayWriteV3(handle, switch_i:1, value, switch_flow:1)
one = Const(^switch_i, value=1, dtype=int32)
add = AddV2(switch_i:1, one, T=int32)
next_i = NextIteration(add, T=int32)
next_flow = NextIteration(put)
exit = Exit(switch_flow)
all = Const(value=[0, 1, 2], dtype=int32)
y = TensorArrayGatherV3(array, all, exit)
"""


def run(name: str, before: Graph, **options: Any) -> Any:
    return PASSES[name](before, context(**options))


def old(text: str) -> Graph:
    """A graph of a time when version 2 was still run."""
    return Graph.of(graph_def(text, producer=25))


@pytest.mark.tensorflow
def test_the_axis_moves_to_the_front():
    before = graph(
        "k = Const(value=1, dtype=int32) ; x = Placeholder(shape=[2,3])"
        " ; c = ConcatV2(x, x, k, N=2) @/cpu:0 ; y = Neg(c)"
    )
    after = run("backport_concatv2", before).graph
    assert show(after).splitlines()[2] == "c = Concat(k, x, x) @/cpu:0"
    assert set(after.node("c").attr) == {"N", "T"}
    assert after.versions.producer == before.versions.producer
    assert_same_values(before, after, ["y"])


@pytest.mark.tensorflow
def test_a_control_input_stays_behind_the_data():
    before = graph(
        "k = Const(value=1, dtype=int32) ; x = Placeholder(shape=[2,3]) ; n = NoOp()"
        " ; c = ConcatV2(x, x, k, ^n, N=2) ; y = Neg(c)"
    )
    after = run("backport_concatv2", before).graph
    assert list(after.node("c").input) == ["k", "x", "x", "^n"]
    assert_same_values(before, after, ["y"])


@pytest.mark.tensorflow
def test_an_axis_of_int64_becomes_int32():
    text = JOIN.format("int64") + " ; n = NoOp() ; k = Const(^n, value=-1, dtype=int64)"
    before = graph(text)
    after = run("backport_concatv2", before).graph
    assert list(after.node("c").input) == ["k/int32", "x", "x"]
    assert list(after.node("k/int32").input) == ["^n"]
    assert "k" not in after
    assert_same_values(before, after, ["y"])


@pytest.mark.tensorflow
def test_an_axis_of_int64_that_others_read_stays_for_them():
    text = (
        JOIN.format("int64") + " ; k = Const(value=1, dtype=int64) ; d = ConcatV2(c, x, k:0, N=2,"
        " Tidx=int64) ; z = Cast(k, SrcT=int64, DstT=float)"
    )
    after = run("backport_concatv2", graph(text), outputs=["y", "d", "z"]).graph
    assert after.node("d").input[0] == after.node("c").input[0] == "k/int32"
    assert after.node("z").input[0] == "k"
    assert_same_values(graph(text), after, ["y", "d", "z"])


@pytest.mark.tensorflow
def test_an_axis_that_is_computed_is_cast():
    text = JOIN.format("int64") + (
        " ; p = Const(value=[0, 1], dtype=int64) ; u = Unpack(p, num=2, T=int64)"
        " ; k = Identity(u:1, T=int64)"
    )
    before = graph(text)
    after = run("backport_concatv2", before).graph
    assert show(after).splitlines()[1] == "k/int32 = Cast(k)"
    assert_same_values(before, after, ["y"])


def test_a_join_of_nothing_is_left_alone():
    result = run("backport_concatv2", graph("x = Placeholder() ; y = ConcatV2(x, N=0)"))
    assert not result.modified
    assert result.skipped[0].name == "y"


@pytest.mark.tensorflow
def test_arrays_become_version_2_and_their_flow_a_constant():
    before = old(ARRAYS)
    after = run("backport_tensor_array_v3", before).graph
    assert not [op for op in after.op_counts() if op.startswith("TensorArray") and "V3" in op]
    flow = "array/replacement_flow_node"
    assert list(after.node("put").input) == ["array", "all", "x", flow]
    assert list(after.node("flow").input) == [flow, "^array"]
    assert after.node(flow).attr["value"].tensor.tensor_content == b"\x00\x00\x80\x3f"
    assert not list(after.node(flow).input)
    assert "identical_element_shapes" not in after.node("array").attr
    assert after.versions.producer == 25
    assert_same_values(before, after, ["y"])


def test_the_older_op_keeps_what_it_knows_and_what_is_internal():
    text = ARRAYS.replace("identical_element_shapes=true", '_class=["loc:@size"], dtype=float')
    node = run("backport_tensor_array_v3", graph(text)).graph.node("array")
    assert set(node.attr) == {"dtype", "_class"}


@pytest.mark.tensorflow
def test_a_handle_in_a_loop_becomes_a_string():
    before = old(LOOP)
    after = run("backport_tensor_array_v3", before).graph
    assert after.node("handle").attr["T"].type == tensors.STRING
    assert after.node("value").attr["T"].type == tensors.FLOAT
    assert_same_values(before, after, ["y"])


def test_an_array_made_in_a_loop_has_its_flow_there():
    text = (
        "x = Placeholder() ; e = Enter(x, T=int32, frame_name=f) ; a = TensorArrayV3(e)"
        " ; y = Identity(a:1)"
    )
    after = run("backport_tensor_array_v3", graph(text)).graph
    assert list(after.node("a/replacement_flow_node").input) == ["^a"]


def test_a_gradient_has_a_flow_of_its_own():
    text = ARRAYS + "grad = TensorArrayGradV3(array, put, source=g)\nw = Identity(grad:1)"
    after = run("backport_tensor_array_v3", graph(text)).graph
    assert after.node("grad").op == "TensorArrayGradV2"
    assert list(after.node("w").input) == ["grad/replacement_flow_node"]


def test_the_constants_name_is_its_own():
    text = ARRAYS + "array/replacement_flow_node = NoOp()"
    after = run("backport_tensor_array_v3", graph(text)).graph
    assert after.node("array/replacement_flow_node").op == "NoOp"
    assert list(after.node("flow").input) == ["array/replacement_flow_node_1", "^array"]


def test_a_flow_that_is_fetched_cannot_be_kept():
    with pytest.raises(TransformFailed, match="its second output is to be fetched"):
        run("backport_tensor_array_v3", graph(ARRAYS), outputs=["array:1"])
