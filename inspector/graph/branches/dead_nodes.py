"""What never runs in a graph of which constants decide some Switch nodes.

A dead tensor kills what reads it, by data or control; a Merge dies with the last of its inputs.

Source: tensorflow/core/common_runtime/executor.cc, PropagateOutputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from inspector.graph.branches.predicates import PURE
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Graph, control_inputs, data_inputs, node_name, split_input
from inspector.graph.op_sets import MERGES, NEXT_ITERATIONS, PLACEHOLDERS


@dataclass
class Dead:
    """What never runs.

    Attributes:
        nodes: Nodes that never run.
        ports: Ports of the other nodes that never have a value.
        merges: Merge nodes that run, to how many of their inputs before the loop's never arrive.
    """

    nodes: set[str] = field(default_factory=set)
    ports: set[tuple[str, int]] = field(default_factory=set)
    merges: set[str] = field(default_factory=set)

    def has(self, text: str) -> bool:
        """True for an input string that never arrives."""
        name, port, _ = split_input(text)
        return name in self.nodes or (name, port) in self.ports


def dead_nodes(edit: GraphEdit, taken: Mapping[str, int]) -> Dead:
    """What never runs, where of each of these Switch nodes one output alone has a value.

    Args:
        taken: Name of a Switch to that output.
    """
    dead, waiting = Dead(), dict[str, int]()
    todo: list[tuple[str, Set[int] | None]] = []
    for name, live in taken.items():
        read_ports = {port for ports in edit.reads(name).values() for port in ports}
        todo.append((name, read_ports - {live, -1}))
    while todo:
        name, gone = todo.pop()
        if gone is not None:
            dead.ports.update((name, port) for port in gone)
        for reader, ports in edit.reads(name).items():
            if gone is not None:
                hits = [read for read in ports if read in gone]
            else:  # the node itself: what a dead port told its readers counts once
                hits = [read for read in ports if (name, read) not in dead.ports]
            if hits and reader not in dead.nodes and _dies(edit, reader, name, hits, waiting):
                dead.nodes.add(reader)
                todo.append((reader, None))
            elif hits and reader not in dead.nodes:
                dead.merges.add(reader)
    dead.merges -= dead.nodes
    return dead


def _dies(
    edit: GraphEdit, reader: str, source: str, hits: list[int], waiting: dict[str, int]
) -> bool:
    """Whether a node never runs, of which these reads of a node never arrive."""
    node = edit[reader]
    if node.op not in MERGES:
        return True
    if edit[source].op in NEXT_ITERATIONS:
        return False
    if reader not in waiting:
        sources = (edit.get(node_name(text)) for text in data_inputs(node))
        waiting[reader] = sum(
            other is not None and other.op not in NEXT_ITERATIONS for other in sources
        )
    waiting[reader] -= sum(port >= 0 for port in hits)
    return waiting[reader] <= 0


def constant_nodes(graph: Graph, names: Set[str], feeds: Set[str]) -> Set[str]:
    """Those of some nodes that only constants and inputs reach, by ops without effects."""
    if not names:
        return names
    needed = graph.ancestors(names)
    nodes = [node for node in graph if node.name in needed]
    walls = {node.name for node in nodes if node.name in feeds or node.op in PLACEHOLDERS}
    others = [
        node.name
        for node in nodes
        if node.name not in walls
        and (
            node.op not in PURE
            or control_inputs(node)
            or any(node_name(text) not in graph for text in node.input)
        )
    ]
    return names - (graph.descendants(others, walls) - walls)
