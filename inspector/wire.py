"""Protobuf at the wire level: which message a file is, and a GraphDef without its big values.

Parsing a GraphDef of 100 MB takes its size in memory twice, for values that a description never
looks at. `slim` copies the message and leaves a mark of 24 bytes where a long ``tensor_content``
stood; `hole` reads the mark. A slimmed Const is no sound tensor any more: its bytes do not fit its
shape, so reading it by mistake is an error and never a wrong value.

Source: protobuf's encoding; tensorflow/core/framework/graph.proto, core/protobuf/meta_graph.proto.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from inspector import expansion, settings, varints
from inspector.errors import CorruptModel, InspectorError, LimitExceeded
from inspector.protos import FunctionDefLibrary, GraphDef, NodeDef, TensorProto, parse

Buffer = bytes | memoryview

SLIM_FROM = 4096
"""Only values of more bytes than this are left out: shapes, axes and the like stay readable."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = _WIRES = (0, 1, 2, 5)
_MARK = b"\x89hole\r\n\0"
_HOLE = struct.Struct("<8sQQ")

# Field numbers on the way down to tensor_content, and what `slim` does at the end of it.
_CONTENT: Mapping[int, object] = {}
_NODE: Mapping[int, object] = {5: {2: {8: {4: _CONTENT}}}}
_GRAPH: Mapping[int, object] = {1: _NODE, 2: {1: {3: _NODE}}}


class WireError(ValueError):
    """The bytes do not follow protobuf's encoding."""


class Truncated(WireError):
    """The last field runs over the end: the file was cut short."""


class TooMany(WireError):
    """A message of more fields than are looked at."""


class Field(NamedTuple):
    """One field: its number, wire type, and the places of its tag, its value and its end."""

    number: int
    wire: int
    tag: int
    start: int
    end: int


def fields(data: Buffer, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of one message, in file order; a message in a field is not entered.

    Raises: Truncated, TooMany, WireError; the fields before the fault come first.
    """
    position = start
    stop = len(data) if end is None else end
    left = most = expansion.MAX_PARTS
    while position < stop:
        left -= 1
        if left < 0:
            raise TooMany(f"more than {most:,} fields in one message, the most that is read")
        tag = position
        try:
            key, position = varints.decode(data, position, stop)
            wire, first = key & 7, position
            if wire == _BYTES:
                length, first = varints.decode(data, position, stop)
                position = first + length
            elif wire == _VARINT:
                _, position = varints.decode(data, position, stop)
            elif wire == _FIXED64:
                position += 8
            elif wire == _FIXED32:
                position += 4
        except IndexError as err:
            raise Truncated(str(err)) from err
        except ValueError as err:
            raise WireError(str(err)) from err
        if wire not in _WIRES:
            raise WireError(f"wire type {wire} at byte {tag}")
        if key < 8:
            raise WireError(f"field number 0 at byte {tag}")
        if position > stop:
            # The field is still told: its first bytes say what the message is.
            yield Field(key >> 3, wire, tag, first, stop)
            raise Truncated(f"its end is missing, {position - stop:,} bytes or more")
        yield Field(key >> 3, wire, tag, first, position)


def told(err: WireError, what: str, where: str) -> InspectorError:
    """The error to raise for bytes that cannot be read as this message."""
    if isinstance(err, TooMany):
        return LimitExceeded(what, where, str(err))
    return CorruptModel(what, where, f"damaged, or cut short: {err}")


def recognise(data: Buffer) -> str | None:
    """``SavedModel``, ``MetaGraphDef``, ``GraphDef`` or None, by the fields and what is in them.

    A message that is cut short is still recognised where enough of it is there.
    """
    seen: list[Field] = []
    try:
        # A GraphDef shows itself in its first node; the others have few fields at this level.
        for field in fields(data):
            seen.append(field)
            if len(seen) > 64:
                break
    except Truncated:
        pass
    except WireError:
        return None
    kinds = {(field.number, field.wire) for field in seen}
    first = {field.number: field for field in reversed(seen) if field.wire == _BYTES}
    if kinds <= {(1, _VARINT), (2, _BYTES)} and 2 in first:
        versioned = (1, _VARINT) in kinds
        if _is_meta(data, first[2], versioned):
            return "SavedModel"
        if versioned:
            return None
    if 1 in first and _is_node(data, first[1].start, first[1].end):
        return "GraphDef" if kinds <= {(1, 2), (2, 2), (3, 0), (4, 2)} else None
    if 2 in first and kinds <= {(number, _BYTES) for number in range(1, 8)}:
        return "MetaGraphDef" if _is_graph(data, first[2].start, first[2].end) else None
    return None


def slim(data: Buffer, start: int, end: int) -> bytes | None:
    """The GraphDef at these bytes with a mark in place of each long value; None if it has none.

    Raises: WireError.
    """
    pieces: list[Buffer] = []
    if not _slim(data, start, end, _GRAPH, pieces)[1]:
        return None
    return b"".join(pieces)


def hole(tensor: TensorProto) -> tuple[int, int] | None:
    """Where in the file the value of a slimmed tensor lies: first byte and length; else None."""
    content: bytes = tensor.tensor_content
    if len(content) != _HOLE.size or not content.startswith(_MARK):
        return None
    _, start, length = _HOLE.unpack(content)
    return start, length


@dataclass(frozen=True)
class GraphBytes:
    """A GraphDef somewhere in a file that is mapped into memory."""

    data: memoryview
    start: int
    end: int
    what: str

    def raw(self) -> memoryview:
        """The message as it is in the file."""
        return self.data[self.start : self.end]

    def check(self) -> None:
        """Raises: LimitExceeded where it would take too much memory to parse it."""
        expansion.check(GraphDef.DESCRIPTOR, self.raw(), self.what, "GraphDef")

    def parse(self) -> GraphDef:
        """The whole message. Raises: CorruptModel, LimitExceeded."""
        graph = parse(GraphDef, self.raw(), self.what, "GraphDef")
        self.check_count(len(graph.node), graph.library)
        return graph

    @cached_property
    def outline(self) -> GraphBytes | None:
        """The message without its long values, or None where it has none. Raises: CorruptModel."""
        if not _has_long(self.data, self.start, self.end):
            return None
        try:
            slimmed = slim(self.data, self.start, self.end)
        except WireError as err:
            raise told(err, self.what, "GraphDef") from err
        if slimmed is None:
            return None
        return GraphBytes(memoryview(slimmed), 0, len(slimmed), self.what)

    def check_count(self, nodes: int, library: FunctionDefLibrary) -> None:
        """Raises: LimitExceeded for a graph of so many nodes, with those of its functions."""
        most = settings.NODES()
        count = nodes + sum(1 + len(item.node_def) for item in library.function)
        if count > most:
            reason = f"{count:,} nodes, the limit is {most:,} ({settings.NODES.name})"
            raise LimitExceeded(self.what, "GraphDef", reason)

    def value(self, node: NodeDef) -> TensorProto:
        """The ``value`` of a Const of the outline, read from the file. Raises: CorruptModel."""
        tensor = node.attr["value"].tensor
        place = hole(tensor)
        if place is None:
            return tensor
        first, length = place
        # A model may hold bytes that look like a mark: they can only point into the model itself.
        if not self.start <= first <= first + length <= self.end:
            raise CorruptModel(self.what, node.name, "its value is damaged")
        full = TensorProto()
        full.CopyFrom(tensor)
        full.tensor_content = bytes(self.data[first : first + length])
        return full


def _peek(data: Buffer, start: int, end: int, wanted: Callable[[Field], bool]) -> Field | None:
    """The first field that is wanted, also of a message that is cut short behind it."""
    try:
        return next((field for field in fields(data, start, end) if wanted(field)), None)
    except WireError:
        return None


def _is_node(data: Buffer, start: int, end: int) -> bool:
    name = op = False
    try:
        for field in fields(data, start, end):
            if field.wire != _BYTES or field.number > 7:
                return False
            if field.number == 2:
                op = _is_op(bytes(data[field.start : field.end][:200]))
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
    """Text of any kind, since a hostile one must open too; no OpList, which a MetaInfoDef has here.

    An OpList is a list of OpDefs, each of which starts with this byte.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)  # may end within a character
    except UnicodeDecodeError:
        return False
    return text[:1] not in (b"", b"\n")


