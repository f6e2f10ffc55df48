"""Cuts the init op of a model down to what the outputs need."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from inspector.graph.graph import Graph, data_inputs, node_name, split_input, with_inputs
from inspector.graph.op_sets import ASSIGNS
from inspector.graph.protos import NodeDef
from inspector.model.resources import identity


def needed_nodes(flat: Graph, needed: set[str], init_op: str | None) -> tuple[list[NodeDef], bool]:
    """The nodes that the outputs need, with the part of the init op that acts on their resources.

    Args:
        needed: Names of the nodes that the outputs need.
    Returns: The nodes, and whether the init op is among them.
    """
    if init_op is not None and init_op in flat and init_op not in needed:
        resources = {identity(node) for node in flat if node.name in needed} - {None}
        touched = flat.descendants(node.name for node in flat if identity(node) in resources)
        if init_op in touched:
            return _joined(flat, needed, init_op, touched), True
    return [node for node in flat if node.name in needed], False


def assigns(nodes: Iterable[NodeDef]) -> list[NodeDef]:
    """The nodes that assign a variable."""
    return [node for node in nodes if node.op in ASSIGNS and len(data_inputs(node)) > 1]


def assigned_from(node: NodeDef, graph: Graph) -> NodeDef | None:
    """The node whose output an Assign op stores, past Identity ops; None if it is missing."""
    text = data_inputs(node)[1]
    for _ in range(len(graph)):
        source = graph.get(node_name(text))
        inputs = [] if source is None else data_inputs(source)
        if source is None or source.op != "Identity" or len(inputs) != 1:
            return source
        text = inputs[0]
    return None


def without(
    nodes: Iterable[NodeDef], gone: Collection[str], init_op: str
) -> tuple[list[NodeDef], bool]:
    """The nodes without those in `gone`, and without NoOps that then have no inputs.

    Returns: The nodes, and whether the init op is still among them.
    """
    remaining = {node.name: node for node in nodes if node.name not in gone}
    todo = list(gone)
    consumers: dict[str, list[str]] = {}
    open_inputs: dict[str, int] = {}
    for node in remaining.values():
        open_inputs[node.name] = len(node.input)
        for text in node.input:
            if text.startswith("^"):
                consumers.setdefault(node_name(text), []).append(node.name)
    dropped = set(gone)
    while todo:
        for reader in consumers.get(todo.pop(), ()):
            open_inputs[reader] -= 1
            if (
                open_inputs[reader] == 0
                and remaining[reader].op == "NoOp"
                and reader not in dropped
            ):
                dropped.add(reader)
                todo.append(reader)
    result = []
    for node in remaining.values():
        if node.name in dropped:
            continue
        inputs = [text for text in node.input if split_input(text).name not in dropped]
        result.append(with_inputs(node, inputs))
    return result, init_op not in dropped


def _joined(flat: Graph, needed: set[str], init_op: str, touched: set[str]) -> list[NodeDef]:
    replaced: dict[str, NodeDef] = {}
    todo = [init_op]
    while todo:
        node = flat.node(todo.pop())
        if node.name in replaced or node.op != "NoOp":
            continue
        copy = NodeDef()
        copy.CopyFrom(node)
        copy.input[:] = [text for text in node.input if node_name(text) in touched]
        todo += [node_name(text) for text in copy.input]
        replaced[node.name] = copy
    nodes: list[NodeDef] = [replaced.get(node.name, node) for node in flat]
    reachable = flat.with_nodes(nodes).ancestors([init_op]) | needed
    return [node for node in nodes if node.name in reachable]
