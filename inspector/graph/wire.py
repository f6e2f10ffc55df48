"""Protobuf at the wire level: the fields of a message, and a GraphDef without its big values.

Parsing a GraphDef of 100 MB takes twice its size in memory, for values that a description never
reads. `elide` copies the message with a placeholder of 24 bytes in place of each long
``tensor_content``; `elided_range` reads the placeholder. The bytes of an elided Const do not fit
its shape, so reading it by mistake is an error and never a wrong value.

Source: protobuf's encoding; tensorflow/core/framework/graph.proto, core/protobuf/meta_graph.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from inspector import settings
from inspector.errors import CorruptModel, InspectorError, LimitExceeded
from inspector.graph import parse_limits, varint
from inspector.graph.protos import FunctionDefLibrary, GraphDef, NodeDef, TensorProto, parse

Buffer = bytes | memoryview

ELIDE_FROM = 4096
"""Only values of more bytes than this are elided: shapes, axes and the like stay readable."""

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = range(6)
"""The wire types."""

MAX_GROUPS = 100
"""Most groups inside one another, as protobuf itself has it."""

_MAGIC = b"\x89hole\r\n\0"
_PLACEHOLDER = struct.Struct("<8sQQ")

# Field numbers on the way down to tensor_content, and where `elide` finds it.
_CONTENT: Mapping[int, object] = {}
_NODE: Mapping[int, object] = {5: {2: {8: {4: _CONTENT}}}}
_GRAPH: Mapping[int, object] = {1: _NODE, 2: {1: {3: _NODE}}}


class WireError(ValueError):
    """The bytes do not follow protobuf's encoding."""


class Truncated(WireError):
    """The last field runs over the end: the file was cut short."""


class TooMany(WireError):
    """A message of more fields than are read."""


class Field(NamedTuple):
    """One field: its number, wire type, and the places of its tag, its value and its end."""

    number: int
    wire: int
    tag: int
    start: int
    end: int


