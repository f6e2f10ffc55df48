"""Producers and consumers per node, as CSR arrays and as lists, and what is reachable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from inspector.view.tree.paused import collector_paused

Ints = npt.NDArray[np.int64]


def edges(
    inputs: Sequence[Sequence[int]], returns: Mapping[int, Sequence[int]] | None = None
) -> tuple[Ints, Ints, Ints]:
    """Source, port and consumer of each data edge whose source is in the graph, by consumer.

    Args:
        inputs, returns: As in `node_table.NodeTable`.
    """
    lists = [*inputs, *(returns or {}).values()]
    owners = np.append(np.arange(len(inputs)), np.fromiter(returns or {}, dtype=np.int64))
    flat = np.fromiter(chain.from_iterable(lists), dtype=np.int64)
    counts = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    source, port, consumer = flat[::2], flat[1::2], np.repeat(owners, counts // 2)
    order = np.argsort(consumer, kind="stable")
    order = order[source[order] >= 0]
    return source[order], port[order], consumer[order]


@collector_paused()
def runs(values: Ints, lengths: npt.NDArray[np.intp]) -> list[list[int]]:
    """Values cut into runs of these lengths."""
    ends = np.cumsum(lengths).tolist()
    items = values.tolist()
    return [items[first:last] for first, last in zip([0, *ends], ends, strict=False)]


def reachable(
    count: int,
    starts: Iterable[int],
    step: Callable[[int], Iterable[int]],
    stop: Collection[int] = (),
) -> bytearray:
    """1 for each of `count` nodes that is a start or reached from one, by any number of steps.

    Args:
        step: The neighbours of a node.
        stop: Nodes whose neighbours are not followed.
    """
    marks = bytearray(count)
    todo = list(starts)
    for node in todo:
        marks[node] = 1
    while todo:
        node = todo.pop()
        if node in stop:
            continue
        for other in step(node):
            if not marks[other]:
                marks[other] = 1
                todo.append(other)
    return marks
