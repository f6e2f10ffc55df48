"""Recognises the message in a file by its fields and their contents, before anything is parsed.

Protobuf ignores fields that a message does not have, of any number and wire type, so unknown fields
are allowed. A file with unknown fields is only recognised by a graph in it.

Source: tensorflow/core/framework/graph.proto, node_def.proto, core/protobuf/saved_model.proto,
meta_graph.proto.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from inspector.graph.wire import BYTES, VARINT, Buffer, Field, Truncated, WireError, fields

_MOST_FIELDS = 20_000
"""Most fields of a message that are looked at."""

_ENOUGH = 64
"""Most known fields that are checked: a GraphDef is recognised by its first node, and the other
messages have few."""

_NODE_FIELDS = 7
_OP_BYTES = 200


class _Form(NamedTuple):
    """A message: the wire types of its fields, and the number of the one with the graph in it."""

    wires: Mapping[int, int]
    mark: int


_SAVED_MODEL = _Form({1: VARINT, 2: BYTES}, 2)
_GRAPH_DEF = _Form({1: BYTES, 2: BYTES, 3: VARINT, 4: BYTES}, 1)
_META_GRAPH = _Form(dict.fromkeys(range(1, 8), BYTES), 2)


def recognise(data: Buffer) -> str | None:
    """``SavedModel``, ``MetaGraphDef`` or ``GraphDef``; None for anything else.

    A truncated message is still recognised where enough of it is there.
    """
    try:
        head = _Head(data)
    except WireError:
        return None
    if (meta := head.mark(_SAVED_MODEL)) is not None and not head.unknown(_SAVED_MODEL):
        versioned = 1 in head.numbers
        if _is_meta(data, meta, versioned):
            return "SavedModel"
        if versioned:
            return None
    if (node := head.mark(_GRAPH_DEF)) is not None and _is_node(data, node.start, node.end):
        return "GraphDef"
    if (graph := head.mark(_META_GRAPH)) is None:
        return None
    if not head.unknown(_META_GRAPH):
        return "MetaGraphDef" if _is_graph(data, graph, True) else None
    if (1, BYTES) not in head.kinds and _is_meta(data, graph, False, empty=False):
        return "SavedModel"
    if (1, VARINT) not in head.kinds and _is_graph(data, graph, False):
        return "MetaGraphDef"
    return None


class _Head:
    """The first fields of a message. Raises: WireError, but not for a truncated one."""

    def __init__(self, data: Buffer) -> None:
        self.kinds: dict[tuple[int, int], Field] = {}
        """Number and wire type to the first such field."""
        looked_at = 0
        for field in _whole(itertools.islice(fields(data), _MOST_FIELDS)):
            self.kinds.setdefault((field.number, field.wire), field)
            looked_at += field.number <= _NODE_FIELDS
            if looked_at > _ENOUGH:
                break
        self.numbers = {number for number, _ in self.kinds}

    def mark(self, form: _Form) -> Field | None:
        """The first field that could hold the graph of such a message."""
        return self.kinds.get((form.mark, BYTES))

    def unknown(self, form: _Form) -> bool:
        """Whether there are fields that such a message does not have."""
        return any(form.wires.get(number) != wire for number, wire in self.kinds)


def _whole(parsed: Iterator[Field]) -> Iterator[Field]:
    try:
        yield from parsed
    except Truncated:
        return


def _is_node(data: Buffer, start: int, end: int) -> bool:
    name = op = False
    try:
        for field in fields(data, start, end):
            if field.number > _NODE_FIELDS:
                continue
            if field.wire != BYTES:
                return False
            if field.number == 2:
                op = _is_op(bytes(data[field.start : field.end][:_OP_BYTES]))
                if not op:
                    return False
            name |= field.number == 1
    except Truncated:
        # Cut short inside its first node: the name alone must do.
        return name
    except WireError:
        return False
    return op


def _is_op(text: bytes) -> bool:
    """Whether this is text, and no OpList, which a MetaInfoDef holds in this field.

    Each OpDef of an OpList starts with a newline.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)  # may end within a character
    except UnicodeDecodeError:
        return False
    return text[:1] not in (b"", b"\n")


def _is_graph(data: Buffer, graph: Field, empty: bool) -> bool:
    """Whether a node is its first field of that number; `empty` says of one without any field."""
    if graph.start == graph.end:
        return empty
    try:
        for field in fields(data, graph.start, graph.end):
            if (field.number, field.wire) == (1, BYTES):
                return _is_node(data, field.start, field.end)
    except WireError:
        pass
    return False


def _is_meta(data: Buffer, meta: Field, sure: bool, *, empty: bool = True) -> bool:
    """True for a SavedModel's MetaGraphDef; where not sure, it must be seen to hold a GraphDef."""
    try:
        for field in fields(data, meta.start, meta.end):
            if field.number not in _META_GRAPH.wires:
                sure = empty = False
                continue
            if field.wire != BYTES:
                return False
            if field.number == _META_GRAPH.mark:
                return _is_graph(data, field, empty)
    except Truncated:
        return True
    except WireError:
        return False
    return sure
