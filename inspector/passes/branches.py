"""What lies inside the loops and branches of TensorFlow 1, which are plain nodes of the graph.

There a node without data inputs belongs to its loop or branch through a control input only: an
edge that says where it runs, and not just when.
"""

from __future__ import annotations

from inspector.graph import MERGES, Graph

SWITCHES = frozenset({"Switch", "RefSwitch", "_SwitchN"})
ENTERS = frozenset({"Enter", "RefEnter"})
EXITS = frozenset({"Exit", "RefExit"})


def inside(graph: Graph) -> set[str]:
    """Names of the nodes in a loop, from Enter to Exit, or in a branch, from Switch to Merge."""
    loops = _reach(graph, ENTERS, EXITS)
    return loops | _reach(graph, SWITCHES, EXITS | MERGES)


def _reach(graph: Graph, first: frozenset[str], end: frozenset[str]) -> set[str]:
    todo = [node.name for node in graph.nodes if node.op in first]
    found = set(todo)
    while todo:
        for name in graph.consumers(todo.pop()):
            if name not in found and graph.node(name).op not in end:
                found.add(name)
                todo.append(name)
    return found
