"""Which nodes lie inside of the loops and branches that TensorFlow 1 makes of plain nodes.

An Enter starts a loop and an Exit leaves it; a Switch starts a branch, and the Merge of both
branches ends it. A node without data inputs belongs to its loop or branch through a control input
alone: that edge says where the node runs, and not just when.

Source: tensorflow/core/common_runtime/executor.cc, control_flow_ops.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from inspector.graph.columns import Columns, Ints, Mask
from inspector.graph.graph import Graph
from inspector.graph.op_sets import ENTERS, EXITS, MERGES, SWITCHES
from inspector.graph.topology import back_edges, lowest_first_order

NO_LOOP = -1


def inside(columns: Columns) -> Mask:
    """Per node, whether it lies in a loop or branch.

    Such a node has a value for each iteration, or none where the other branch is taken. The Enter
    and Switch that start a loop or branch count as inside of it, the Exit and Merge that end it
    do not.
    """
    starts = columns.of_ops(ENTERS | SWITCHES)
    if not starts.any():
        return starts
    count = len(columns)
    is_back = back_edges(columns)
    enters, exits, switches = (columns.of_ops(ops) for ops in (ENTERS, EXITS, SWITCHES))
    merges = columns.of_ops(MERGES)
    merges[columns.reader[is_back]] = False  # the Merge that starts an iteration ends no branch
    # What a node adds to the depth of what it reads. An Exit also ends the branch of its loop's
    # Switch.
    loop_steps = (enters.astype(np.int32) - exits).tolist()
    branch_steps = (switches.astype(np.int32) - exits - merges).tolist()
    edges = np.flatnonzero(~is_back & (columns.source < count))
    source, reader = columns.source[edges], columns.reader[edges]
    order, _ = lowest_first_order(source, reader, count)
    sources = source.tolist()
    stops = [0, *np.cumsum(np.bincount(reader, minlength=count)).tolist()]
    loops, branches = [0] * count, [0] * count
    is_inside = bytearray(starts.tobytes())
    for node in order:
        read = sources[stops[node] : stops[node + 1]]
        loop = max((loops[source] for source in read), default=0)
        branch = max((branches[source] for source in read), default=0)
        loops[node] = max(loop + loop_steps[node], 0)
        branches[node] = max(branch + branch_steps[node], 0)
        if loops[node] or branches[node]:
            is_inside[node] = 1
    return np.frombuffer(is_inside, np.bool_)


def names_inside(graph: Graph) -> set[str]:
    """The names of the nodes in a loop or branch, as `inside` says."""
    columns = graph.columns()
    return columns.picked(inside(columns))


def loops_of(
    source: Ints, reader: Ints, enters: Mask, exits: Mask, conditions: Iterable[int]
) -> list[int]:
    """Per node, the loop that it is in: the first LoopCond of that loop, or `NO_LOOP`.

    The inside of a loop is what hangs together when the edges into Enter and out of Exit are cut,
    and has a LoopCond. A loop within another one is a loop of its own.

    Args:
        source: Per edge, the node that is read.
        reader: Per edge, the node that reads.
        enters: Per node, whether it is an Enter.
        exits: Per node, whether it is an Exit.
        conditions: The LoopCond nodes.
    """
    part = list(range(len(enters)))

    def root(node: int) -> int:
        while part[node] != node:
            part[node] = part[part[node]]
            node = part[node]
        return node

    together = ~(enters[reader] | exits[source])
    for a, b in zip(source[together].tolist(), reader[together].tolist(), strict=True):
        part[root(a)] = root(b)
    condition: dict[int, int] = {}
    for node in conditions:
        condition.setdefault(root(node), node)
    return [condition.get(root(node), NO_LOOP) for node in range(len(part))]


def inside_frames(graph: Graph, names: Iterable[str]) -> dict[str, str]:
    """Of these nodes, those inside of a loop, each with an Exit of that loop (or an empty text).

    No run can fetch a node inside of a loop. An Exit is inside of the loop around its own, if
    there is one.
    """
    columns = graph.columns()
    if "LoopCond" not in columns.ops:
        return {}
    count = len(columns)
    enters, exits = columns.of_ops(ENTERS), columns.of_ops(EXITS)
    edges = columns.source < count
    conditions = np.flatnonzero(columns.of_ops(("LoopCond",))).tolist()
    loops = loops_of(columns.source[edges], columns.reader[edges], enters, exits, conditions)
    ends: dict[int, str] = {}
    for node in np.flatnonzero(exits).tolist():
        ends.setdefault(loops[node], columns.names[node])
    inner: dict[str, str] = {}
    for name in names:
        number = columns.index.get(name)
        if number is None:
            continue
        places = [number]
        if exits[number]:
            places = [reader for reader in columns.readers(number) if not enters[reader]]
        loop = max((loops[place] for place in places), default=NO_LOOP)
        if loop != NO_LOOP:
            inner[name] = ends.get(loop, "")
    return inner
