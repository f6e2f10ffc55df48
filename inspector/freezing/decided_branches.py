"""Removes the branches that a fixed input decides, before variables become constants."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from inspector.errors import FreezeError
from inspector.graph.branches.dead_branches import without_dead_branches
from inspector.graph.functions import reachable
from inspector.graph.graph import Graph, node_name


def remove(graph: Graph, outputs: Collection[str], others: Iterable[str], what: str) -> Graph:
    """The graph without the branches that constants decide, and without functions left over.

    Args:
        outputs: Node or tensor names.
        others: Nodes that stay as well, as the init op.
        what: The model's name, for the error.
    Raises: FreezeError for an output in a branch that never runs; InvalidGraph, LimitExceeded,
        CorruptModel.
    """
    pruned = without_dead_branches(graph, [*outputs, *others])
    for name in outputs:
        if node_name(name) in pruned.stays:
            reason = f"{pruned.stays[node_name(name)]}; take what the fixed inputs leave"
            raise FreezeError(what, f"output '{name}'", reason)
    after = pruned.graph
    if not pruned.calls and after.library is graph.library:
        return after
    return after.with_library(reachable(after.library, after.nodes))
