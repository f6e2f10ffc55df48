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
from collections.abc import Iterable
from dataclasses import dataclass

from inspector.graph.topology import depth_first_order
from inspector.view.table.adjacency import reachable
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


@dataclass
class Folding:
    """The decision on every node.

    Args:
        into: Per node, the drawn node it is part of, or -1 for a node that is drawn itself.
        plumbing: Per node, `APART` if it is drawn in the group of initialising and saving, `BEHIND`
            if in that of gradients and updates, else 0.
        rank: Per node, its place in a depth-first topological order: sources before consumers, and
            the branches of a network one after another rather than side by side.
    """

    into: list[int]
    plumbing: bytearray
    rank: list[int]


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
        self.sources = [[source for source, _ in table.sources(node)] for node in range(count)]
        self.consumers = table.consumers
        # Without the back edges of loops of frames, the order goes once through each body.
        back = {node for node in range(count) if table.op_of(node).endswith("NextIteration")}
        forward = self.sources
        if back:
            forward = [
                [source for source in sources if source not in back] for sources in self.sources
            ]
        self.merges = {
            node for node in range(count) if back and back.intersection(self.sources[node])
        }
        self.order = depth_first_order(forward, self.consumers, table.controls)
        self.rank = [0] * count
        for place, node in enumerate(self.order):
            self.rank[node] = place
        self.is_weight = self._matching(WEIGHT)
        self.is_order = [op == ORDER for op in table.ops]
        self.feeds = _nodes_of(table, table.feeds)
        self.fetches = _nodes_of(table, table.fetches)
        self.needed = reachable(
            count,
            self.fetches,
            lambda node: (*self.sources[node], *table.controls.get(node, ())),
        )

    def fold(self) -> Folding:
        """The decision on every node."""
        apart = self._apart()
        path = self._data_path(apart)
        into, plumbing = self._owners(apart, path)
        self._fold_plumbing(into, plumbing)
        self._fold_order(into, plumbing)
        return Folding(into, plumbing, self.rank)

    def _matching(self, pattern: re.Pattern[str]) -> list[bool]:
        """Per distinct op, whether it matches."""
        return [pattern.fullmatch(op[:80]) is not None for op in self.table.ops]

    def _apart(self) -> bytearray:
        """`APART` and `BEHIND` for what no fetch needs, from the consumers to their sources."""
        table, count = self.table, self.count
        is_plumbing, is_training = self._matching(PLUMBING), self._matching(TRAINING)
        fetched = reachable(count, self.fetches, self.sources.__getitem__)
        inputs = [node for node in range(count) if table.op_of(node) == "Placeholder"]
        fed = reachable(count, {*self.feeds, *inputs}, self.consumers.__getitem__)
        apart = bytearray(count)
        for node in reversed(self.order):
            if node in self.feeds or fetched[node]:
                continue
            consumers = self.consumers[node]
            if is_training[table.op[node]] or BACKWARD.search(table.names[node][:400]):
                apart[node] = BEHIND
            elif is_plumbing[table.op[node]]:
                apart[node] = APART
            elif consumers and all(apart[consumer] for consumer in consumers):
                group = max(apart[consumer] for consumer in consumers)
                # A loss is often read by its gradient alone, and ends the forward half.
                apart[node] = 0 if group == BEHIND and fed[node] else group
        return apart

    def _data_path(self, apart: bytearray) -> bytearray:
        """1 for the nodes on the data path: those that are reached from data, and the fetches."""
        path = bytearray(self.count)
        todo = [node for node in self.order if self._is_data(node, apart)]
        while todo:
            node = todo.pop()
            if not path[node]:
                path[node] = 1
                todo += [consumer for consumer in self.consumers[node] if not apart[consumer]]
        if not any(path):  # without any data, every computation is drawn
            for node in range(self.count):
                path[node] = bool(self.sources[node]) and not apart[node]
        for node in self.fetches:
            path[node] = 1
        return path

    def _is_data(self, node: int, apart: bytearray) -> bool:
        """Whether a data path starts at a node."""
        op = self.table.op[node]
        if node in self.feeds or self.table.ops[op] == ARGUMENT:
            return True
        if node in self.merges and not apart[node]:
            # A loop's variable is data whatever it starts with: a counter too.
            return True
        if self.sources[node] or apart[node] or self.is_order[op]:
            return False
        # Sources that are not in the graph may be data.
        return bool(self.table.inputs[node]) or not self.is_weight[op]

    def _owners(self, apart: bytearray, path: bytearray) -> tuple[list[int], bytearray]:
        """`Folding.into` and `Folding.plumbing`; adds to the path what belongs to no node of it."""
        into = [-1] * self.count
        plumbing = bytearray(self.count)
        for node in reversed(self.order):
            if path[node]:
                continue
            owner = self._owner(self.consumers[node], path, into)
            is_order = self.is_order[self.table.op[node]]
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
        for node in reversed(self.order):
            if plumbing[node] and self.is_weight[self.table.op[node]]:
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
        if not all(self.is_order[self.table.op[node]] for node in lone):
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
