"""Gives a model that declares no init op the one that its graph holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from inspector.errors import BadFetch, UnknownNode, did_you_mean
from inspector.graph.graph import Graph, Names, data_inputs, node_name, with_inputs
from inspector.graph.op_sets import REQUIRED_PLACEHOLDERS, TABLE_FILES
from inspector.graph.protos import NodeDef
from inspector.model import initial_state
from inspector.model.model import Model

GROUP = "init_frozen"
"""The name of a new node that runs all initialisers."""


def with_init_op(model: Model, outputs: Iterable[str], init_op: str | None = None) -> Model:
    """The model with the init op that a run of these outputs needs; itself if it has one.

    Where several nodes of the graph have to run, and no NoOp of it runs just these, a new NoOp
    does.

    Args:
        outputs: Node or tensor names.
        init_op: The node that the user names; it replaces the one that the file declares.
    Raises: UnknownNode for an init op that is not in the graph, BadFetch for one that needs a feed.
    """
    if init_op is not None:
        return replace(model, init_op=_named(model, init_op))
    if model.init_op is not None or not model.holds_ops:
        return model
    state = initial_state.find_in(model, outputs)
    if not state.nodes or state.missing:
        return model
    if len(state.init_ops) == 1:
        return replace(model, init_op=state.init_ops[0])
    if state.group is not None:
        return replace(model, init_op=state.group, graph=_cut(model.graph, state), source=None)
    group = NodeDef(name=Names(node.name for node in model.graph).free(GROUP), op="NoOp")
    group.input.extend(f"^{name}" for name in state.nodes)
    graph = model.graph.with_nodes([*model.graph, group])
    return replace(model, init_op=group.name, graph=graph, source=None)


def _named(model: Model, init_op: str) -> str:
    """The name of the node that the user names as the init op."""
    graph, name = model.outline, node_name(init_op)
    where = f"init op '{init_op}'"
    if name not in graph:
        reason = "no node of this name" + did_you_mean(name, (node.name for node in graph))
        raise UnknownNode(model.name, where, reason)
    needed = graph.ancestors([name]) - {node_name(asset.tensor) for asset in model.assets}
    fed = [n.name for n in graph if n.op in REQUIRED_PLACEHOLDERS and n.name in needed]
    if fed:
        reason = (
            f"it needs a value for the placeholder '{fed[0]}', and an init op runs without feeds"
        )
        raise BadFetch(model.name, where, reason)
    return name


def _left_empty(model: Model, outputs: Iterable[str], init_op: str) -> list[str]:
    """One sentence for each table that the init op of the user leaves empty."""
    graph = model.outline
    names = (node_name(name) for name in (*outputs, init_op))
    needed = graph.ancestors(name for name in names if name in graph)
    part = graph.with_nodes(node for node in graph if node.name in needed)
    empty = initial_state.find(part, outputs, variables=False).empty
    why = f"the init op '{init_op}' does not fill it"
    return [f"The table '{name}' stays empty: {why}." for name in empty]


def table_notes(model: Model, outputs: Sequence[str], init_op: str | None = None) -> list[str]:
    """One sentence for each table that nothing fills, or that a file outside of the model fills.

    Args:
        model: As it was opened, before `with_init_op`.
        outputs: Node or tensor names; tables that they do not need are not looked at.
        init_op: The node that the user names.
    """
    if init_op is not None:
        return _left_empty(model, outputs, init_op)
    if model.init_op is not None or not model.holds_ops:
        return []
    state = initial_state.find_in(model, outputs)
    notes = [f"The table '{name}' stays empty: {why}." for name, why in state.empty.items()]
    inside = {node_name(asset.tensor) for asset in model.assets}
    for name in state.nodes:
        node = model.outline.node(name)
        sources = {node_name(text) for text in data_inputs(node)[1:]}
        if node.op in TABLE_FILES and not sources & inside:
            notes.append(
                f"'{name}' fills its table from a file that is not part of the model: the result "
                "runs only where that file is."
            )
    return notes


def _cut(graph: Graph, state: initial_state.InitialState) -> Graph:
    """The graph with a group that runs the nodes of the state alone."""
    assert state.group is not None
    inside = graph.ancestors([state.group])
    members = graph.descendants(state.nodes) & inside
    return graph.with_nodes(
        _only(node, members)
        if node.op == "NoOp" and node.name in members and node.name not in state.nodes
        else node
        for node in graph
    )


def _only(group: NodeDef, members: Collection[str]) -> NodeDef:
    return with_inputs(group, [text for text in group.input if node_name(text) in members])
