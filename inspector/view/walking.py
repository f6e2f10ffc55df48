"""What can be reached in a graph of numbered nodes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable


def reached(
    count: int,
    starts: Iterable[int],
    step: Callable[[int], Iterable[int]],
    stop: Collection[int] = (),
) -> bytearray:
    """1 for each of `count` nodes that is a start or reached from one, by any number of steps.

    Args:
        step: The nodes that one step leads to.
        stop: Nodes that may be reached and are not gone past.
    """
    found = bytearray(count)
    todo = list(starts)
    for node in todo:
        found[node] = 1
    while todo:
        node = todo.pop()
        if node in stop:
            continue
        for other in step(node):
            if not found[other]:
                found[other] = 1
                todo.append(other)
    return found
