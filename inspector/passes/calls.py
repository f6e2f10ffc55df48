"""Calls of library functions: what runs when a node runs."""

from __future__ import annotations

from inspector import opdefs
from inspector.flagged import is_blocked
from inspector.graph import Graph
from inspector.protos import NodeDef


class Functions:
    """Which library functions may run: neither state nor what reaches beyond the model inside."""

    def __init__(self, graph: Graph) -> None:
        self.bodies = {item.signature.name: item.node_def for item in graph.library.function}

    def may_run(self, node: NodeDef) -> bool:
        """True if all functions that a node calls, and those they call, may run."""
        if not self.bodies:
            return True
        todo = _called(node)
        seen = set(todo)
        while todo:
            name = todo.pop()
            for inner in self.bodies.get(name, ()):
                if inner.op not in self.bodies and (
                    opdefs.is_stateful(inner.op) or is_blocked(inner.op)
                ):
                    return False
                fresh = {item for item in (*_called(inner), inner.op) if item not in seen}
                seen |= fresh
                todo += [item for item in fresh if item in self.bodies]
        return True


def _called(node: NodeDef) -> list[str]:
    names: list[str] = []
    for value in node.attr.values():
        if value.WhichOneof("value") == "func":
            names.append(value.func.name)
        elif value.WhichOneof("value") == "list":
            names += [item.name for item in value.list.func]
    return names
