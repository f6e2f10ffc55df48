"""Passes that edit single fields of nodes: device, op type, control inputs."""

from __future__ import annotations

from typing import Annotated

from inspector.graph.control_flow import names_inside
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import data_inputs, node_name
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.bodies import InFunctions, also_in_functions

_WITHOUT_WORK = frozenset(("Const", "NoOp", "Identity"))


@graph_pass(effect="exact", source="graph_transforms/set_device.cc")
@also_in_functions
def remove_device(edit: GraphEdit, ctx: PassContext, *, functions: InFunctions = False) -> None:
    """Clear the device of every node, so that the graph runs on any device."""
    for node in edit.nodes():
        if node.device:
            edit.explain(node.name, "its device is left open", node.device)
            edit.mutable(node.name).device = ""


@graph_pass(effect="exact", source="graph_transforms/set_device.cc")
@also_in_functions
def set_device(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    device: Annotated[str, Arg('The device, e.g. "/device:CPU:0" in quotes.')] = "",
    if_default: Annotated[bool, Arg("Only on nodes that have no device.")] = False,
    functions: InFunctions = False,
) -> None:
    """Set the device of every node, or only of nodes without one."""
    for node in edit.nodes():
        if node.device != device and not (if_default and node.device):
            edit.mutable(node.name).device = device
            edit.explain(node.name, f"its device is now {device}" if device else "no device now")


@graph_pass(effect="unchecked", source="graph_transforms/rename_op.cc")
@also_in_functions
def rename_op(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    old_op_name: Annotated[str, Arg("The present op type.", "Relu")],
    new_op_name: Annotated[str, Arg("The new op type; it is not checked.", "Relu6")],
    functions: InFunctions = False,
) -> None:
    """Change the op type of all nodes of one op type; inputs and attributes do not change."""
    if old_op_name == new_op_name:
        return
    for node in edit.nodes(op=old_op_name):
        edit.mutable(node.name).op = new_op_name
        edit.explain(node.name, f"was {old_op_name}")


@graph_pass(effect="unchecked", source="graph_transforms/remove_control_dependencies.cc")
def remove_control_dependencies(edit: GraphEdit, ctx: PassContext) -> None:
    """Remove every control input; nodes then run as soon as their data inputs are ready.

    Kept, where the tool breaks the graph: in a loop or branch of TensorFlow 1, the control inputs
    of nodes without data inputs, which tie these nodes to it.
    """
    tied = names_inside(edit.graph)
    count = 0
    for node in edit.nodes():
        inputs = data_inputs(node)
        if len(inputs) == len(node.input):
            continue
        if not inputs:
            inputs = [text for text in node.input if text[1:] in tied]
        if inputs and inputs[0].startswith("^"):
            count += 1
            edit.skip(node, "its control inputs say which loop or branch it belongs to")
        if len(inputs) < len(node.input):
            edit.set_inputs(node.name, inputs)
            edit.explain(node.name, "waits for its data only")
    if count:
        nodes = "1 node" if count == 1 else f"{count} nodes"
        ctx.warnings.append(f"{nodes} in a loop or branch kept the control inputs that tie it")


@graph_pass(effect="exact", source="inspector")
def remove_redundant_control_inputs(edit: GraphEdit, ctx: PassContext) -> None:
    """Remove control inputs that wait for nothing: from constants, and from a node that is read.

    A NoOp or an Identity counts as a constant where all of its inputs do. TensorFlow's own freezing
    leaves one NoOp that waits for every weight, which keeps weights alive that nothing reads.
    """
    constant: set[str] = set()
    for node in edit.graph.sorted():
        if node.op in _WITHOUT_WORK and all(node_name(text) in constant for text in node.input):
            constant.add(node.name)
        data = data_inputs(node)
        if len(data) == len(node.input) or node.name in edit.hidden:
            continue
        read = {node_name(text) for text in data}
        waits = [text for text in node.input if text[0] == "^"]
        needed = [text for text in waits if text[1:] not in constant and text[1:] not in read]
        inputs = [*data, *needed]
        if len(inputs) < len(node.input):
            edit.set_inputs(node.name, inputs)
            edit.explain(node.name, "no longer waits for constants or twice for what it reads")
