"""Which nodes are drawn: weights fold into the node that reads them, plumbing is set apart.

A node is on the data path if it depends on a placeholder, a feed, or another source that is not a
weight. Everything else (constants, variables, their reads and casts, the reshapes and products
that an inference batch norm computes from them) is folded into the node of the data path that
reads it. The flow of data decides, not the op, so nine boxes of a batch norm become one.

Plumbing is what no fetch needs and no placeholder feeds: initialisers, savers, restore,
summaries, and assertions. The backward half of a training graph, which updates variables, is a
second such group. A node that only orders others is folded into the first that waits for it; where
none waits and there is no other plumbing, into the last that it waits for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspector.graph.topology import depth_first_order
from inspector.view.table.adjacency import grouped, pairs, reached
from inspector.view.table.node_table import NodeTable

WEIGHT = re.compile(
    r"Const|HostConst|State|Variable(V2)?|VarHandleOp|AutoReloadVariable|TemporaryVariable|"
    r"(Anonymous)?(Mutable)?(Dense)?(HashTable|DenseHashTable)(OfTensors)?(V\d)?|ImmutableConst"
)
"""Ops without inputs whose value is part of the model, not of the data."""

ARGUMENT = "_Arg"
"""The op of a body's argument: data, since each run of the body has another value."""

PLUMBING = re.compile(
    r"Save(V2|Slices)?|Restore(V2|Slice)?|MergeV2Checkpoints|ShardedFilename|.*Summary(V2)?|"
    r"Assert|Assign|AssignAdd|AssignSub|Assign(Add|Sub)?VariableOp|VarIsInitializedOp|"
    r"IsVariableInitialized|InitializeTable.*|LookupTableImport.*|WriteFile|Print(V2)?|NoOp"
)
"""Ops that keep state, report or order others; set apart unless a fetch reads their outputs."""

ORDER = "NoOp"
"""It has control edges only."""

TRAINING = re.compile(
    r"(Resource|Sparse|ResourceSparse)?Apply(?!Padding).*|.*Grad(V\d|WithArgmax|Ex)?|.*Backprop.*|"
    r"BroadcastGradientArgs"
)
"""Ops of the backward half: gradients, and the updates they lead to."""

BACKWARD = re.compile(r"(^|/)([^/]*_)?gradients(_\d+)?/|(^|/)gradient_tape/")
"""The scopes that TensorFlow makes for gradients."""

APART, BEHIND = 1, 2
"""Initialising, saving and watching; gradients and updates."""


Mask = npt.NDArray[np.bool_]


@dataclass
class Folding:
    """The decision on every node.

    Args:
        into: Per node, the drawn node it is part of, or -1 for a node that is drawn itself.
        plumbing: Per node, `APART` if it is drawn in the group of initialising and saving, `BEHIND`
            if in that of gradients and updates, else 0.
        order: All nodes in a depth-first topological order: sources before consumers, and the
            branches of a network one after another rather than side by side.
    """

    into: list[int]
    plumbing: bytearray
    order: list[int]


def fold(table: NodeTable) -> Folding:
    """Decide for every node. Linear in nodes and edges, no recursion."""
    return _Folder(table).fold()


