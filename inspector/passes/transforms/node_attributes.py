"""Passes over the attributes of nodes: add defaults, remove or rename attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from inspector.graph import op_releases, opdefs
from inspector.graph.edit import GraphEdit
from inspector.graph.protos import AttrValue, FunctionDefLibrary, NodeDef
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.bodies import InFunctions, also_in_functions

_ALL = "all"
"""The version of strip_default_attributes that stands for every release."""


@graph_pass(effect="exact", source="graph_transforms/add_default_attributes.cc")
@also_in_functions
def add_default_attributes(
    edit: GraphEdit, ctx: PassContext, *, functions: InFunctions = False
) -> None:
    """Add every attribute that a node leaves to the default of its op.

    The defaults are those of TensorFlow 2.21, and of the function for a call by name. Skipped,
    where the tool refuses the graph: nodes of other ops, whose defaults are not known.
    """
    for node, of_op in _with_defaults(edit):
        missing = [key for key in of_op if key not in node.attr]
        if missing:
            full = edit.mutable(node.name)
            for key in missing:
                full.attr[key].CopyFrom(of_op[key])
            edit.explain(node.name, f"{', '.join(sorted(missing))} written out")


def _with_defaults(
    edit: GraphEdit, op: str | None = None
) -> Iterator[tuple[NodeDef, Mapping[str, AttrValue]]]:
    """Nodes, each with the default values of its op's attributes; skips nodes of unknown ops."""
    defaults: dict[str, Mapping[str, AttrValue] | None] = {}
    for node in edit.nodes(op=op):
        if node.op not in defaults:
            defaults[node.op] = _defaults(node.op, edit.library)
        of_op = defaults[node.op]
        if of_op is None:
            edit.skip(node, f"{opdefs.unknown(node.op)}: its defaults are not known")
        else:
            yield node, of_op


def _defaults(op: str, library: FunctionDefLibrary) -> Mapping[str, AttrValue] | None:
    """The attributes of an op that have a default; None for an op that is not known."""
    op_def = opdefs.get(op, library)
    if op_def is None:
        return None
    return {item.name: item.default_value for item in op_def.attr if item.HasField("default_value")}


@graph_pass(effect="exact", source="inspector")
@also_in_functions
def strip_default_attributes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    version: Annotated[
        str,
        Arg(
            "The TensorFlow release that is to load the graph; for one not listed, the next older "
            "one. With all, every default goes.",
            choices=(_ALL, *op_releases.RELEASES),
        ),
    ] = _ALL,
    op_name: Annotated[str, Arg('Only from nodes of this op type; "*" for all.')] = "*",
    functions: InFunctions = False,
) -> None:
    """Remove attributes at the default of their op, so that older TensorFlow loads the graph.

    The inverse of add_default_attributes. A release refuses attributes that it does not know
    (``NodeDef mentions attr explicit_paddings not in Op<name=MaxPool>``); those it knows get the
    same default again. With a version, only the attributes go that this release does not know.
    Skipped: ops without a known definition; and what makes that release refuse the graph, ops that
    it lacks and unknown attributes whose value is not the default.
    """
    for node, own in _with_defaults(edit, _ops(op_name)):
        if version != _ALL and not op_releases.is_known(version, node.op):
            edit.skip(node, f"TensorFlow {version} has no op {node.op}")
            continue
        names = [key for key in node.attr if version == _ALL or _is_new(version, node.op, key)]
        same = sorted(key for key in names if key in own and node.attr[key] == own[key])
        if same:
            stripped = edit.mutable(node.name)
            for key in same:
                del stripped.attr[key]
            edit.explain(node.name, f"{', '.join(same)} left to the default")
        needed = sorted(set(names) - set(same))
        if version != _ALL and needed:
            reason = f"TensorFlow {version} does not know {', '.join(needed)} of {node.op}"
            edit.skip(node, f"{reason}, and the value is not the default")


def _is_new(version: str, op: str, attribute: str) -> bool:
    return not op_releases.is_known(version, op, attribute)


@graph_pass(effect="unchecked", source="graph_transforms/remove_attribute.cc")
@also_in_functions
def remove_attribute(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    attribute_name: Annotated[str, Arg("The attribute to remove.", "_output_shapes")],
    op_name: Annotated[str, Arg('Only from nodes of this op type; "*" for all.')] = "*",
    functions: InFunctions = False,
) -> None:
    """Remove an attribute from all nodes, or from those of one op type.

    As in the tool, this includes attributes that the op needs: such a graph cannot be imported.
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
    old_attribute_name: Annotated[str, Arg("The present name of the attribute.", "layout")],
    new_attribute_name: Annotated[str, Arg("The new name of the attribute.", "data_format")],
    op_name: Annotated[
        str, Arg('Only on nodes of this op type, the first given; "*" for all.', first=True)
    ] = "*",
    functions: InFunctions = False,
) -> None:
    """Rename an attribute, on all nodes or on those of one op type.

    Skipped: nodes that already have an attribute of the new name, where the tool loses a value.
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
