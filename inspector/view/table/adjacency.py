"""Inputs and consumers per node as CSR arrays, and what is reachable over them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Column = npt.NDArray[np.int32]


def column(values: Any) -> Column:
    """Numbers as a column; a column stays as it is."""
    if isinstance(values, np.ndarray):
        return np.ascontiguousarray(values, np.int32)
    return np.fromiter(values, np.int32, len(values))


class Lists:
    """A list of numbers per node in two arrays; an item is one of the lists."""

    __slots__ = ("start", "values")

    def __init__(self, start: Ints, values: npt.NDArray[Any]) -> None:
        self.start: Ints = start
        self.values: npt.NDArray[Any] = values

    @classmethod
    def of(cls, owners: npt.NDArray[Any], values: npt.NDArray[Any], count: int) -> Lists:
        """The values of each owner, in their order; the owners are sorted."""
        return cls(starts(np.bincount(owners, minlength=count)), values)

    def __len__(self) -> int:
        return len(self.start) - 1

    def __getitem__(self, node: int) -> list[int]:
        listed: list[int] = self.values[self.start[node] : self.start[node + 1]].tolist()
        return listed

    def flat(self) -> tuple[list[int], list[int]]:
        """Where the list of each node starts, and all values: for loops over many nodes."""
        return self.start.tolist(), self.values.tolist()


class Inputs:
    """The data inputs of all nodes; an item is ``[source, port, source, port, ...]`` of one.

    Attributes:
        source: Per input a node, or below zero what the graph does not have.
    """

    __slots__ = ("port", "source", "start")

    def __init__(self, start: Ints, source: Column, port: Column) -> None:
        self.start: Ints = start
        self.source: Column = source
        self.port: Column = port

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]] | Inputs) -> Inputs:
        """Of one list per node; inputs stay as they are."""
        if isinstance(lists, Inputs):
            return lists
        flat = np.fromiter(chain.from_iterable(lists), dtype=np.int32)
        counts = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
        return cls(starts(counts // 2), flat[::2].copy(), flat[1::2].copy())

    def __len__(self) -> int:
        return len(self.start) - 1

    def __getitem__(self, node: int) -> list[int]:
        first, last = self.start[node], self.start[node + 1]
        pair: list[int] = (
            np.stack([self.source[first:last], self.port[first:last]], 1).ravel().tolist()
        )
        return pair

    def __iter__(self) -> Iterator[list[int]]:
        return map(self.__getitem__, range(len(self)))

    @property
    def reader(self) -> Ints:
        """Per input, the node that reads it."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))


def starts(counts: npt.NDArray[Any]) -> Ints:
    """Where each of some runs of these lengths starts, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def edges(
    inputs: Inputs, returns: Mapping[int, Sequence[int]] | None = None
) -> tuple[Ints, Ints, Ints]:
    """Source, port and consumer of each data edge whose source is in the graph, by consumer.

    Args:
        inputs, returns: As in `node_table.NodeTable`.
    """
    source, port, consumer = inputs.source, inputs.port, inputs.reader
    if returns:
        more = Inputs.of(list(returns.values()))
        owners = np.fromiter(returns, np.int64, len(returns))
        source, port = np.append(source, more.source), np.append(port, more.port)
        consumer = np.append(consumer, owners[more.reader])
        order = np.argsort(consumer, kind="stable")
        source, port, consumer = source[order], port[order], consumer[order]
    here = source >= 0
    return source[here].astype(np.int64), port[here].astype(np.int64), consumer[here]


def pairs(lists: Mapping[int, Sequence[int]]) -> tuple[Ints, Ints]:
    """A mapping of nodes to nodes as two columns: the value, and the key it belongs to."""
    keys = np.fromiter(lists, np.int64, len(lists))
    counts = np.fromiter(map(len, lists.values()), np.int64, len(lists))
    return np.fromiter(chain.from_iterable(lists.values()), np.int64), np.repeat(keys, counts)


def grouped(owner: Ints, value: Ints, count: int) -> Lists:
    """The values of each of `count` owners, in the order in which they stand."""
    return Lists.of(owner, value[np.argsort(owner, kind="stable")], count)


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


def reached(first: Iterable[int], neighbours: Lists) -> bytearray:
    """Like `reachable`, over lists of neighbours."""
    marks = bytearray(len(neighbours))
    start, values = neighbours.flat()
    todo = list(first)
    for node in todo:
        marks[node] = 1
    while todo:
        node = todo.pop()
        for other in values[start[node] : start[node + 1]]:
            if not marks[other]:
                marks[other] = 1
                todo.append(other)
    return marks
