"""Nodes of ops that TensorFlow does not have, hidden from it while it rewrites the rest of a graph.

A Placeholder of the node's name stands for its first output, others for the rest. What the node
reads becomes an output that has to be kept; so the node fits when it is put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inspector.graph import opdefs
from inspector.graph.graph import Graph, Names, node_name, split_input, with_inputs
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.tensors import FLOAT, base_dtype


@dataclass(frozen=True)
class Hidden:
    """A graph with Placeholders in place of unknown nodes.

    Attributes:
        graph: The nodes TensorFlow knows, and the Placeholders.
        nodes: The nodes that are hidden.
        inputs: The Placeholders.
        outputs: The nodes that hidden ones read, which must keep their name and what they give.
    """

    graph: Graph
    nodes: tuple[NodeDef, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    _texts: Mapping[str, str]

    def restored(self, graph: Graph) -> Graph:
        """A rewritten graph with the hidden nodes put back. Raises: InvalidGraph (a cycle)."""
        nodes = [
            with_inputs(node, [self._texts.get(text, text) for text in node.input])
            for node in graph
            if node.name not in self.inputs
        ]
        whole = graph.with_nodes([*nodes, *self.nodes])
        return whole.with_nodes(whole.sorted())


def hide_unknown(graph: Graph) -> Hidden | None:
    """Hide the nodes of unknown ops; None without any, or where the dtype of one is not known."""
    unknown = {node.name: node for node in graph if opdefs.get(node.op, graph.library) is None}
    if not unknown:
        return None
    dtypes: dict[tuple[str, int], DTypeEnum] = {}
    for node in graph:
        if node.name not in unknown and not _note_dtypes(graph, node, unknown, dtypes):
            return None
    names = Names(node.name for node in graph)
    texts: dict[str, str] = {}
    placeholders = []
    for name in unknown:
        ports = sorted({port for source, port in dtypes if source == name} - {0})
        # Also where nothing reads the first output: a fetch or a control input may be of that name.
        placeholders.append(_placeholder(name, dtypes.get((name, 0), FLOAT)))
        for port in ports:
            free = names.free(f"{name}_output_{port}")
            placeholders.append(_placeholder(free, dtypes[name, port]))
            texts[f"{name}:{port}"] = free
    nodes = [
        with_inputs(node, [texts.get(text, text) for text in node.input])
        for node in graph
        if node.name not in unknown
    ]
    read = dict.fromkeys(node_name(text) for node in unknown.values() for text in node.input)
    return Hidden(
        graph.with_nodes([*placeholders, *nodes]),
        tuple(unknown.values()),
        tuple(node.name for node in placeholders),
        tuple(name for name in read if name not in unknown),
        {free: text for text, free in texts.items()},
    )


def _note_dtypes(
    graph: Graph,
    node: NodeDef,
    unknown: Mapping[str, NodeDef],
    dtypes: dict[tuple[str, int], DTypeEnum],
) -> bool:
    """Note the dtypes that a node reads of unknown ones; False where they cannot be told."""
    declared: list[DTypeEnum] | None = None
    for place, text in enumerate(node.input):
        source, port, control = split_input(text)
        if control or source not in unknown:
            continue
        declared = declared or opdefs.input_dtypes(node, graph.library)
        if declared is None or place >= len(declared):
            return False
        dtypes[source, port] = base_dtype(declared[place])
    return True


def _placeholder(name: str, dtype: DTypeEnum) -> NodeDef:
    node = NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = dtype
    node.attr["shape"].shape.unknown_rank = True
    return node
