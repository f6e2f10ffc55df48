"""Random graphs: passes that edit names, attributes, devices and ops, against the C++ tool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.passes import pipeline
from inspector.passes.pipeline import plan
from tests.passes.running import assert_same_values, context, cpp_tool, differences
from tests.passes.test_differential import graphs, relaxed
from tests.passes.text import graph, show

pytestmark = pytest.mark.tensorflow
INPUTS, OUTPUTS = ["x"], ["y", "z"]

SAME = (
    "add_default_attributes",
    "remove_attribute(attribute_name=num)",
    "remove_attribute(attribute_name=T, op_name=Relu)",
    "rename_attribute(old_attribute_name=T, new_attribute_name=kind)",
    "rename_attribute(old_attribute_name=T, new_attribute_name=kind, op_name=Mul)",
    "rename_op(old_op_name=Relu, new_op_name=Elu)",
    'set_device(device="/cpu:0", if_default=true)',
    "set_device(device=somewhere) remove_device",
    "remove_control_dependencies",
    "obfuscate_names",
    "rename_node(old_node_name=n0, new_node_name=scope/first)",
    "rename_node(old_node_name=k0, new_node_name=first)",
)


@relaxed(60)
@given(graphs(controls=True, split=True), st.sampled_from(SAME))
def test_an_edit_is_the_tools_to_the_name(before, transforms):
    after = pipeline.run(before, INPUTS, OUTPUTS, transforms).graph
    theirs = cpp_tool(before, INPUTS, OUTPUTS, transforms)
    found = differences(theirs, after, INPUTS, OUTPUTS, internal_attrs=True)
    assert not found, f"{show(before)}\n--\n{show(theirs)}\n--\n{show(after)}"
    assert [node.name for node in after.nodes] == [node.name for node in theirs.nodes]
    assert after.versions == before.versions


@relaxed(10)
@given(graphs(controls=True, split=True))
def test_names_attributes_and_control_inputs_do_not_change_values(before):
    fetches = ["y:0", "z:0"]
    transforms = "add_default_attributes obfuscate_names remove_control_dependencies"
    result = pipeline.run(before, ["x:0"], fetches, transforms)
    assert_same_values(before, result.graph, fetches)


@relaxed(30)
@given(graphs(split=True), st.sampled_from(["", "op=Relu, op=Unpack, show_name=true", "prefix=n1"]))
def test_logging_is_the_tools_where_all_outputs_are_read(before, args):
    transforms = f"insert_logging({args})"
    after = pipeline.run(before, INPUTS, OUTPUTS, transforms).graph
    theirs = cpp_tool(before, INPUTS, OUTPUTS, transforms)
    assert not differences(theirs, after, INPUTS, OUTPUTS)
    assert [node.name for node in after.nodes] == [node.name for node in theirs.nodes]


@relaxed(20)
@given(st.lists(st.sampled_from([0, -1, 1]), min_size=1, max_size=5))
def test_joining_is_the_tools(axes):
    lines, at = ["x = Placeholder(shape=[2,3])"], "x"
    for index, axis in enumerate(axes):
        lines.append(f"k{index} = Const(value={axis}, dtype=int32)")
        lines.append(f"c{index} = ConcatV2({at}, {at}:0, k{index}, N=2) @/cpu:0")
        at = f"c{index}"
    before = graph("\n".join([*lines, f"y = Neg({at})"]))
    after = pipeline.run(before, INPUTS, ["y"], "backport_concatv2").graph
    theirs = cpp_tool(before, INPUTS, ["y"], "backport_concatv2")
    assert not differences(theirs, after, INPUTS, ["y"])
    assert_same_values(before, after, ["y"])


def test_a_node_without_the_old_name_is_no_error_to_the_tool_either():
    (item,) = plan("rename_node(old_node_name=a, new_node_name=b)")
    before = graph("x = Placeholder(shape=[2]) ; y = Relu(x)")
    assert item.transform(before, context(), **item.params).graph is before
    theirs = cpp_tool(before, ["x"], ["y"], "rename_node(old_node_name=a, new_node_name=b)")
    assert show(theirs) == show(before)


TENSOR_ARRAY = {
    "write": "f{k} = TensorArrayWriteV3(a, i, v, {at})",
    "read": "r{k} = TensorArrayReadV3(a, i, {at}, dtype=float)",
    "size": "s{k} = TensorArraySizeV3(a, {at})",
    "scatter": "f{k} = TensorArrayScatterV3(a, p, x, {at})",
    "gather": "r{k} = TensorArrayGatherV3(a, p, {at}, dtype=float)",
    "concat": "r{k} = TensorArrayConcatV3(a, {at}, dtype=float)",
    "split": "f{k} = TensorArraySplitV3(a, x, l, {at})",
    "close": "e{k} = TensorArrayCloseV3(a)",
    "grad": "g{k} = TensorArrayGradV3(a, {at}, source=gradients) ; h{k} = Neg(g{k}:1)",
}


@relaxed(25)
@given(st.lists(st.sampled_from(sorted(TENSOR_ARRAY)), max_size=6))
def test_older_tensor_arrays_are_the_tools(kinds):
    lines = [
        "x = Placeholder(shape=[2,3]) ; v = Const(value=[1,2,3]) ; i = Const(value=0, dtype=int32)",
        "p = Const(value=[1,0], dtype=int32) ; l = Const(value=[1,1], dtype=int64)",
        "n = Const(value=2, dtype=int32) ; a = TensorArrayV3(n)",
    ]
    at = "a:1"
    for k, kind in enumerate(kinds):
        lines.append(TENSOR_ARRAY[kind].format(k=k, at=at))
        at = f"f{k}" if kind in ("write", "scatter", "split") else at
    before = graph("\n".join([*lines, f"y = Neg({at})"]))
    after = pipeline.run(before, INPUTS, ["y"], "backport_tensor_array_v3").graph
    theirs = cpp_tool(before, INPUTS, ["y"], "backport_tensor_array_v3")
    found = differences(theirs, after, INPUTS, ["y"])
    assert not found, f"{show(theirs)}\n--\n{show(after)}"
