"""inline_partitionedcall: calls of functions replaced by the nodes of the function."""

from __future__ import annotations

from inspector.edit import GraphEdit
from inspector.errors import TransformFailed
from inspector.functions import CALLS, Library
from inspector.graph import data_inputs
from inspector.inlining import inline_whole
from inspector.passes.base import PassContext, graph_pass
from inspector.passes.branches import inside
from inspector.protos import NodeDef

_NAME = "inline_partitionedcall"


@graph_pass(effect="exact", source="graph_transforms/inline_partitionedcall.cc")
def inline_partitionedcall(edit: GraphEdit, ctx: PassContext) -> None:
    """Put the nodes of functions in the place of the calls.

    They are named ``call/node``. Beside PartitionedCall also StatefulPartitionedCall and calls by
    function name, and all levels at once: the tool does one level of the first. Right where the
    tool breaks the graph: control inputs of and on calls and inside bodies, named outputs, returned
    arguments, loops and branches of TensorFlow 1. A call that is an output, or changes state,
    keeps its name as Identity or IdentityN. The function library stays.
    """
    library = Library(edit.library)
    calls = [node for node in edit.nodes() if node.op in CALLS or library.called(node)]
    if not calls:
        return
    for node in calls:
        name = _function(node) if node.op in CALLS else node.op
        if name not in library.functions:
            raise TransformFailed(_NAME, node.name, f"function {name} Not found")
        if node.name in ctx.feeds:
            edit.skip(node, "is an input")
        elif len(library.body(name, node).args) != len(data_inputs(node)):
            reason = f"Called function {name} has invalid input signature."
            raise TransformFailed(_NAME, node.name, reason)
    nodes = inline_whole(
        edit.graph, keep=ctx.fetches - ctx.feeds, leave=ctx.feeds, inside=inside(edit.graph)
    )
    _take(edit, nodes, {node.name for node in calls})


def _function(node: NodeDef) -> str:
    if "f" not in node.attr:
        raise TransformFailed(_NAME, node.name, f"Node {node.name} has no attribute: f")
    return str(node.attr["f"].func.name)


def _take(edit: GraphEdit, nodes: list[NodeDef], calls: set[str]) -> None:
    """Make these the nodes of the session, in their order, and say where each came from."""
    left = {node.name for node in nodes}
    for node in list(edit.nodes()):
        if node.name not in left:
            edit.explain(node.name, "the nodes of its function stand for it")
            edit.remove(node.name)
    for node in nodes:
        old = edit.get(node.name)
        if old is node:
            continue
        if old is None:
            edit.explain(node.name, "a node of an inlined function", *_origin(node.name, calls))
            edit.add(node)
        else:
            rule = "hands on what its function gives" if node.name in calls else "reads past a call"
            edit.explain(node.name, rule)
            edit.replace(node)
    edit.reorder([node.name for node in nodes])


def _origin(name: str, calls: set[str]) -> list[str]:
    """The call that a node named ``call/node`` comes from."""
    while name and name not in calls:
        name = name.rpartition("/")[0]
    return [name] if name else []
