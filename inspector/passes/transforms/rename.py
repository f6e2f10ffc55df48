"""Passes that rename nodes and all references to them."""

from __future__ import annotations

import re
from typing import Annotated

from inspector.errors import BadParameter, TransformFailed, did_you_mean
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import node_name
from inspector.passes.base import Arg, PassContext, graph_pass

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", re.ASCII)


@graph_pass(effect="exact", source="graph_transforms/rename_node.cc")
def rename_node(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    old_node_name: Annotated[str, Arg("The present name of the node.", "x")],
    new_node_name: Annotated[str, Arg("The new name, which no node may have.", "image")],
) -> None:
    """Rename one node, with all inputs, control inputs and colocations that refer to it.

    As in the tool, later transforms still look for an input or output under its old name, and a
    missing node is no error; the record has a warning for both.
    """
    if old_node_name not in edit:
        names = (node.name for node in edit.nodes())
        ctx.warnings.append(
            f"no node is named '{old_node_name}'" + did_you_mean(old_node_name, names)
        )
        return
    if new_node_name in edit:
        reason = f"A node is already using {new_node_name} as name"
        raise TransformFailed("rename_node", old_node_name, reason)
    if not _NAME.fullmatch(new_node_name):
        reason = f"'{new_node_name}' is no name that TensorFlow gives a node"
        raise BadParameter("rename_node", "new_node_name", reason)
    if old_node_name in ctx.boundary:
        ctx.warnings.append(
            f"'{old_node_name}' is an input or output; after this it is '{new_node_name}'"
        )
    edit.rename({old_node_name: new_node_name})


@graph_pass(effect="exact", source="graph_transforms/obfuscate_names.cc")
def obfuscate_names(edit: GraphEdit, ctx: PassContext) -> None:
    """Rename all nodes but inputs and outputs to short names: 0, 1 ... a ... Z, 10 and so on.

    The names are those of the tool. Inputs and outputs keep their names also if given with a port
    (``x:0``), and colocations are renamed; the tool did neither.
    """
    table: dict[str, str] = {}
    count = 0
    for node in edit.nodes():
        for text in node.input:
            if node_name(text) not in edit:
                reason = f"No node named {node_name(text)} for input to {node.name}"
                raise TransformFailed("obfuscate_names", node.name, reason)
        if node.name in ctx.boundary:
            continue
        while (short := _short(count)) in ctx.boundary:
            count += 1
        count += 1
        if short != node.name:
            table[node.name] = short
    edit.rename(table)


def _short(number: int) -> str:
    text = _DIGITS[number % 62]
    while number := number // 62:
        text = _DIGITS[number % 62] + text
    return text
