"""The columns of a GraphDef, read from its bytes without a message for each node.

A parsed graph of 100,000 nodes takes six times its file in memory, and Python's wrappers as much
again. This module reads names and inputs from the bytes and parses one node of each kind with
protobuf, so nothing passes that protobuf would refuse.

It reads only the form that every protobuf writer produces: fields in the order of their numbers.
For any other form, and for damaged bytes, `read` returns None and the caller parses the message.

Source: protobuf's encoding; tensorflow/core/framework/graph.proto, node_def.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from inspector.graph import parse_limits, varint
from inspector.graph.columns import Columns, Ints, are_plain, look_up
from inspector.graph.protos import FunctionDefLibrary, GraphDef, VersionDef

_NODE, _LIBRARY_OR_VERSIONS, _VERSION = b"\x0a", (0x12, 0x22), 0x18
_NAME, _OP, _INPUT = 0x0A, 0x12, 0x1A
_AT_ONCE = 8192
_TOGETHER = 32
"""Inputs that are read for all nodes at once; the few nodes with more are gone through alone."""

Places = npt.NDArray[np.int64]


class _OtherForm(ValueError):
    """The bytes are not in the one form that is read here."""


@dataclass(frozen=True)
class Read:
    """A GraphDef as columns, and what it has beside its nodes.

    Attributes:
        places: Where each node's message starts and ends.
    """

    columns: Columns
    library: FunctionDefLibrary
    versions: VersionDef
    places: tuple[Places, Places]


def read(data: bytes | memoryview, what: str = "graph") -> Read | None:
    """The columns of a serialised GraphDef, or None where the message must be parsed.

    Args:
        what: The file, for an error.
    Raises: LimitExceeded for kinds of nodes that would take too much memory.
    """
    try:
        return _read(data, what)
    except (_OtherForm, IndexError, UnicodeDecodeError, DecodeError):
        return None


def _read(data: bytes | memoryview, what: str) -> Read:
    nodes = _Nodes(data)
    names: list[str] = []
    index: dict[str, int] = {}
    kinds: dict[bytes, int] = {}
    kind: list[Ints] = []
    counts: list[Places] = []
    sources: list[Ints] = []
    unresolved: dict[int, str] = {}
    edges = 0
    for starts, stops in nodes.groups():
        group = _Group(data, starts, stops)
        index.update(zip(group.names, range(len(names), len(names) + len(starts)), strict=True))
        names += group.names
        kind.append(np.array([kinds.setdefault(key, len(kinds)) for key in group.kinds], np.int32))
        numbers = np.array([index.get(text, -1) for text in group.inputs], np.int32)
        unresolved.update(
            (edges + at, group.inputs[at]) for at in np.flatnonzero(numbers < 0).tolist()
        )
        counts.append(group.counts)
        sources.append(numbers)
        edges += len(numbers)
        if len(names) + edges > parse_limits.MAX_PARTS:  # parsing tells that there are too many
            raise _OtherForm
    if len(index) < len(names) or not are_plain(names):
        raise _OtherForm
    head = _parsed(kinds, nodes.others, what)
    ops: dict[str, int] = {}
    op_of = np.array([ops.setdefault(node.op, len(ops)) for node in head.node], np.int32)
    all_kinds = _joined(kind)
    source = _joined(sources)
    port, missing, spelled = look_up(source, unresolved, index, names)
    columns = Columns(
        names,
        list(ops),
        op_of[all_kinds],
        head.node,
        all_kinds,
        np.concatenate([[0], np.cumsum(_joined(counts))]).astype(np.int32),
        source,
        port,
        missing,
        index,
        spelled,
    )
    return Read(columns, head.library, head.versions, (_joined(nodes.starts), _joined(nodes.stops)))


def _joined(parts: list[Any]) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)


class _Nodes:
    """Where the nodes of a GraphDef start and stop, some thousand at a time.

    Attributes:
        others: The fields that are no nodes, as they are.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
        self.starts: list[Places] = []
        self.stops: list[Places] = []
        self.others: list[bytes] = []

    def groups(self) -> Iterator[tuple[Places, Places]]:
        """Raises: _OtherForm, IndexError."""
        starts: list[int] = []
        stops: list[int] = []
        for start, stop in self._places():
            starts.append(start)
            stops.append(stop)
            if len(starts) == _AT_ONCE:
                yield self._noted(starts, stops)
                starts, stops = [], []
        if starts:
            yield self._noted(starts, stops)

    def _noted(self, starts: list[int], stops: list[int]) -> tuple[Places, Places]:
        self.starts.append(np.array(starts, np.int64))
        self.stops.append(np.array(stops, np.int64))
        return self.starts[-1], self.stops[-1]

    def _places(self) -> Iterator[tuple[int, int]]:
        data = self._data
        position, end = 0, len(data)
        while position < end:
            tag, key = position, data[position]
            size = data[position + 1]
            position += 2
            if size > 127:
                size, shift = size & 127, 7
                while True:
                    byte = data[position]
                    position += 1
                    size |= (byte & 127) << shift
                    if byte < 128:
                        break
                    shift += 7
                    if shift > 28:
                        raise _OtherForm
            if key == _NODE[0]:
                start = position
                position += size
                yield start, position
            elif key in _LIBRARY_OR_VERSIONS:
                position += size
                self.others.append(bytes(data[tag:position]))
            elif key == _VERSION:  # a number, which was just read
                self.others.append(bytes(data[tag:position]))
            else:
                raise _OtherForm
        if position != end:
            raise _OtherForm


