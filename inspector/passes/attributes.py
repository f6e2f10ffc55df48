"""Passes over the attributes of nodes: defaults written out, attributes renamed or taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from inspector import opdefs
from inspector.edit import GraphEdit
from inspector.errors import TransformFailed
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.bodies import InFunctions, also_in_functions
from inspector.protos import AttrValue, FunctionDefLibrary


@graph_pass(effect="exact", source="graph_transforms/add_default_attributes.cc")
@also_in_functions
def add_default_attributes(
    edit: GraphEdit, ctx: PassContext, *, functions: InFunctions = False
) -> None:
    """Write out every attribute that a node leaves to its op's default.

    The defaults are those of TensorFlow 2.21; function calls have those of their function. An op
    that nobody knows is an error, as in the tool.
    """
    known: dict[str, Mapping[str, AttrValue]] = {}
    for node in edit.nodes():
        if node.op not in known:
            known[node.op] = _defaults(node.op, edit.library, node.name)
        missing = [key for key in known[node.op] if key not in node.attr]
        if missing:
            full = edit.mutable(node.name)
            for key in missing:
                full.attr[key].CopyFrom(known[node.op][key])
            edit.explain(node.name, f"{', '.join(sorted(missing))} written out")


def _defaults(op: str, library: FunctionDefLibrary, where: str) -> Mapping[str, AttrValue]:
    found = opdefs.get(op, library)
    if found is None:
        reason = f"Op type not registered '{op}': its defaults are not known"
        raise TransformFailed("add_default_attributes", where, reason)
    return {item.name: item.default_value for item in found.attr if item.HasField("default_value")}


@graph_pass(effect="unchecked", source="graph_transforms/remove_attribute.cc")
@also_in_functions
def remove_attribute(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    attribute_name: Annotated[str, Arg("The attribute to take away.", "_output_shapes")],
    op_name: Annotated[str, Arg('Only from nodes of this op type; "*" for all.')] = "*",
    functions: InFunctions = False,
) -> None:
    """Take an attribute away from all nodes, or from those of one op type.

    As in the tool, attributes that the op needs go too: such a graph cannot be imported.
    """
    for node in edit.nodes(op=_ops(op_name)):
        if attribute_name in node.attr:
            del edit.mutable(node.name).attr[attribute_name]
            edit.explain(node.name, f"{attribute_name} taken away")


@graph_pass(effect="unchecked", source="graph_transforms/rename_attribute.cc")
@also_in_functions
def rename_attribute(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    old_attribute_name: Annotated[str, Arg("The attribute's name now.", "layout")],
    new_attribute_name: Annotated[str, Arg("The name it gets.", "data_format")],
    op_name: Annotated[
        str, Arg('Only on nodes of this op type, the first given; "*" for all.', first=True)
    ] = "*",
    functions: InFunctions = False,
) -> None:
    """Give an attribute another name, on all nodes or on those of one op type.

    Left alone: nodes that have an attribute of the new name already; there the tool loses a value.
    """
    if old_attribute_name == new_attribute_name:
        return
    for node in edit.nodes(op=_ops(op_name)):
        if old_attribute_name not in node.attr:
            continue
        if new_attribute_name in node.attr:
            edit.skip(node, f"has an attribute {new_attribute_name} already")
            continue
        renamed = edit.mutable(node.name)
        renamed.attr[new_attribute_name].CopyFrom(node.attr[old_attribute_name])
        del renamed.attr[old_attribute_name]
        edit.explain(node.name, f"{old_attribute_name} is now {new_attribute_name}")


def _ops(name: str) -> str | None:
    return None if name == "*" else name
