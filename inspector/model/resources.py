"""Which variable or table a node holds: two nodes may stand for one."""

from __future__ import annotations

from inspector.graph import opdefs
from inspector.graph.op_sets import TABLES, VARIABLES
from inspector.graph.protos import NodeDef

_NAMED = VARIABLES | TABLES

Identity = tuple[str, str, str]


def identity(node: NodeDef, name: str | None = None) -> Identity | None:
    """Kind, container and shared name of a node's resource; None if the node holds none.

    Two nodes with one identity are the same variable or table.

    Args:
        name: The node's name, where `node` only stands for its kind.
    """
    if node.op not in _NAMED and (
        "shared_name" not in node.attr or not opdefs.is_stateful(node.op)
    ):
        return None
    shared = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    container = node.attr["container"].s if "container" in node.attr else b""
    own = shared.decode(errors="replace") or (node.name if name is None else name)
    return "table" if node.op in TABLES else "", container.decode(errors="replace"), own
