"""The table of passes: what the transforms string, the pages, the docs and the tests know."""

from __future__ import annotations

from inspector.passes.base import Pass
from inspector.passes.cleanup import merge_duplicate_nodes, remove_nodes, sort_by_execution_order
from inspector.passes.strip import strip_unused_nodes

PASSES: dict[str, Pass] = {
    item.name: item
    for item in (
        merge_duplicate_nodes,
        remove_nodes,
        sort_by_execution_order,
        strip_unused_nodes,
    )
}
