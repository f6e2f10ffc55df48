"""The graph that a signature runs: the main graph, or the body of the function that it calls."""

from __future__ import annotations

from inspector.graph.graph import Graph, node_name
from inspector.graph.inline import calls, inline
from inspector.graph.protos import SignatureDef
from inspector.model import signatures
from inspector.model.model import Model


def serving_graph(model: Model, signature: str | None = None) -> Graph:
    """The graph that a signature runs; for display, see `Model.outline`.

    For TensorFlow 2, where the outputs of the signature are calls: these inlined, and pruned to
    the outputs; variables are still variables. For all others the main graph as it is.

    Raises: UnknownSignature, InvalidGraph, CorruptModel, LimitExceeded.
    """
    key = model.key(signature)
    graph = model.outline
    if key is None or not model.holds_ops:
        return graph
    if key not in model.served:
        roots = fetched_nodes(model.signatures[key], graph)
        is_called = bool(calls(graph, roots))
        model.served[key] = inline(graph, roots, ops=model.custom_ops) if is_called else graph
    return model.served[key]


def fetched_nodes(signature: SignatureDef, graph: Graph) -> list[str]:
    """The nodes of the tensors that a signature fetches."""
    names = [node_name(name) for name in signatures.output_tensors(signature)]
    return [name for name in dict.fromkeys(names) if name in graph]
