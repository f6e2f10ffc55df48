"""Which nodes are drawn: weights fold into the node that reads them, plumbing is set apart.

A node is on the data path if some input path reaches a placeholder, a feed, or another source
that is not a weight. Everything else (constants, variables, their reads and casts, the reshapes
and products an inference batch norm makes of them) belongs to the node of the data path that
reads it. This goes by how data flows, not by op type, so nine boxes of a batch norm become one.

Plumbing is what no fetch needs and no placeholder feeds: initialisers, savers, restore,
summaries; assertions too, which only watch. The backward half of a training graph, which leads to
updates of variables, is set apart likewise. What only orders the nodes that a fetch needs belongs
to the first that waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inspector.view.summary import Summary
from inspector.view.walking import reached

WEIGHT = re.compile(
    r"Const|HostConst|State|Variable(V2)?|VarHandleOp|AutoReloadVariable|TemporaryVariable|"
    r"(Anonymous)?(Mutable)?(Dense)?(HashTable|DenseHashTable)(OfTensors)?(V\d)?|ImmutableConst"
)
"""Ops without inputs whose value is part of the model, not of the data."""

ARGUMENT = "_Arg"
"""What a body is given anew each time it runs: data, whatever it starts with."""

PLUMBING = re.compile(
    r"Save(V2|Slices)?|Restore(V2|Slice)?|MergeV2Checkpoints|ShardedFilename|.*Summary(V2)?|"
    r"Assert|Assign|AssignAdd|AssignSub|Assign(Add|Sub)?VariableOp|VarIsInitializedOp|"
    r"IsVariableInitialized|InitializeTable.*|LookupTableImport.*|WriteFile|Print(V2)?|NoOp"
)
"""Ops that keep state, watch or order others; set apart unless a fetch reads what they give."""

ORDER = "NoOp"
"""It has no tensors: others wait for it, as it waits for others."""

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
    """The verdict on every node.

    Args:
        into: Per node, the drawn node it is part of, or -1 for a node that is drawn itself.
        plumbing: Per node, `APART` if it is drawn in the group of initialising and saving, `BEHIND`
            if in that of gradients and updates, else 0.
        rank: Per node, its place in a depth-first topological order: sources before readers, and
            the branches of a network one after another rather than side by side.
    """

    into: list[int]
    plumbing: bytearray
    rank: list[int]


def fold(table: Summary) -> Folding:
    """Decide for every node. Linear in nodes and edges, no recursion."""
    count = len(table)
    sources = [[source for source, _ in table.sources(node)] for node in range(count)]
    readers = table.consumers
    # The back edge of a loop of frames; without it the order goes once through the body.
    back = {node for node in range(count) if table.ops[table.op[node]].endswith("NextIteration")}
    forward = sources
    if back:
        forward = [[source for source in found if source not in back] for found in sources]
    merges = {node for node in range(count) if back.intersection(sources[node])} if back else set()
    order = topological(forward, readers, table.controls)
    rank = [0] * count
    for place, node in enumerate(order):
        rank[node] = place
    is_weight = [WEIGHT.fullmatch(op[:80]) is not None for op in table.ops]
    is_plumbing = [PLUMBING.fullmatch(op[:80]) is not None for op in table.ops]
    is_order = [op == ORDER for op in table.ops]
    is_training = [TRAINING.fullmatch(op[:80]) is not None for op in table.ops]
    feeds = {found for name in table.feeds if (found := table.get(name)) is not None}
    fetches = {found for name in table.fetches if (found := table.get(name)) is not None}

    asked = reached(count, fetches, sources.__getitem__)
    needed = reached(count, fetches, lambda node: (*sources[node], *table.controls.get(node, ())))
    inputs = [node for node in range(count) if table.op_of(node) == "Placeholder"]
    fed = reached(count, {*feeds, *inputs}, readers.__getitem__)
    apart = bytearray(count)
    for node in reversed(order):
        if node in feeds or asked[node]:
            continue
        if is_training[table.op[node]] or BACKWARD.search(table.names[node][:400]):
            apart[node] = BEHIND
        elif is_plumbing[table.op[node]]:
            apart[node] = APART
        elif readers[node] and all(apart[reader] for reader in readers[node]):
            found = max(apart[reader] for reader in readers[node])
            # A loss is often read by its gradient alone, and is the end of the forward half.
            apart[node] = 0 if found == BEHIND and fed[node] else found

    path = bytearray(count)
    todo = []
    for node in order:
        op = table.op[node]
        if node in feeds or table.ops[op] == ARGUMENT or (node in merges and not apart[node]):
            # A loop's variable is data whatever it starts with: a counter too.
            todo.append(node)
        elif not sources[node] and not apart[node]:
            # Sources that are not in the graph: nothing says that they are weights.
            is_data = bool(table.inputs[node]) or not is_weight[op]
            if is_data and not is_order[op]:
                todo.append(node)
    while todo:
        node = todo.pop()
        if not path[node]:
            path[node] = 1
            todo += [reader for reader in readers[node] if not apart[reader]]
    if not any(path):  # nothing is fed: then every computation is worth drawing
        for node in range(count):
            path[node] = bool(sources[node]) and not apart[node]
    for node in fetches:
        path[node] = 1

    into = [-1] * count
    plumbing = bytearray(count)
    for node in reversed(order):
        if path[node]:
            continue
        owner = _owner(readers[node], path, into, rank)
        if owner < 0 and needed[node] and (not apart[node] or is_order[table.op[node]]):
            # A NoOp, or the read of a variable that nobody uses: it is there to be waited for.
            owner = _owner(table.waiting.get(node, ()), path, into, rank)
        if owner >= 0:
            into[node] = owner
        elif needed[node] and not apart[node]:
            path[node] = 1
        else:
            plumbing[node] = apart[node] or APART
    for node in reversed(order):
        # Inside of the plumbing too, a constant belongs to the node that reads it.
        if plumbing[node] and is_weight[table.op[node]]:
            inside = [reader for reader in readers[node] if plumbing[reader] and into[reader] < 0]
            if inside:
                into[node] = min(inside, key=rank.__getitem__)
                plumbing[node] = 0
    return Folding(into, plumbing, rank)


def topological(
    sources: Sequence[Sequence[int]],
    readers: Sequence[Sequence[int]],
    controls: dict[int, list[int]] | None = None,
) -> list[int]:
    """Sources before readers; a loop's back edge is passed over.

    Depth first from the sinks, in input order, so that a branch is listed whole before the next.
    """
    count = len(sources)
    waits = controls or {}
    state = bytearray(count)  # 1 on the stack, 2 listed
    order: list[int] = []
    sinks = [node for node in range(count) if not readers[node]]
    for start in (*sinks, *range(count)):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter((*sources[start], *waits.get(start, ()))))]
        while stack:
            node, rest = stack[-1]
            for source in rest:
                if not state[source]:
                    state[source] = 1
                    stack.append((source, iter((*sources[source], *waits.get(source, ())))))
                    break
            else:
                stack.pop()
                state[node] = 2
                order.append(node)
    return order


def _owner(readers: Iterable[int], path: bytearray, into: list[int], rank: list[int]) -> int:
    """The drawn node that reads this one first, through other folded nodes or directly."""
    best = -1
    for reader in readers:
        owner = reader if path[reader] else into[reader]
        if owner >= 0 and (best < 0 or rank[owner] < rank[best]):
            best = owner
    return best
