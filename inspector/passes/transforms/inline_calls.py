"""inline_partitionedcall, inline_functions: replace calls by the nodes of their functions."""

from __future__ import annotations

from typing import Annotated

from inspector.errors import LimitExceeded, TransformFailed
from inspector.graph.control_flow import names_inside
from inspector.graph.edit import GraphEdit
from inspector.graph.functions import Library
from inspector.graph.graph import Graph, data_inputs
from inspector.graph.inline import inline_whole
from inspector.graph.op_sets import CALLS, IFS, WHILES
from inspector.graph.protos import NodeDef
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.node_list import adopt
from inspector.passes.transforms.lower_control_flow import endless, lower, why_not

_MAX_DEPTH = 50
"""Nesting depth of loops and branches that are lowered, at most."""


@graph_pass(effect="exact", source="graph_transforms/inline_partitionedcall.cc")
def inline_partitionedcall(edit: GraphEdit, ctx: PassContext) -> None:
    """Replace calls by the nodes of their functions.

    The nodes are named ``call/node``. It inlines PartitionedCall, StatefulPartitionedCall and calls
    by function name, at all levels; the tool inlines one level of PartitionedCall. Correct where
    the tool breaks the graph: control inputs of and on calls and in bodies, named outputs, returned
    arguments, loops and branches of TensorFlow 1. A call that is an output, or changes state, is
    replaced by an Identity or IdentityN of its name. The function library stays.
    """
    calls = _check(edit, ctx, edit.graph, "inline_partitionedcall")
    if calls:
        _take(edit, list(_inlined(edit, ctx, edit.graph)), calls)


@graph_pass(effect="exact", source="inspector")
def inline_functions(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    control_flow: Annotated[
        str,
        Arg(
            "keep: While and If stay, with their bodies in the library; lower: they become the "
            "loops and branches of TensorFlow 1, with their bodies inlined.",
            choices=("keep", "lower"),
        ),
    ] = "keep",
) -> None:
    """Replace all calls by the nodes of their functions, on request also While and If.

    A TensorFlow 2 export can then use the same transforms as a graph of TensorFlow 1. Nodes are
    named ``call/node``; a While or an If that is an output is replaced by an Identity or IdentityN
    of its name. Skipped: Case, recursive functions, conditions that are no bool.
    """
    graph, library = edit.graph, Library(edit.library)
    recursive = endless(library) if control_flow == "lower" else set()
    replaced: set[str] = set()
    for _ in range(_MAX_DEPTH):
        calls = _check(edit, ctx, graph, "inline_functions")
        if calls - ctx.feeds:
            graph = _inlined(edit, ctx, graph)
        flows: set[str] = set()
        if control_flow == "lower":
            flows = _lowerable(edit, ctx, graph, library, recursive)
        replaced |= calls | flows
        if not flows:
            break
        ctx.check_cancelled("inline_functions")
        graph = lower(graph, flows, flows & ctx.fetches)
    else:
        reason = f"more than {_MAX_DEPTH} loops and branches inside each other"
        raise LimitExceeded("graph", "functions", reason)
    if replaced:
        _take(edit, list(graph), replaced)


def _lowerable(
    edit: GraphEdit, ctx: PassContext, graph: Graph, library: Library, recursive: set[str]
) -> set[str]:
    """Names of the While and If nodes that can be lowered; the others are recorded as skipped."""
    names: set[str] = set()
    reported = {skip.name for skip in edit.skipped}
    for node in graph.nodes:
        if node.op not in IFS | WHILES or node.name in edit.hidden:
            continue
        why = "is an input" if node.name in ctx.feeds else why_not(node, library, recursive)
        if not why:
            names.add(node.name)
        elif node.name not in reported:
            edit.skip(node, why)
    return names


def _check(edit: GraphEdit, ctx: PassContext, graph: Graph, transform: str) -> set[str]:
    """Names of all calls but those upstream of an input.

    Raises: TransformFailed for a missing function or a wrong signature.
    """
    library = Library(graph.library)
    calls = [
        node
        for node in graph.nodes
        if (node.op in CALLS or library.called(node)) and node.name not in edit.hidden
    ]
    for node in calls:
        name = _function(node, transform) if node.op in CALLS else node.op
        if name not in library.functions:
            raise TransformFailed(transform, node.name, f"function {name} Not found")
        if node.name in ctx.feeds:
            if graph is edit.graph:
                edit.skip(node, "is an input")
        elif len(library.body(name, node).args) != len(data_inputs(node)):
            reason = f"Called function {name} has invalid input signature."
            raise TransformFailed(transform, node.name, reason)
    return {node.name for node in calls}


def _inlined(edit: GraphEdit, ctx: PassContext, graph: Graph) -> Graph:
    keep, leave = ctx.fetches - ctx.feeds, ctx.feeds | edit.hidden
    return graph.with_nodes(inline_whole(graph, keep=keep, leave=leave, inside=names_inside(graph)))


def _function(node: NodeDef, transform: str) -> str:
    if "f" not in node.attr:
        raise TransformFailed(transform, node.name, f"Node {node.name} has no attribute: f")
    return str(node.attr["f"].func.name)


def _take(edit: GraphEdit, nodes: list[NodeDef], calls: set[str]) -> None:
    """Replace the nodes of the edit by these, in this order, and record their origin."""

    def explain(old: NodeDef | None, new: NodeDef | None) -> None:
        if new is None:
            assert old is not None
            edit.explain(old.name, "the nodes of its function stand for it")
        elif old is None:
            edit.explain(new.name, "a node of an inlined function", *_origin(new.name, calls))
        elif new.name in calls:
            edit.explain(new.name, "hands on what its function gives")
        else:
            edit.explain(new.name, "reads past a call")

    adopt(edit, nodes, explain)


def _origin(name: str, calls: set[str]) -> list[str]:
    """The call that a node named ``call/node`` comes from."""
    while name and name not in calls:
        name = name.rpartition("/")[0]
    return [name] if name else []
