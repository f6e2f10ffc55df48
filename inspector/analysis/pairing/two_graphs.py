"""Two graphs as one set of arrays: neighbours of each node, and which nodes are paired.

The nodes of the second graph have the numbers after those of the first. There are three sets of
neighbours. The full one has every edge. The short one has data edges alone, and they lead past
nodes that pass their input on, so that an Identity more or less changes nothing. The core is the
short one without constants and what is computed from them alone: folding changes nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from inspector.analysis.pairing.labels import Hashes
from inspector.graph import tensors
from inspector.graph.columns import CONTROL, Columns
from inspector.graph.op_sets import PLACEHOLDERS, VARIABLES
from inspector.graph.protos import NodeDef
from inspector.graph.topology import lowest_first_order

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PASSING = frozenset(
    ("Identity", "StopGradient", "PreventGradient", "Snapshot", "ReadVariableOp", "CheckNumerics")
)
"""Ops that return their first input unchanged."""
COMMUTATIVE = frozenset(
    ("Add", "AddV2", "AddN", "Mul", "Maximum", "Minimum", "LogicalAnd", "LogicalOr", "Equal",
     "NotEqual", "SquaredDifference", "Merge", "NoOp")
)  # fmt: skip
"""Ops whose inputs may be exchanged."""

_UP, _DOWN = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of node ``i`` are those from ``start[i]`` to ``start[i + 1]``.

    Args:
        node: Per entry, the neighbour.
        role: Per entry, a number of its direction, slot and port.
        is_up: Per entry, whether the neighbour is read; else it reads.
        slot: Per entry, the input of the reader.
        port: Per entry, the output of the node that is read.
    """

    start: Ints
    node: Ints
    role: Hashes
    is_up: Mask
    slot: Ints
    port: Ints

    @cached_property
    def owner(self) -> Ints:
        """Per entry, the node whose neighbour it is."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @cached_property
    def nodes(self) -> list[int]:
        """`node` as a list, for walks that take one node at a time."""
        return list(self.node.tolist())

    def span(self, owner: int) -> range:
        """The entries of one node."""
        return range(self._starts[owner], self._starts[owner + 1])

    @cached_property
    def _starts(self) -> list[int]:
        return list(self.start.tolist())


class TwoGraphs:
    """The two graphs and the pairs so far.

    Attributes:
        split: The number of the first node of the second graph.
        partner: Per node, the node that it is paired with, or -1.
        eligible: Nodes that may be paired: of nodes with one name, the first.
        inputs: Nodes that stand for a fed value.
        passing: Nodes whose op is in `PASSING`, and casts from one precision to another.
        varies: Nodes that depend on more than constants and variables.
        varying_inputs: Per node, its data inputs that do.
    """

    def __init__(self, first: Columns, second: Columns) -> None:
        self.columns: tuple[Columns, Columns] = (first, second)
        self.split: int = len(first)
        count = len(first) + len(second)
        self.partner: Ints = np.full(count, -1, np.int64)
        self.eligible: Mask = np.concatenate(
            [columns.first == np.arange(len(columns)) for columns in self.columns]
        )
        self.inputs: Mask = np.concatenate(
            [columns.of_ops(PLACEHOLDERS) for columns in self.columns]
        )
        self.passing: Mask = np.concatenate([_passing(columns) for columns in self.columns])
        edges = [_edges(columns, base) for columns, base in zip(self.columns, (0, self.split),
                 strict=True)]  # fmt: skip
        source, reader, slot, port = (np.concatenate(parts) for parts in zip(*edges, strict=True))
        data = port != CONTROL
        past, past_port = self._past(source, reader, slot, port)
        # A control edge also leads to what an Identity passes on: folding leaves that alone there.
        waits = ~data & (past != source)
        self.full: Neighbours = neighbours_of(
            np.concatenate([source, past[waits]]),
            np.concatenate([reader, reader[waits]]),
            np.concatenate([slot, slot[waits]]),
            np.concatenate([port, port[waits]]),
            count,
        )
        source, reader, slot, port = (part[data] for part in (past, reader, slot, past_port))
        inner = ~(self.passing[source] | self.passing[reader])
        source, reader, slot, port = (part[inner] for part in (source, reader, slot, port))
        self.short: Neighbours = neighbours_of(source, reader, slot, port, count)
        self.varies: Mask = np.concatenate([_varies(columns) for columns in self.columns])
        inner = self.varies[source]
        self.varying_inputs: Ints = np.bincount(reader[inner], minlength=count)
        source, reader, slot, port = (part[inner] for part in (source, reader, slot, port))
        self.core: Neighbours = neighbours_of(source, reader, slot, port, count)

    @property
    def are_left(self) -> bool:
        """Whether both graphs have nodes without a partner."""
        free = (self.partner < 0) & self.eligible
        return bool(free[: self.split].any() and free[self.split :].any())

    @cached_property
    def order(self) -> list[int]:
        """All nodes, each after those of the core that it reads, but for cycles."""
        core = self.core
        source, reader = (part[core.is_up].astype(np.int32) for part in (core.node, core.owner))
        return lowest_first_order(source, reader, len(self.partner))[0]

    def pair(self, one: int, other: int) -> None:
        """Pair a node of the first graph with one of the second."""
        self.partner[one], self.partner[other] = other, one

    def _past(self, source: Ints, reader: Ints, slot: Ints, port: Ints) -> tuple[Ints, Ints]:
        """Per edge, source and port past the nodes that pass their input on."""
        count = len(self.partner)
        before, exit_port = np.arange(count), np.zeros(count, np.int64)
        of_passing = self.passing[reader] & (slot == 0)
        before[reader[of_passing]] = source[of_passing]
        exit_port[reader[of_passing]] = port[of_passing]
        # Doubling: after k rounds each node has looked past 2**k others. A cycle ends it as well.
        for _ in range(count.bit_length()):
            further = self.passing[before]
            if not further.any():
                break
            exit_port = np.where(further, exit_port[before], exit_port)
            before = np.where(further, before[before], before)
        through = self.passing[source]
        port = np.where(through & (port != CONTROL), exit_port[source], port)
        return np.where(through, before[source], source), port


def _edges(columns: Columns, base: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Source, reader, slot and port of the edges between nodes that exist."""
    reader = columns.reader.astype(np.int64)
    slot = np.arange(len(reader)) - columns.start[reader]
    slot[columns.of_ops(COMMUTATIVE)[reader]] = 0
    port = columns.port.astype(np.int64)
    slot[port == CONTROL] = CONTROL
    exists = columns.source < len(columns)
    source = columns.source[exists].astype(np.int64) + base
    return source, reader[exists] + base, slot[exists], port[exists]