class _Folder:
    """The steps of `fold` over one table; ``apart`` and ``path`` are columns over its nodes.

    Attributes:
        order: All nodes, sources before consumers.
        rank: Per node, its place in `order`.
        merges: Nodes that read the last iteration of a loop of frames.
    """

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self.count = count = len(table)
        self.op = table.op.tolist()
        self.sources, self.consumers = table.data_sources, table.consumers
        source, _, reader = table.edges
        waits, waiting = pairs(table.controls)
        # Without the back edges of loops of frames, the order goes once through each body.
        is_back = self._of_ops([op.endswith("NextIteration") for op in table.ops])
        self.merges = set(reader[is_back[source]].tolist())
        forward = ~is_back[source]
        edges = np.append(reader[forward], waiting), np.append(source[forward], waits)
        sinks = np.flatnonzero(np.bincount(source, minlength=count) == 0)
        self.order = depth_first_order(*grouped(*edges, count).flat(), sinks.tolist())
        rank = np.zeros(count, np.int64)
        rank[self.order] = np.arange(count)
        self.rank: list[int] = rank.tolist()
        self.is_weight = self._matching(WEIGHT)
        self.is_order = [op == ORDER for op in table.ops]
        self.feeds = _nodes_of(table, table.feeds)
        self.fetches = _nodes_of(table, table.fetches)
        both = grouped(np.append(reader, waiting), np.append(source, waits), count)
        self.needed = reached(self.fetches, both)

    def fold(self) -> Folding:
        """The decision on every node."""
        apart = self._apart()
        path = self._data_path(apart)
        into, plumbing = self._owners(apart, path)
        self._fold_plumbing(into, plumbing)
        self._fold_order(into, plumbing)
        return Folding(into, plumbing, self.order)

    def _matching(self, pattern: re.Pattern[str]) -> list[bool]:
        """Per distinct op, whether it matches."""
        return [pattern.fullmatch(op[:80]) is not None for op in self.table.ops]

    def _of_ops(self, chosen: Sequence[bool]) -> Mask:
        """Per node, what is said of its op."""
        return np.array(chosen, np.bool_)[self.table.op] if chosen else np.zeros(0, np.bool_)

    def _apart(self) -> bytearray:
        """`APART` and `BEHIND` for what no fetch needs, from the consumers to their sources."""
        table, count, op = self.table, self.count, self.op
        is_plumbing, is_training = self._matching(PLUMBING), self._matching(TRAINING)
        apart = bytearray(count)
        is_backward = bytearray(
            "gradient" in name and BACKWARD.search(name[:400]) is not None for name in table.names
        )
        if not (any(is_plumbing) or any(is_training) or any(is_backward)):
            return apart
        fetched = reached(self.fetches, self.sources)
        inputs = np.flatnonzero(self._of_ops([name == "Placeholder" for name in table.ops]))
        fed = reached({*self.feeds, *inputs.tolist()}, self.consumers)
        start, readers = self.consumers.flat()
        for node in reversed(self.order):
            if node in self.feeds or fetched[node]:
                continue
            consumers = readers[start[node] : start[node + 1]]
            if is_training[op[node]] or is_backward[node]:
                apart[node] = BEHIND
            elif is_plumbing[op[node]]:
                apart[node] = APART
            elif consumers and all(apart[consumer] for consumer in consumers):
                group = max(apart[consumer] for consumer in consumers)
                # A loss is often read by its gradient alone, and ends the forward half.
                apart[node] = 0 if group == BEHIND and fed[node] else group
        return apart

    def _data_path(self, apart: bytearray) -> bytearray:
        """1 for the nodes on the data path: those that are reached from data, and the fetches."""
        is_apart = np.frombuffer(apart, np.bool_)
        has_sources = np.diff(self.sources.start) > 0
        is_data = self._data(has_sources, is_apart)
        path = bytearray(self.count)
        start, readers = self.consumers.flat()
        todo: list[int] = np.flatnonzero(is_data).tolist()
        while todo:
            node = todo.pop()
            if not path[node]:
                path[node] = 1
                consumers = readers[start[node] : start[node + 1]]
                todo += [at for at in consumers if not path[at] and not apart[at]]
        if not any(path):  # without any data, every computation is drawn
            path = bytearray((has_sources & ~is_apart).tobytes())
        for node in self.fetches:
            path[node] = 1
        return path

    def _data(self, has_sources: Mask, is_apart: Mask) -> Mask:
        """Per node, whether a data path starts at it."""
        table = self.table
        # A loop's variable is data whatever it starts with: a counter too.
        merges = np.zeros(self.count, np.bool_)
        merges[list(self.merges)] = True
        # Sources that are not in the graph may be data.
        has_inputs = np.diff(table.inputs.start) > 0
        starts = ~has_sources & ~is_apart & ~self._of_ops(self.is_order)
        starts &= has_inputs | ~self._of_ops(self.is_weight)
        is_data = starts | (merges & ~is_apart) | self._of_ops([op == ARGUMENT for op in table.ops])
        is_data[list(self.feeds)] = True
        return is_data

    def _owners(self, apart: bytearray, path: bytearray) -> tuple[list[int], bytearray]:
        """`Folding.into` and `Folding.plumbing`; adds to the path what belongs to no node of it."""
        into = [-1] * self.count
        plumbing = bytearray(self.count)
        start, readers = self.consumers.flat()
        for node in reversed(self.order):
            if path[node]:
                continue
            owner = self._owner(readers[start[node] : start[node + 1]], path, into)
            is_order = self.is_order[self.op[node]]
            if owner < 0 and self.needed[node] and (not apart[node] or is_order):
                # A NoOp, or the read of a variable without consumers: others wait for it.
                owner = self._owner(self.table.waiting.get(node, ()), path, into)
            if owner >= 0:
                into[node] = owner
            elif self.needed[node] and not apart[node]:
                path[node] = 1
            else:
                plumbing[node] = apart[node] or APART
        return into, plumbing

    def _owner(self, consumers: Iterable[int], path: bytearray, into: list[int]) -> int:
        """The first drawn node among these, or among those that they are folded into; else -1."""
        best = -1
        for consumer in consumers:
            owner = consumer if path[consumer] else into[consumer]
            if owner >= 0 and (best < 0 or self.rank[owner] < self.rank[best]):
                best = owner
        return best

    def _fold_plumbing(self, into: list[int], plumbing: bytearray) -> None:
        """In the plumbing too, a constant belongs to the node that reads it."""
        if not any(plumbing):
            return
        for node in reversed(self.order):
            if plumbing[node] and self.is_weight[self.op[node]]:
                consumers = [
                    consumer
                    for consumer in self.consumers[node]
                    if plumbing[consumer] and into[consumer] < 0
                ]
                if consumers:
                    into[node] = min(consumers, key=self.rank.__getitem__)
                    plumbing[node] = 0

    def _fold_order(self, into: list[int], plumbing: bytearray) -> None:
        """Where the plumbing is nothing but order, it belongs to the last node that it orders."""
        lone = [node for node in range(self.count) if plumbing[node] == APART]
        if not all(self.is_order[self.op[node]] for node in lone):
            return
        for node in lone:
            before = self.table.controls.get(node, ())
            drawn = [into[one] if into[one] >= 0 else one for one in before]
            drawn = [one for one in drawn if plumbing[one] != APART]
            if drawn:
                into[node] = max(drawn, key=self.rank.__getitem__)
                plumbing[node] = 0


def _nodes_of(table: NodeTable, names: Iterable[str]) -> set[int]:
    return {node for name in names if (node := table.get(name)) is not None}
