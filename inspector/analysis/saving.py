"""Recognises a graph that only saves, restores and initialises, and computes no output.

TensorFlow 2 exports an object without signatures so: its functions are in the library, and the main
graph calls only those of the saver. `compatibility` warns of it; `outputs` and `safety.scan` then
look for no outputs.
"""

from __future__ import annotations

from inspector.graph.functions import function_names
from inspector.graph.graph import Graph

_SAVES = {"SaveV2", "RestoreV2"}
_HOLDS = {"Const", "NoOp", "Identity", "Placeholder", "VarHandleOp", "ReadVariableOp"}
_HOLDS |= {"VarIsInitializedOp", "HashTable", "HashTableV2"}
_HOLDS |= {"MutableHashTable", "MutableHashTableV2", "MutableDenseHashTableV2"}


def only_saves(graph: Graph, init_op: str | None = None) -> bool:
    """True where every call belongs to the saver or the init op, and no other node computes."""
    savers = {
        function.signature.name
        for function in graph.library.function
        if any(node.op in _SAVES for node in function.node_def)
    }
    if not savers:
        return False
    calls = [
        node
        for node in graph
        if node.op not in _HOLDS
        and (node.op in savers or not savers.isdisjoint(function_names(node)))
    ]
    if not calls:
        return False
    accounted = {node.name for node in calls}
    if init_op is not None and init_op in graph:
        accounted |= graph.ancestors([init_op])
    return all(node.op in _HOLDS or node.name in accounted for node in graph)