class _Group:
    """Some nodes that follow one another in the file.

    Attributes:
        kinds: Per node its op, device and attributes, as they are in the file.
        counts: Per node the number of its inputs.
        inputs: The input strings of all, in order.
    """

    def __init__(self, data: bytes | memoryview, starts: Places, stops: Places) -> None:
        base = int(starts[0])
        part = bytes(data[base : int(stops[-1])])
        buffer = np.frombuffer(part, np.uint8)
        first, ends = starts - base, stops - base
        names = np.stack([first, first])
        op = _field(buffer, _NAME, first, ends, names)
        after = _field(buffer, _OP, op, ends, np.stack([op, op]))
        owners, inputs, rest = _inputs(part, buffer, after, ends)
        self.names = _texts(part, names)
        self.inputs = _texts(part, inputs)
        self.counts = np.bincount(owners, minlength=len(first))
        self.kinds = [
            part[a:b] + part[c:d]
            for a, b, c, d in zip(
                op.tolist(), after.tolist(), rest.tolist(), ends.tolist(), strict=True
            )
        ]


def _field(
    buffer: npt.NDArray[np.uint8], tag: int, position: Places, ends: Places, places: Places
) -> Places:
    """Note where a text of this tag starts and stops, for nodes that have it next; what follows.

    Args:
        places: Two rows, of starts and of stops; written to.
    """
    rows = _next_is(buffer, tag, position, ends)
    start, stop = _text(buffer, position[rows], ends[rows])
    places[0, rows], places[1, rows] = start, stop
    after = position.copy()
    after[rows] = stop
    return after


def _next_is(
    buffer: npt.NDArray[np.uint8], tag: int, position: Places, ends: Places
) -> npt.NDArray[np.intp]:
    inside = np.flatnonzero(position < ends)
    is_next: npt.NDArray[np.bool_] = buffer[position[inside]] == tag
    return inside[is_next]


def _text(buffer: npt.NDArray[np.uint8], position: Places, ends: Places) -> tuple[Places, Places]:
    """Start and stop of the texts whose tags lie at these positions. Raises: _OtherForm."""
    last = len(buffer) - 1
    at = position + 1
    size = np.zeros_like(position)
    more = np.arange(len(position))
    shift = 0
    while len(more):
        if shift > 28:
            raise _OtherForm
        byte = buffer[np.minimum(at[more], last)].astype(np.int64)
        size[more] |= (byte & 127) << shift
        at[more] += 1
        more = more[byte > 127]
        shift += 7
    if np.any(at + size > ends):
        raise _OtherForm
    return at, at + size


def _inputs(
    data: bytes, buffer: npt.NDArray[np.uint8], position: Places, ends: Places
) -> tuple[Places, Places, Places]:
    """Per input its node, in order; where each starts and stops; where each node goes on."""
    after = position.copy()
    owners: list[Any] = []
    places: list[Any] = []
    rows = _next_is(buffer, _INPUT, after, ends)
    for _ in range(_TOGETHER):
        if not len(rows):
            break
        start, stop = _text(buffer, after[rows], ends[rows])
        owners.append(rows)
        places.append(np.stack([start, stop]))
        after[rows] = stop
        rows = rows[_next_is(buffer, _INPUT, stop, ends[rows])]
    for row in rows.tolist():
        alone = _alone(data, int(after[row]), int(ends[row]))
        owners.append(np.full(len(alone), row))
        places.append(np.array(alone, np.int64).T)
        after[row] = alone[-1][1]
    if not owners:
        return np.zeros(0, np.int64), np.zeros((2, 0), np.int64), after
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return owner[order], np.concatenate(places, axis=1)[:, order], after


def _alone(data: bytes, position: int, end: int) -> list[tuple[int, int]]:
    """Start and stop of the inputs that follow one another from here; at least one."""
    places = []
    while position < end and data[position] == _INPUT:
        size, shift = 0, 0
        while True:
            position += 1
            byte = data[position]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
            if shift > 28:
                raise _OtherForm
        places.append((position + 1, position + 1 + size))
        position += 1 + size
        if position > end:
            raise _OtherForm
    return places


def _parsed(kinds: dict[bytes, int], others: list[bytes], what: str) -> GraphDef:
    """A GraphDef with one node of each kind, without name and inputs, and all beside the nodes."""
    parts: list[bytes] = []
    for kind in kinds:
        parts += (_NODE, varint.encode(len(kind)), kind)
    data = b"".join(parts + others)
    parse_limits.check(GraphDef.DESCRIPTOR, data, what, "GraphDef")
    head = GraphDef.FromString(data)
    if len(head.node) != len(kinds) or any(node.name or node.input for node in head.node):
        raise _OtherForm
    return head


def _texts(data: bytes, places: Places) -> list[str]:
    starts, stops = places.tolist()
    return [data[start:stop].decode() for start, stop in zip(starts, stops, strict=True)]