def fields(data: Buffer, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of one message, in file order; a message or group in a field is not entered.

    Raises: Truncated, TooMany, WireError; the fields before the fault come first.
    """
    position = start
    stop = len(data) if end is None else end
    remaining = most = parse_limits.MAX_PARTS
    while position < stop:
        remaining -= 1
        if remaining < 0:
            raise TooMany(f"more than {most:,} fields in one message, the most that is read")
        tag = position
        number, wire, first, position = _field(data, position, stop)
        if wire == GROUP:
            position = _group_end(data, tag, first, stop)
        elif wire == GROUP_END:
            raise WireError(f"the end of a group that has no start, at byte {tag}")
        if position > stop:
            # Yield the field all the same: its first bytes tell which message this is.
            yield Field(number, wire, tag, first, stop)
            raise Truncated(f"its end is missing, {position - stop:,} bytes or more")
        yield Field(number, wire, tag, first, position)


def _long_fields(data: Buffer, start: int, stop: int) -> Iterator[Field]:
    """The fields of more than `ELIDE_FROM` bytes, as `fields` gives them and several times faster.

    Fields of the usual form are passed over here; from the first other one on, `fields` reads.
    """
    position = start
    for _ in range(parse_limits.MAX_PARTS):
        if position + 4 > stop:
            break
        tag, key, size = position, data[position], data[position + 1]
        if key == 8 and size < 128:  # a number
            position += 2
            continue
        if key & 7 != BYTES or not 8 < key < 128:
            break
        first = position + 2
        if size > 127:
            more = data[first]
            size = (size & 127) | (more & 127) << 7
            first += 1
            if more > 127:
                more = data[first]
                if more > 127:
                    break
                size |= more << 14
                first += 1
        if first + size > stop:
            break
        position = first + size
        if size > ELIDE_FROM:
            yield Field(key >> 3, BYTES, tag, first, position)
    for field in fields(data, position, stop):
        if field.wire == BYTES and field.end - field.start > ELIDE_FROM:
            yield field


def _field(data: Buffer, tag: int, stop: int) -> tuple[int, int, int, int]:
    """Number, wire type, start of the value and end of the field; of a group, its tag alone.

    Raises: Truncated, WireError.
    """
    try:
        key, position = varint.decode(data, tag, stop)
        wire, first = key & 7, position
        if wire == BYTES:
            length, first = varint.decode(data, position, stop)
            position = first + length
        elif wire == VARINT:
            _, position = varint.decode(data, position, stop)
        elif wire == FIXED64:
            position += 8
        elif wire == FIXED32:
            position += 4
    except IndexError as err:
        raise Truncated(str(err)) from err
    except ValueError as err:
        raise WireError(str(err)) from err
    if wire > FIXED32:
        raise WireError(f"wire type {wire} at byte {tag}")
    if key < 8:
        raise WireError(f"field number 0 at byte {tag}")
    return key >> 3, wire, first, position


def _group_end(data: Buffer, tag: int, position: int, stop: int) -> int:
    """Where the group ends whose start tag was read. Raises: Truncated, WireError, TooMany."""
    numbers = [varint.decode(data, tag, stop)[0] >> 3]
    for _ in range(parse_limits.MAX_PARTS):
        if position >= stop:
            raise Truncated("the last group is cut short")
        at = position
        number, wire, _, position = _field(data, at, stop)
        if wire == GROUP:
            numbers.append(number)
            if len(numbers) > MAX_GROUPS:
                raise WireError(f"more than {MAX_GROUPS} groups inside one another at byte {at}")
        elif wire == GROUP_END:
            if number != numbers.pop():
                raise WireError(f"the end of another group at byte {at}")
            if not numbers:
                return position
    raise TooMany(
        f"more than {parse_limits.MAX_PARTS:,} fields in one group, the most that is read"
    )


def read_error(err: WireError, what: str, where: str) -> InspectorError:
    """The error to raise for bytes that cannot be read as this message."""
    if isinstance(err, TooMany):
        return LimitExceeded(what, where, str(err))
    return CorruptModel(what, where, f"damaged, or cut short: {err}")


def elide(data: Buffer, start: int, end: int) -> bytes | None:
    """The GraphDef at these bytes with a placeholder for each long value; None if it has none.

    Raises: WireError.
    """
    pieces: list[Buffer] = []
    if not _elide(data, start, end, _GRAPH, pieces)[1]:
        return None
    return b"".join(pieces)


def elided_range(tensor: TensorProto) -> tuple[int, int] | None:
    """First byte and length in the file of an elided tensor's value; None for other tensors."""
    content: bytes = tensor.tensor_content
    if len(content) != _PLACEHOLDER.size or not content.startswith(_MAGIC):
        return None
    _, start, length = _PLACEHOLDER.unpack(content)
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
            elided = elide(self.data, self.start, self.end)
        except WireError as err:
            raise read_error(err, self.what, "GraphDef") from err
        if elided is None:
            return None
        return GraphBytes(memoryview(elided), 0, len(elided), self.what)

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
        place = elided_range(tensor)
        if place is None:
            return tensor
        first, length = place
        # A model may hold bytes that look like a placeholder: its range must lie in this message.
        if not self.start <= first <= first + length <= self.end:
            raise CorruptModel(self.what, node.name, "its value is damaged")
        full = TensorProto()
        full.CopyFrom(tensor)
        full.tensor_content = bytes(self.data[first : first + length])
        return full


def _has_long(data: Buffer, start: int, end: int) -> bool:
    """Whether a field of a message may be long enough for `elide`; quicker than `fields`."""
    if end - start <= ELIDE_FROM:
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
            if size > ELIDE_FROM:
                return True
            position += 3 + size
    except IndexError:
        return True
    return position != end


def _elide(
    data: Buffer, start: int, end: int, below: Mapping[int, object], pieces: list[Buffer]
) -> tuple[int, bool]:
    """Copy a message's pieces; gives its new length, and whether a value was elided.

    Goes down one call per field of the fixed path to a tensor's values, eight at most.
    """
    size, copied, changed = 0, start, False
    for field in _long_fields(data, start, end):
        inner = below.get(field.number)
        if inner is None:
            continue
        if inner is _CONTENT:
            placeholder = _PLACEHOLDER.pack(_MAGIC, field.start, field.end - field.start)
            part: list[Buffer] = [placeholder]
            length, was_elided = len(placeholder), True
        else:
            part = []
            length, was_elided = _elide(data, field.start, field.end, inner, part)  # type: ignore[arg-type]
        if not was_elided:
            continue
        changed = True
        head = bytes(data[copied : field.tag]) + varint.encode(field.number << 3 | BYTES)
        head += varint.encode(length)
        pieces.append(head)
        pieces += part
        size += len(head) + length
        copied = field.end
    pieces.append(data[copied:end])
    return size + end - copied, changed
