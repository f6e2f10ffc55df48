"""Replaces all nodes of an edit at once, and finds the neighbours of a node in the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, pairwise

from inspector.graph.edit import GraphEdit
from inspector.graph.protos import NodeDef

Explain = Callable[[NodeDef | None, NodeDef | None], None]
"""Called with a node and its replacement before each change; None for none."""


def adopt(
    edit: GraphEdit,
    nodes: Iterable[NodeDef],
    explain: Explain | None = None,
    moved: Mapping[str, str] | None = None,
) -> None:
    """Make these the nodes of the edit, in this order; nothing changes if all are equal.

    Args:
        explain: Records why a node is removed, added or replaced.
        moved: Name of a node that goes to the one that stands for it; see `GraphEdit.remove`.
    """
    after: dict[str, NodeDef] = {}
    changes: list[tuple[NodeDef | None, NodeDef | None]] = []
    for node in nodes:
        name = node.name
        old = edit.get(name)
        if old is node or (old is not None and old == node):
            after[name] = old
        else:
            after[name] = node
            changes.append((old, node))
    gone = [(node, None) for node in edit.nodes() if node.name not in after]
    if not gone and not changes:
        return
    if explain is not None:
        for old, new in chain(gone, changes):
            explain(old, new)
    edit.take(after, moved or {})


def successors(edit: GraphEdit) -> dict[str, str]:
    """Name of each node to the name of the next one in the list."""
    return dict(pairwise(node.name for node in edit.nodes()))
