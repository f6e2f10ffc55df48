"""Replaces all nodes of an edit at once, and finds the neighbours of a node in the list."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection

from inspector.graph.edit import GraphEdit
from inspector.graph.protos import NodeDef

Explain = Callable[[NodeDef | None, NodeDef | None], None]
"""Called with a node and its replacement before each change; None for none."""


def adopt(edit: GraphEdit, nodes: Collection[NodeDef], explain: Explain | None = None) -> None:
    """Make these the nodes of the edit, in this order; nothing changes if all are equal.

    Args:
        explain: Records why a node is removed, added or replaced.
    """
    names = {node.name for node in nodes}
    changes: list[tuple[NodeDef | None, NodeDef | None]] = [
        (node, None) for node in edit.nodes() if node.name not in names
    ]
    for node in nodes:
        old = edit.get(node.name)
        if old is not node and old != node:
            changes.append((old, node))
    for old, new in changes:
        if explain is not None:
            explain(old, new)
        if new is None:
            assert old is not None
            edit.remove(old.name)
        elif old is None:
            edit.add(new)
        else:
            edit.replace(new)
    if changes:
        edit.reorder([node.name for node in nodes])


def successors(edit: GraphEdit) -> dict[str, str]:
    """Name of each node to the name of the next one in the list."""
    return dict(itertools.pairwise(node.name for node in edit.nodes()))
