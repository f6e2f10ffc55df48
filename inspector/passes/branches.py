"""What lies inside the loops and branches of TensorFlow 1, which are plain nodes of the graph.

There a node without data inputs belongs to its loop or branch through a control input only: an
edge that says where it runs, and not just when.
"""

from __future__ import annotations

from inspector.graph import BACK_EDGES, MERGES, Graph

SWITCHES = frozenset({"Switch", "RefSwitch", "_SwitchN"})
ENTERS = frozenset({"Enter", "RefEnter"})
EXITS = frozenset({"Exit", "RefExit"})
CONTROL_FLOW = SWITCHES | MERGES | BACK_EDGES | ENTERS | EXITS | {"LoopCond"}
"""Ops that make the loops and branches of TensorFlow 1."""


def inside(graph: Graph) -> set[str]:
    """Names of the nodes in a loop, from Enter to Exit, or in a branch, from Switch to Merge."""
    loops = _between(graph, ENTERS, EXITS)
    return loops | _between(graph, SWITCHES, EXITS | MERGES)


def _between(graph: Graph, first: frozenset[str], last: frozenset[str]) -> set[str]:
    ends = {node.name for node in graph.nodes if node.op in last}
    starts = (node.name for node in graph.nodes if node.op in first)
    return graph.descendants(starts, stop=ends) - ends
