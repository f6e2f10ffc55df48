"""A graph that does nothing but save and restore, and prepare what it holds.

TensorFlow 2 exports an object without signatures so: its functions lie in the library, and the main
graph calls none of them, only those that the saver is made of.
"""

from __future__ import annotations

from inspector.functions import function_names
from inspector.graph import Graph

_SAVES = {"SaveV2", "RestoreV2"}
_HOLDS = {"Const", "NoOp", "Identity", "Placeholder", "VarHandleOp", "ReadVariableOp"}
_HOLDS |= {"VarIsInitializedOp", "HashTable", "HashTableV2"}
_HOLDS |= {"MutableHashTable", "MutableHashTableV2", "MutableDenseHashTableV2"}


def only_saves(graph: Graph, init_op: str | None = None) -> bool:
    """True where every call is one of the saver's or the init op's, and no other node computes."""
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
    known = {node.name for node in calls}
    if init_op is not None and init_op in graph:
        known |= graph.ancestors([init_op])
    return all(node.op in _HOLDS or node.name in known for node in graph)
