"""How much memory a protobuf message will take once it is parsed.

An empty message in a message is two bytes of a file and more than a hundred of memory, and Python's
view of it as many again: a file of a gigabyte could ask for sixty. What is parsed is counted first.

Source: protobuf's encoding; the cost of a part was measured with protobuf 6 and 7 (upb).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from google.protobuf.descriptor import Descriptor

from inspector.errors import LimitExceeded

MAX_MESSAGE = (2 << 30) - 1
"""Most bytes of one message, of any kind: protobuf has no longer ones."""

MAX_PARTS = 8_000_000
"""Most messages and texts inside one message; at 112 bytes each, they take up to 0.9 GB."""

_LARGE, _LARGE_PER_PART, _MOST_PARTS = 64 << 20, 8, 24_000_000
"""A message of so many bytes may have a part for every eight of them: a million nodes have ten
million parts. A job has memory for twelve times its file, and some gigabytes beside.
"""

PART_BYTES = 112
"""What an empty message takes: 10 MB of them grow to 560 MB."""

_SMALL = bytes(range(31))
"""As the length of a part: with its tag it is of at most 32 bytes."""

_CHUNK = 1 << 24
_COUNTED_FIRST = 20_000
_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
_SIZES = {_FIXED64: 8, _FIXED32: 4, _GROUP: 0, _GROUP_END: 0}
"""Bytes of a value, by wire type."""
_GROUP_STEPS = {_GROUP: 1, _GROUP_END: -1}


def check(
    descriptor: Descriptor, data: bytes | memoryview, what: str, where: str, most: int | None = None
) -> None:
    """Raises: LimitExceeded where a message of these bytes has more than so many parts.

    Damaged bytes pass: parsing tells what is wrong with them.
    """
    if most is None:
        most = MAX_PARTS if len(data) < _LARGE else min(len(data) // _LARGE_PER_PART, _MOST_PARTS)
    if len(data) <= 2 * most:  # no part is shorter than two bytes
        return
    bounded = False
    for parts in _counts(descriptor, data):
        if parts > most:
            reason = f"more than {most:,} messages and texts are in it, the most that is read"
            raise LimitExceeded(what, where, reason)
        if parts > _COUNTED_FIRST and not bounded:
            # Counting takes long, and a sound message of many parts is seldom near the limit.
            if _bound(data) <= most:
                return
            bounded = True


def _bound(data: bytes | memoryview) -> int:
    """At least the number of parts, quickly: as many short ones as there are bytes that can be the
    length of one, and as many long ones as fit.
    """
    short = 0
    for start in range(0, len(data), _CHUNK):
        chunk = bytes(data[start : start + _CHUNK])
        short += len(chunk) - len(chunk.translate(None, _SMALL))
    return short + len(data) // (len(_SMALL) + 2)


@cache
def _inner(descriptor: Descriptor) -> Mapping[int, Descriptor | None]:
    """The fields that take more memory than file: number to the message in it, or to None."""
    return {
        field.number: field.message_type
        for field in descriptor.fields
        if field.message_type is not None or field.type in (field.TYPE_STRING, field.TYPE_BYTES)
    }


def _counts(descriptor: Descriptor, data: bytes | memoryview) -> Iterator[int]:
    """The number of parts so far, after each message."""
    parts, numbers = 0, 0
    todo = [(descriptor, 0, len(data))]
    while todo:
        kind, position, stop = todo.pop()
        inner = _inner(kind)
        fields = groups = 0
        while position < stop:
            fields += 1
            if not fields & 0xFFFF:
                yield parts + numbers * 8 // PART_BYTES
            try:
                key = data[position]
                position += 1
                if key > 127:
                    key, position = _rest(data, position, key)
                wire = key & 7
                if wire == _VARINT:
                    numbers += 1
                    position = _varint_end(data, position)
                    continue
                if wire != _BYTES:
                    groups += _GROUP_STEPS.get(wire, 0)
                    position += _SIZES[wire]
                    if groups < 0:
                        return
                    continue
                length = data[position]
                after = position + 1
                length, position = (length, after) if length < 128 else _rest(data, after, length)
            except (IndexError, KeyError):
                return
            number = key >> 3
            # No message of TensorFlow has a group: it is kept as bytes.
            if not groups and number in inner:
                parts += 1
                if length and (message := inner[number]) is not None:
                    todo.append((message, position, min(position + length, stop)))
            elif not groups:
                numbers += length  # packed: a byte may be a number of eight
            position += length
        yield parts + numbers * 8 // PART_BYTES


def _varint_end(data: bytes | memoryview, position: int) -> int:
    """Where the varint at a position ends. Raises: IndexError."""
    while data[position] > 127:
        position += 1
    return position + 1


def _rest(data: bytes | memoryview, position: int, first: int) -> tuple[int, int]:
    value, shift = first & 127, 7
    while shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
    return value, position
