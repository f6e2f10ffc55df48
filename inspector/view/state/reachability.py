"""Nodes upstream and downstream of a node, and those that freezing with given picks keeps.

All over the node table: the web process computes it without a job.

Example:
    >>> mask = frozen_mask(table, outputs=["probs"], inputs=["conv1/Relu"])
    >>> int(mask.sum()), boxes_with(tree, ["conv1/", "probs"], mask)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from inspector.view.table.adjacency import reachable
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import Hierarchy

Mask = npt.NDArray[np.bool_]
"""Per node of the table: whether it belongs to the set."""

UP, DOWN, BOTH, BETWEEN = "up", "down", "both", "between"
TRACES = (UP, DOWN, BOTH, BETWEEN)


def frozen_mask(table: NodeTable, outputs: Iterable[str], inputs: Iterable[str] = ()) -> Mask:
    """The nodes that freezing keeps: what the outputs depend on, up to the inputs.

    Control inputs count, as in freezing. Unknown names are ignored.
    """
    return _walk(
        table, _nodes(table, outputs), table.needed.__getitem__, set(_nodes(table, inputs))
    )


def traced(table: NodeTable, names: Sequence[str], trace: str) -> Mask:
    """The nodes that a trace highlights.

    Args:
        names: Nodes to start from.
        trace: ``up``: what they depend on; ``down``: what depends on them; ``both``; ``between``:
            what lies on a path from one of them to another, each with the last of the names.
    """
    if trace == BETWEEN and len(names) > 1:
        return _between(table, names)
    starts = _nodes(table, names)
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[starts] = True
    if trace in (UP, BOTH, BETWEEN):
        mask |= _walk(table, starts, table.needed.__getitem__)
    if trace in (DOWN, BOTH, BETWEEN):
        mask |= _walk(table, starts, _after(table))
    return mask


def _between(table: NodeTable, names: Sequence[str]) -> Mask:
    last = _nodes(table, names[-1:])
    before, after = _walk(table, last, table.needed.__getitem__), _walk(table, last, _after(table))
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[last] = True
    for start in _nodes(table, names[:-1]):
        mask[start] = True
        if before[start]:
            mask |= before & _walk(table, [start], _after(table))
        if after[start]:
            mask |= after & _walk(table, [start], table.needed.__getitem__)
    return mask


def mask_of(table: NodeTable, nodes: Sequence[int]) -> Mask:
    """The mask of these nodes."""
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[nodes] = True
    return mask


def boxes_with(tree: Hierarchy, names: Sequence[str], mask: Mask) -> list[bool]:
    """Per box or scope of these names, whether one of its nodes is in the mask.

    Nodes that are folded into a box count.
    """
    index = tree.columns
    sums = index.sums(mask)
    has_node = []
    for name in names:
        item = tree.item(name)
        first, last = (0, 0) if item is None else index.span(item)
        has_node.append(bool(sums[last] > sums[first]))
    return has_node


def _nodes(table: NodeTable, names: Iterable[str]) -> list[int]:
    return [node for name in names if (node := table.get(name)) is not None]


def _after(table: NodeTable) -> Callable[[int], Iterable[int]]:
    consumers, waiting = table.consumers, table.waiting
    if not waiting:
        return consumers.__getitem__
    return lambda node: (*consumers[node], *waiting.get(node, ()))


def _walk(
    table: NodeTable,
    starts: Iterable[int],
    step: Callable[[int], Iterable[int]],
    stop: frozenset[int] | set[int] = frozenset(),
) -> Mask:
    return np.frombuffer(reachable(len(table), starts, step, stop), dtype=np.bool_)