def _is_graph(data: Buffer, start: int, end: int) -> bool:
    if start == end:
        return True
    node = _peek(data, start, end, lambda field: field.number == 1 and field.wire == _BYTES)
    return node is not None and _is_node(data, node.start, node.end)


def _is_meta(data: Buffer, meta: Field, sure: bool) -> bool:
    """True for a SavedModel's MetaGraphDef; where not sure, it must be seen to hold a GraphDef."""
    try:
        for field in fields(data, meta.start, meta.end):
            if field.number > 7 or field.wire != _BYTES:
                return False
            if field.number == 2:
                return _is_graph(data, field.start, field.end)
    except Truncated:
        return True
    except WireError:
        return False
    return sure


def _has_long(data: Buffer, start: int, end: int) -> bool:
    """Whether a field of a message may be long enough for `slim`; quicker than `fields`."""
    if end - start <= SLIM_FROM:
        return False
    position = start
    try:
        while position < end:
            size = data[position + 1]
            if size < 128:
                position += 2 + size
                continue
            more = data[position + 2]
            if more > 127:
                return True
            size += (more - 1) << 7
            if size > SLIM_FROM:
                return True
            position += 3 + size
    except IndexError:
        return True
    return position != end


def _slim(
    data: Buffer, start: int, end: int, below: Mapping[int, object], pieces: list[Buffer]
) -> tuple[int, bool]:
    """Copy a message's pieces; gives its new length, and whether a value was left out.

    Goes down one call per field of the fixed path to a tensor's values, eight at most.
    """
    size, copied, changed = 0, start, False
    for field in fields(data, start, end):
        inner = below.get(field.number) if field.wire == _BYTES else None
        if inner is None or field.end - field.start <= SLIM_FROM:
            continue
        if inner is _CONTENT:
            mark = _HOLE.pack(_MARK, field.start, field.end - field.start)
            part: list[Buffer] = [mark]
            length, found = len(mark), True
        else:
            part = []
            length, found = _slim(data, field.start, field.end, inner, part)  # type: ignore[arg-type]
        if not found:
            continue
        changed = True
        head = bytes(data[copied : field.tag]) + varints.encode(field.number << 3 | _BYTES)
        head += varints.encode(length)
        pieces.append(head)
        pieces += part
        size += len(head) + length
        copied = field.end
    pieces.append(data[copied:end])
    return size + end - copied, changed
