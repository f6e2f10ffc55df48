"""inline_partitionedcall, inline_functions: calls replaced by the nodes of their functions."""

from __future__ import annotations

from typing import Annotated

from inspector.edit import GraphEdit
from inspector.errors import LimitExceeded, TransformFailed
from inspector.functions import CALLS, Library
from inspector.graph import Graph, data_inputs
from inspector.inlining import inline_whole
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.branches import inside
from inspector.passes.lowering import IFS, WHILES, endless, lower, why_not
from inspector.protos import NodeDef

_MOST_LEVELS = 50
"""Loops and branches inside each other that are lowered."""


@graph_pass(effect="exact", source="graph_transforms/inline_partitionedcall.cc")
def inline_partitionedcall(edit: GraphEdit, ctx: PassContext) -> None:
    """Put the nodes of functions in the place of the calls.

    They are named ``call/node``. Beside PartitionedCall also StatefulPartitionedCall and calls by
    function name, and all levels at once: the tool does one level of the first. Right where the
    tool breaks the graph: control inputs of and on calls and inside bodies, named outputs, returned
    arguments, loops and branches of TensorFlow 1. A call that is an output, or changes state,
    keeps its name as Identity or IdentityN. The function library stays.
    """
    calls = _check(edit.graph, ctx, "inline_partitionedcall", edit)
    if calls:
        _take(edit, list(_inlined(edit.graph, ctx)), calls)


@graph_pass(effect="exact", source="inspector")
def inline_functions(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    control_flow: Annotated[
        str,
        Arg(
            "keep: While and If stay, with their bodies in the library; lower: they become the "
            "loops and branches of TensorFlow 1, and their bodies plain nodes.",
            choices=("keep", "lower"),
        ),
    ] = "keep",
) -> None:
    """Put the nodes of functions in the place of all calls, and of While and If where asked.

    So a TensorFlow 2 export goes through the same transforms as a graph of TensorFlow 1. Names are
    ``call/node``; a While or an If that is an output keeps its name as Identity or IdentityN. Left
    alone: Case, functions that call themselves, conditions that are no bool.
    """
    graph, library = edit.graph, Library(edit.library)
    recursive = endless(library) if control_flow == "lower" else set()
    found: set[str] = set()
    for _ in range(_MOST_LEVELS):
        calls = _check(graph, ctx, "inline_functions", edit if graph is edit.graph else None)
        if calls - ctx.feeds:
            graph = _inlined(graph, ctx)
        flows: set[str] = set()
        if control_flow == "lower":
            flows = _lowerable(edit, ctx, graph, library, recursive)
        found |= calls | flows
        if not flows:
            break
        ctx.check_cancelled("inline_functions")
        graph = lower(graph, flows, flows & ctx.fetches)
    else:
        reason = f"more than {_MOST_LEVELS} loops and branches inside each other"
        raise LimitExceeded("graph", "functions", reason)
    if found:
        _take(edit, list(graph), found)


def _lowerable(
    edit: GraphEdit, ctx: PassContext, graph: Graph, library: Library, recursive: set[str]
) -> set[str]:
    """Names of the While and If that can be lowered; of the others the record says why not."""
    names: set[str] = set()
    known = {skip.name for skip in edit.skipped}
    for node in graph.nodes:
        if node.op not in IFS | WHILES:
            continue
        why = "is an input" if node.name in ctx.feeds else why_not(node, library, recursive)
        if not why:
            names.add(node.name)
        elif node.name not in known:
            edit.skip(node, why)
    return names


def _check(graph: Graph, ctx: PassContext, transform: str, edit: GraphEdit | None) -> set[str]:
    """Names of all calls, whose functions must be there and take what they are given."""
    library = Library(graph.library)
    calls = [node for node in graph.nodes if node.op in CALLS or library.called(node)]
    for node in calls:
        name = _function(node, transform) if node.op in CALLS else node.op
        if name not in library.functions:
            raise TransformFailed(transform, node.name, f"function {name} Not found")
        if node.name in ctx.feeds:
            if edit is not None:
                edit.skip(node, "is an input")
        elif len(library.body(name, node).args) != len(data_inputs(node)):
            reason = f"Called function {name} has invalid input signature."
            raise TransformFailed(transform, node.name, reason)
    return {node.name for node in calls}


def _inlined(graph: Graph, ctx: PassContext) -> Graph:
    keep = ctx.fetches - ctx.feeds
    return graph.with_nodes(inline_whole(graph, keep=keep, leave=ctx.feeds, inside=inside(graph)))


def _function(node: NodeDef, transform: str) -> str:
    if "f" not in node.attr:
        raise TransformFailed(transform, node.name, f"Node {node.name} has no attribute: f")
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
