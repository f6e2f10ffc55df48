"""Passes that give nodes other names; whoever refers to them follows."""

from __future__ import annotations

import re
from typing import Annotated

from inspector.edit import GraphEdit
from inspector.errors import BadParameter, TransformFailed, did_you_mean
from inspector.graph import node_name
from inspector.passes.base import Arg, PassContext, graph_pass

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", re.ASCII)


@graph_pass(effect="exact", source="graph_transforms/rename_node.cc")
def rename_node(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    old_node_name: Annotated[str, Arg("The node's name now.", "x")],
    new_node_name: Annotated[str, Arg("The name it gets; no node may have it.", "image")],
) -> None:
    """Give one node another name; inputs, control inputs and colocations follow.

    As in the tool, an input or output that is renamed goes by its old name in later transforms,
    and nothing happens where there is no such node; the record says so.
    """
    if old_node_name not in edit:
        known = (node.name for node in edit.nodes())
        ctx.warnings.append(
            f"no node is named '{old_node_name}'" + did_you_mean(old_node_name, known)
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
    """Give all nodes but inputs and outputs short names: 0, 1 ... a ... Z, 10 and so on.

    The names are the tool's. Inputs and outputs keep theirs with a port, too (``x:0``), and
    colocations follow; the tool renamed the one and left the other dangling.
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
