"""Passes that only remove or reorder nodes, without computing values."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from inspector.graph.branches.dead_branches import without_dead_branches
from inspector.graph.branches.predicates import PURE
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import data_inputs, node_name
from inspector.graph.op_sets import BRANCHES, PLACEHOLDERS, SWITCHES
from inspector.graph.protos import NodeDef
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.bodies import InFunctions, also_in_functions
from inspector.passes.rewrite.bypass import Bypass
from inspector.passes.rewrite.duplicates import Duplicates
from inspector.passes.rewrite.node_list import adopt


@graph_pass(effect="unchecked", source="graph_transforms/remove_nodes.cc")
@also_in_functions
def remove_nodes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    op: Annotated[
        tuple[str, ...],
        Arg('Op types to remove, e.g. Identity; "A|B" for several, "*" for all.', "Identity"),
    ],
    max_inputs: Annotated[
        int, Arg("Remove nodes with up to this many data inputs; the first one is used.", bits=32)
    ] = 1,
    functions: InFunctions = False,
) -> None:
    """Remove nodes of these op types; their consumers read the node's first data input instead.

    Feeds and fetches stay. Control inputs of a removed node move to its consumers. Skipped, where
    the tool breaks the graph: nodes with a consumer of another output than the first, nodes that
    change the dtype, control flow of loops and branches.
    """
    for alternatives in op:
        ops = set(alternatives.split("|"))
        for count in range(1, min(max_inputs, len(edit)) + 1):
            nodes = [
                node
                for node in edit.nodes()
                if (node.op in ops or "*" in ops) and len(data_inputs(node)) == count
            ]
            Bypass(edit, ctx, nodes).run()


@graph_pass(effect="exact", source="graph_transforms/sort_by_execution_order.cc")
def sort_by_execution_order(edit: GraphEdit, ctx: PassContext) -> None:
    """Sort the nodes topologically; only the back edges of loops point the other way.

    A graph that is already in such an order does not change.
    """
    edit.reorder([node.name for node in edit.graph.sorted()])


@graph_pass(
    effect="exact",
    source="graph_transforms/fold_constants_lib.cc",
    after="`fold_constants`, which makes more nodes equal.",
)
def merge_duplicate_nodes(edit: GraphEdit, ctx: PassContext) -> None:
    """Merge nodes that compute the same: equal op, inputs, device and attributes.

    Feeds, fetches, stateful nodes and Placeholders are never merged. Constants are compared by
    their encoding, as in the tool. Skipped, where the tool refuses the graph: nodes of ops that
    TensorFlow does not have, which may have state.
    """
    columns = edit.graph.columns()
    equal = Duplicates(columns, edit.library, ctx.boundary | edit.hidden)
    equal.explain(edit)
    names = columns.names
    for number, keeper in equal.moved():
        edit.remove(names[number], names[keeper])
    after, edits = equal.redirected()
    inputs = after.inputs()
    for number in np.flatnonzero(edits).tolist():
        edit.set_inputs(names[number], inputs[number])


@graph_pass(effect="exact", source="inspector")
def remove_dead_branches(edit: GraphEdit, ctx: PassContext) -> None:
    """Remove the branches that a constant decides, with what only they need.

    A Switch, RefSwitch, If or Case whose predicate is computed from constants alone takes one
    branch: the others are removed, consumers of the Merge read what runs, the body of an If or Case
    is inlined as ``name/node``. Predicates are followed through Identity, Cast, comparisons and
    logic, and into functions as their arguments: such a function gets a copy, ``f_decided``. Loops
    stay, and so does everything upstream of an input.
    """
    pruned = without_dead_branches(edit.graph, ctx.outputs, ctx.inputs)
    for name, why in pruned.stays.items():
        edit.skip(name, why)
    if pruned.graph is edit.graph:
        _explain_undecided(edit)
        return

    def explain(old: NodeDef | None, new: NodeDef | None) -> None:
        node = new if old is None else old
        assert node is not None
        default = "a node of the branch that runs" if old is None else "reads past a branch"
        edit.explain(node.name, pruned.why.get(node.name) or default)

    adopt(edit, pruned.graph.nodes, explain)
    edit.library = pruned.graph.library


def _explain_undecided(edit: GraphEdit) -> None:
    """Record the inputs that decide branches: with a fixed value these could be removed."""
    decides: dict[str, int] = {}
    for node in edit.nodes(tuple(SWITCHES | BRANCHES)):
        inputs = data_inputs(node)
        predicate = inputs[0] if node.op in BRANCHES and inputs else inputs[-1] if inputs else ""
        source, passed = edit.get(node_name(predicate)), set[str]()
        while source is not None and source.op in PURE and source.name not in passed:
            passed.add(source.name)
            source = edit.get(node_name(source.input[0])) if source.input else None
        if source is not None and source.op in PLACEHOLDERS:
            decides[source.name] = decides.get(source.name, 0) + 1
    for name, count in decides.items():
        what = "a branch" if count == 1 else f"{count} branches"
        edit.skip(name, f"decides {what} and is no constant: --set {name}=... makes it one")
