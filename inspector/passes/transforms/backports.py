"""Passes that replace newer ops by those of 2016, for runtimes that only know these."""

from __future__ import annotations

from inspector.errors import TransformFailed
from inspector.graph import opdefs, tensors
from inspector.graph.control_flow import names_inside
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, control_inputs, data_inputs, split_input
from inspector.graph.op_sets import EXITS, SWITCHES
from inspector.graph.protos import NodeDef
from inspector.passes.base import PassContext, graph_pass
from inspector.passes.rewrite.constants import constant, read
from inspector.passes.rewrite.node_list import successors

_CONCAT = "backport_concatv2"
_ARRAYS = "backport_tensor_array_v3"
_KINDS = ("Grad", "Write", "Read", "Gather", "Scatter", "Concat", "Split", "Size", "Close")
_OLDER = {f"TensorArray{kind}V3": f"TensorArray{kind}V2" for kind in ("", *_KINDS)}
_MAKERS = ("TensorArrayV3", "TensorArrayGradV3")
_CARRIERS = SWITCHES | EXITS | {"Identity", "Enter", "Merge", "NextIteration"}


@graph_pass(effect="exact", source="graph_transforms/backports.cc")
def backport_concatv2(edit: GraphEdit, ctx: PassContext) -> None:
    """Turn every ConcatV2 into Concat, which reads its axis first.

    Control inputs stay last, and an int64 axis becomes int32, since Concat takes no other dtype;
    the tool breaks the graph in both cases.
    """
    narrow: dict[Input, str] = {}
    for node in edit.nodes("ConcatV2"):
        data = data_inputs(node)
        if len(data) < 2:
            edit.skip(node, "has no axis and nothing to join")
            continue
        axis = data[-1]
        wide = opdefs.attr(node, "Tidx")
        if wide is not None and wide.type == tensors.INT64:
            source = split_input(axis)
            if source not in narrow:
                narrow[source] = _narrowed(edit, ctx, node, source)
            axis = narrow[source]
        edit.set_inputs(node.name, [axis, *data[:-1], *control_inputs(node)])
        older = edit.mutable(node.name)
        older.op = "Concat"
        if "Tidx" in older.attr:
            del older.attr["Tidx"]
        edit.explain(node.name, "reads its axis first", "ConcatV2")
    for (name, _, _), successor in narrow.items():
        const = edit.get(name)
        if const is None or const.op != "Const" or name in ctx.boundary:
            continue
        if not edit.reads(name):
            edit.explain(name, "nobody reads it any more")
            edit.remove(name, successor)


def _narrowed(edit: GraphEdit, ctx: PassContext, reader: NodeDef, source: Input) -> str:
    """The name of a new node with this axis as int32: a Const if the axis is one, else a Cast."""
    node = edit.get(source.name)
    name = edit.unique(f"{source.name}/int32")
    edit.explain(name, "the axis as int32", str(source))
    if node is not None and node.op == "Const" and node.name not in ctx.feeds:
        value = read(node, _CONCAT)
        if value.size == 1 and abs(int(value.reshape(-1)[0])) < 1 << 31:
            const = constant(name, value, tensors.INT32, control_inputs(node))
            edit.add(const, before=node.name)
            return name
    cast = NodeDef(name=name, op="Cast", input=[str(source)], device=reader.device)
    cast.attr["SrcT"].type = tensors.INT64
    cast.attr["DstT"].type = tensors.INT32
    edit.add(cast, before=reader.name)
    return name


@graph_pass(effect="exact", source="graph_transforms/backports.cc")
def backport_tensor_array_v3(edit: GraphEdit, ctx: PassContext) -> None:
    """Turn TensorArray ops of version 3 into version 2, with a constant instead of their flow.

    Attributes that version 2 does not have are removed, and handles that pass through a loop become
    strings; the tool keeps both, and the graph cannot be imported. Version 2 does not run in graphs
    of producer 26 (2017) or later: the transform is for older runtimes.
    """
    flows: dict[Input, Input] = {}
    constants: dict[str, NodeDef] = {}
    in_control_flow: set[str] | None = None
    for node in edit.nodes(_MAKERS):
        if 1 in ctx.fetched_ports(node.name):
            reason = "its second output is to be fetched, and version 2 has none"
            raise TransformFailed(_ARRAYS, node.name, reason)
        in_control_flow = names_inside(edit.graph) if in_control_flow is None else in_control_flow
        name = edit.unique(f"{node.name}/replacement_flow_node")
        controls = [f"^{node.name}"] if node.name in in_control_flow else []
        constants[node.name] = constant(name, 1.0, tensors.FLOAT, controls)
        flows[Input(node.name, 1, False)] = Input(name, 0, False)
        edit.explain(name, "stands for the flow", f"{node.name}:1")
    for node in edit.nodes(tuple(_OLDER)):
        _make_older(edit, node)
    for source in flows:
        for reader in edit.reads(source.name):
            if edit[reader].op not in _OLDER.values():
                edit.explain(reader, "reads a constant in place of the flow", source.name)
    edit.rewire(flows)
    following = successors(edit)
    for name, flow in constants.items():
        edit.add(flow, before=following.get(name))
    _retype_handles(edit, list(constants))


def _make_older(edit: GraphEdit, node: NodeDef) -> None:
    older = edit.mutable(node.name)
    older.op = _OLDER[node.op]
    op_def = opdefs.get(older.op)
    attributes = {item.name for item in op_def.attr} if op_def is not None else set()
    for key in list(older.attr):
        if key not in attributes and not key.startswith("_"):
            del older.attr[key]
    edit.explain(node.name, "version 2 of its op", node.op)


def _retype_handles(edit: GraphEdit, todo: list[str]) -> None:
    """Change the dtype of handles to string, as version 2 has it, in loops and branches too."""
    while todo:
        name = todo.pop()
        for reader in edit.readers(name):
            resource = "T" in reader.attr and reader.attr["T"].type == tensors.RESOURCE
            is_read = any(port >= 0 for port in edit.reads(name)[reader.name])
            if is_read and resource and reader.op in _CARRIERS:
                edit.mutable(reader.name).attr["T"].type = tensors.STRING
                edit.explain(reader.name, "passes on a handle of version 2", name)
                todo.append(reader.name)
