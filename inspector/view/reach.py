"""Which nodes lead to a node, which it leads to, and what freezing with these picks would keep.

Over the node table, so the web process can tell it before anything is run.

Example:
    >>> mask = kept(table, outputs=["probs"], inputs=["conv1/Relu"])
    >>> int(mask.sum()), boxes_with(tree, ["conv1/", "probs"], mask)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from inspector.view.hierarchy import Hierarchy
from inspector.view.summary import Summary
from inspector.view.tally import tally
from inspector.view.walking import reached

Mask = npt.NDArray[np.bool_]
"""Per node of the table: whether it is meant."""

UP, DOWN, BOTH, BETWEEN = "up", "down", "both", "between"
TRACES = (UP, DOWN, BOTH, BETWEEN)


def kept(table: Summary, outputs: Iterable[str], inputs: Iterable[str] = ()) -> Mask:
    """The nodes that freezing keeps: all that the outputs need, not going past the inputs.

    Control inputs count, as they do when a graph is frozen. Unknown names keep nothing.
    """
    return _walk(
        table, _nodes(table, outputs), table.needed.__getitem__, set(_nodes(table, inputs))
    )


def traced(table: Summary, names: Sequence[str], trace: str) -> Mask:
    """The nodes that a trace lights.

    Args:
        names: Nodes to start from.
        trace: ``up``: what they depend on; ``down``: what depends on them; ``both``; ``between``:
            what lies on a path from one of them to another, each with the last of the names.
    """
    if trace == BETWEEN and len(names) > 1:
        return _between(table, names)
    starts = _nodes(table, names)
    found = np.zeros(len(table), dtype=np.bool_)
    found[starts] = True
    if trace in (UP, BOTH, BETWEEN):
        found |= _walk(table, starts, table.needed.__getitem__)
    if trace in (DOWN, BOTH, BETWEEN):
        found |= _walk(table, starts, _after(table))
    return found


def _between(table: Summary, names: Sequence[str]) -> Mask:
    last = _nodes(table, names[-1:])
    before, after = _walk(table, last, table.needed.__getitem__), _walk(table, last, _after(table))
    found = np.zeros(len(table), dtype=np.bool_)
    found[last] = True
    for start in _nodes(table, names[:-1]):
        found[start] = True
        if before[start]:
            found |= before & _walk(table, [start], _after(table))
        if after[start]:
            found |= after & _walk(table, [start], table.needed.__getitem__)
    return found


def mask_of(table: Summary, nodes: Sequence[int]) -> Mask:
    """The mask of these nodes."""
    found = np.zeros(len(table), dtype=np.bool_)
    found[nodes] = True
    return found


def boxes_with(tree: Hierarchy, names: Sequence[str], mask: Mask) -> list[bool]:
    """Per box or scope of these names, whether one of its nodes is in the mask.

    A box stands for what is folded into it too.
    """
    found = tally(tree)
    sums = found.sums(mask)
    answer = []
    for name in names:
        item = tree.item(name)
        first, last = (0, 0) if item is None else found.span(item)
        answer.append(bool(sums[last] > sums[first]))
    return answer


def _nodes(table: Summary, names: Iterable[str]) -> list[int]:
    return [node for name in names if (node := table.get(name)) is not None]


def _after(table: Summary) -> Callable[[int], Iterable[int]]:
    consumers, waiting = table.consumers, table.waiting
    if not waiting:
        return consumers.__getitem__
    return lambda node: (*consumers[node], *waiting.get(node, ()))


def _walk(
    table: Summary,
    starts: Iterable[int],
    step: Callable[[int], Iterable[int]],
    stop: frozenset[int] | set[int] = frozenset(),
) -> Mask:
    return np.frombuffer(reached(len(table), starts, step, stop), dtype=np.bool_)
