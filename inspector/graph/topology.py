"""Topological orders: each node after the nodes that it reads.

Nodes are numbers from 0 up. Edges are two arrays of one length, the node that is read and the node
that reads it; an edge may occur more than once. All functions are iterative and linear, but for the
logarithm of a heap.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain

import numpy as np

from inspector.errors import InvalidGraph
from inspector.graph.columns import Columns, Ints, Mask
from inspector.graph.op_sets import MERGES, NEXT_ITERATIONS


def back_edges(columns: Columns) -> Mask:
    """Per edge, whether it brings a loop's Merge a value of the iteration before."""
    merges = columns.of_ops(MERGES)
    if not merges.any():
        return np.zeros(len(columns.source), np.bool_)
    is_next = np.zeros(len(columns) + len(columns.missing), np.bool_)
    is_next[columns.first[columns.of_ops(NEXT_ITERATIONS)]] = True
    return merges[columns.reader] & is_next[columns.source]


def execution_order(columns: Columns) -> Sequence[int]:
    """The nodes as they stand where every node comes after what it reads, else in the tool's order.

    Raises: InvalidGraph for an input that refers to no node, and for a cycle outside loops.
    """
    return range(len(columns)) if is_sorted(columns) else numbers_in_order(columns)


def is_sorted(columns: Columns) -> bool:
    """Whether every node comes after what it reads, but for what a loop brings back."""
    return bool(np.all((columns.source < columns.reader) | back_edges(columns)))


def numbers_in_order(columns: Columns) -> list[int]:
    """The tool's execution order: deterministic, the last source first.

    Raises: InvalidGraph for an input that refers to no node, and for a cycle outside loops.
    """
    count = len(columns)
    if columns.missing:
        edge = int(np.argmax(columns.source >= count))
        reason = f"Unknown input node '{columns.text(edge)}'"
        raise InvalidGraph("graph", f"node '{columns.names[int(columns.reader[edge])]}'", reason)
    waits = ~back_edges(columns)
    order = topological_order(columns.source[waits], columns.reader[waits], count)
    if len(order) < count:
        stuck = set(range(count)).difference(order)
        where = f"node '{columns.names[min(stuck)]}'"
        raise InvalidGraph("graph", where, f"{len(stuck)} nodes in a cycle")
    return order


def topological_order(source: Ints, reader: Ints, count: int) -> list[int]:
    """The order in which the tool executes nodes: of the nodes that are ready, the last one first.

    Nodes on a cycle, and those that depend on one, are left out.
    """
    pending, consumers, start = _consumers(source, reader, count)
    ready = [node for node, waits in enumerate(pending) if not waits]
    return _release(pending, consumers, start, ready, ready.pop, ready.append)


def lowest_first_order(source: Ints, reader: Ints, count: int) -> tuple[list[int], list[int]]:
    """An order that changes the numbers as little as it can: of the ready nodes, the lowest first.

    Where all that is left waits for a cycle, the lowest of these nodes comes next.

    Returns: The order of all nodes, and the nodes that were left at the first cycle.
    """
    pending, consumers, start = _consumers(source, reader, count)
    ready = [node for node, waits in enumerate(pending) if not waits]  # ascending, so a heap
    pop, push = partial(heapq.heappop, ready), partial(heapq.heappush, ready)
    order = _release(pending, consumers, start, ready, pop, push)
    if len(order) == count:
        return order, []
    blocked = [node for node, waits in enumerate(pending) if waits > 0]
    for node in blocked:
        if pending[node] > 0:
            pending[node] = -1  # released: below zero no edge releases it again
            ready.append(node)
            order += _release(pending, consumers, start, ready, pop, push)
    return order, blocked


def depth_first_order(
    start: Sequence[int], sources: Sequence[int], sinks: Iterable[int]
) -> list[int]:
    """An order that lists a branch whole before the next: depth first from the sinks.

    The sources of a node are visited in the order of its inputs; an edge that closes a cycle is
    passed over.

    Args:
        start: Where the sources of each node start in `sources`; and where the last one's end.
        sources: The nodes that each node reads, node by node.
        sinks: The nodes that no other node reads.
    """
    count = len(start) - 1
    visited = bytearray(count)
    order: list[int] = []
    place = list(start)
    for first in chain(sinks, range(count)):
        if visited[first]:
            continue
        visited[first] = 1
        stack = [first]
        while stack:
            node = stack[-1]
            at = place[node]
            if at == start[node + 1]:
                stack.pop()
                order.append(node)
                continue
            place[node] = at + 1
            source = sources[at]
            if not visited[source]:
                visited[source] = 1
                stack.append(source)
    return order


def _consumers(source: Ints, reader: Ints, count: int) -> tuple[list[int], list[int], list[int]]:
    """Edges into each node; the consumers of all nodes in one list; where those of each start."""
    pending = np.bincount(reader, minlength=count).tolist()
    consumers = reader[np.argsort(source, kind="stable")].tolist()
    start = [0, *np.cumsum(np.bincount(source, minlength=count)).tolist()]
    return pending, consumers, start


def _release(
    pending: list[int],
    consumers: list[int],
    start: list[int],
    ready: list[int],
    pop: Callable[[], int],
    push: Callable[[int], None],
) -> list[int]:
    """Take nodes out of `ready` until it is empty, and add those whose last edge that served."""
    order: list[int] = []
    while ready:
        node = pop()
        order.append(node)
        for consumer in consumers[start[node] : start[node + 1]]:
            pending[consumer] -= 1
            if pending[consumer] == 0:
                push(consumer)
    return order
