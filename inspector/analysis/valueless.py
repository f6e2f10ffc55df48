"""Outputs that give no value: a NoOp, a group of assigns, a call that returns nothing."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.analysis.outputs import suggest
from inspector.errors import BadFetch, or_rather
from inspector.graph import opdefs
from inspector.graph.functions import Library
from inspector.graph.graph import Graph, node_name
from inspector.model.model import Model


def refuse_valueless(model: Model, graph: Graph, names: Iterable[str]) -> None:
    """Raise BadFetch for the first name of a node that has no output tensors.

    Args:
        graph: The main graph of the model, or one made of it; a name that is not in it passes.
        names: Nodes or tensors; of a control input (``^name``) others say that it is no tensor.
    """
    if graph.columns().repeat:
        return  # which node is meant is not certain, and for that the graph is refused
    nodes = [(name, graph.get(node_name(name))) for name in names]
    signatures = Library(graph.library, model.custom_ops).signatures
    for name, node in nodes:
        if name.startswith("^") or node is None:
            continue
        if opdefs.output_dtypes(node, signatures) == []:
            article = "an" if node.op[:1] in "AEIOU" else "a"
            reason = f"it is {article} {node.op} and gives no value"
            hint = or_rather(_candidates(model, graph, node.name))
            raise BadFetch(model.name, f"output '{name}'", reason + hint)


def _candidates(model: Model, graph: Graph, name: str) -> list[str]:
    """The suggested outputs that the node waits for, else all."""
    suggestions = [item.name for item in suggest(model)]
    needed = graph.ancestors([name])
    return [item for item in suggestions if node_name(item) in needed] or suggestions
