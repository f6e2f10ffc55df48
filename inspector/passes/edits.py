"""Passes that only edit what nodes say of themselves."""

from __future__ import annotations

from inspector.edit import GraphEdit
from inspector.passes.base import PassContext, graph_pass


@graph_pass(effect="exact", source="graph_transforms/set_device.cc")
def remove_device(edit: GraphEdit, ctx: PassContext) -> None:
    """Clear the device of every node, so that the graph runs on whatever is there."""
    for node in edit.nodes():
        if node.device:
            edit.explain(node.name, "its device is left open", node.device)
            edit.mutable(node.name).device = ""
