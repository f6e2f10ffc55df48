"""Replaces refused nodes that TensorFlow would run while it imports a graph.

To infer shapes, the importer evaluates the constant part of a graph:
``Reshape(x, DecodeRaw(ReadFile))`` reads the file although no run was requested. So every refused
stateless node of the main graph is replaced by placeholders of its dtypes before the import. A run
that reaches such a node is refused anyway (`reach`). The importer evaluates neither function bodies
nor stateful ops.

Source: tensorflow/core/common_runtime/eval_const_tensor.cc.
"""

from __future__ import annotations

import functools

from inspector.graph import op_safety, opdefs
from inspector.graph.graph import Names
from inspector.graph.protos import GraphDef


@functools.cache
def _candidates() -> frozenset[str]:
    """The stateless ops that are refused, always or depending on an attribute."""
    refused = {op for op in opdefs.known_ops() if op_safety.is_refused(op)}
    return frozenset(op for op in refused | set(op_safety.ATTRIBUTE_RULES) if _is_computed(op))


def _is_computed(op: str) -> bool:
    return op != "Const" and not opdefs.is_stateful(op)


def seal(graph_def: GraphDef) -> list[str]:
    """Replace, in place, the nodes that the importer must not run.

    Args:
        graph_def: A GraphDef of any class, TensorFlow's or ours.
    Returns: The names of the nodes replaced.
    """
    sealed = [
        node
        for node in graph_def.node
        if node.op in _candidates() and op_safety.ruling(node).severity == op_safety.BLOCK
    ]
    names = Names(node.name for node in graph_def.node) if sealed else Names()
    replaced = []
    for node in sealed:
        dtypes = opdefs.output_dtypes(node)
        if not dtypes:
            continue  # no outputs: the importer never evaluates it
        node.ClearField("input")
        node.attr.clear()
        if len(dtypes) == 1:
            node.op = "Placeholder"
            node.attr["dtype"].type = dtypes[0]
        else:
            node.op = "IdentityN"
            node.attr["T"].list.type.extend(dtypes)
            for port, dtype in enumerate(dtypes):
                name = names.free(f"{node.name}/_sealed_{port}")
                graph_def.node.add(name=name, op="Placeholder").attr["dtype"].type = dtype
                node.input.append(name)
        replaced.append(node.name)
    return replaced