def _passing(columns: Columns) -> Mask:
    of_kinds = [node.op in PASSING or _changes_precision(node) for node in columns.kinds]
    return np.array(of_kinds, np.bool_)[columns.kind] if len(columns) else np.zeros(0, np.bool_)


def _changes_precision(node: NodeDef) -> bool:
    if node.op != "Cast":
        return False
    dtypes = (tensors.dtype_name(node.attr[key].type) for key in ("SrcT", "DstT"))
    return all("float" in name for name in dtypes)


def _varies(columns: Columns) -> Mask:
    fixed = columns.of_ops(VARIABLES | {"Const"})
    starts = np.flatnonzero((np.diff(columns.start) == 0) & ~fixed)
    return np.frombuffer(columns.behind(starts.tolist()), np.bool_)[: len(columns)]


def neighbours_of(source: Ints, reader: Ints, slot: Ints, port: Ints, count: int) -> Neighbours:
    """The neighbours that edges make: source, reader, slot and port of each.

    Args:
        count: Of nodes.
    """
    where = (slot + 2).astype(np.uint64) * np.uint64(1 << 20) + (port + 2).astype(np.uint64)
    owner = np.concatenate([reader, source])
    node = np.concatenate([source, reader])
    role = np.concatenate([mixed(where ^ _UP), mixed(where ^ _DOWN)])
    is_up = np.arange(len(owner)) < len(reader)
    order = np.argsort(owner, kind="stable")
    start = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(owner, minlength=count), out=start[1:])
    entries = order % max(len(reader), 1)
    return Neighbours(start, node[order], role[order], is_up[order], slot[entries], port[entries])


def mixed(values: Hashes) -> Hashes:
    """Each number scattered over 64 bits, as splitmix64 does."""
    mixed = values >> np.uint64(30)
    mixed ^= values
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
