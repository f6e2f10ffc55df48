"""Files changed on purpose: bytes, and the fields of protobuf messages at any depth.

What a reader checks by a checksum (tables, headers of tar archives) is made right again, so that
the change gets past it.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

from inspector.formats.checkpoint import sstable
from inspector.graph import varint, wire

_BYTES = 2
_NUMBERS = (0, 1, 2, 3, 7, 20, 127, 128, 255, 1 << 20, 1 << 31, (1 << 32) - 1, 1 << 60)
_NUMBERS += ((1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_TEXTS = (
    *(b"", b"^", b":0", b"a:99999999999999999999", b"../../x", b"\0", b"\xff\xfe", b"<b>\n\"'"),
    *("ü☃".encode(), b"x" * 5000, b"/etc/passwd", b"Const", b"Merge", b"NextIteration", b"While"),
    *(b"PartitionedCall", b"RestoreV2", b"VarHandleOp", b"Placeholder", b"Identity", b"loc:@x"),
)
_DEEPEST = 12


def mutate(data: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """One to four changes.

    Args:
        others: Files to take pieces from.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        change = rng.choice(_CHANGES)
        data = change(data, rng, others)
    return repaired(data)


def repaired(data: bytes) -> bytes:
    """The same with the checksums that a file of this kind has."""
    if sstable.is_table(data) and len(data) >= sstable.FOOTER:
        return _repaired_table(data)
    if data[257:262] == b"ustar":
        return _repaired_tar(data)
    return data


def _flip(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    if not data:
        return b"\n"
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] = rng.choice((rng.randrange(256), 0, 255, 127, 128))
    return bytes(changed)


def _cut(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice((data[:last], data[first:], data[:first] + data[last:]))


def _repeat(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:last] + data[first : min(last, first + 4096)] + data[last:]


def _splice(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others) if others else data
    first, last = sorted(rng.randrange(len(other) + 1) for _ in range(2))
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[first : min(last, first + 4096)] + data[at:]


def _field(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Change one field of a message; the lengths of all messages around it fit."""
    if sstable.is_table(data):
        return _flip(data, rng, others)
    return _inside(data, rng, others, _DEEPEST)


def _inside(data: bytes, rng: random.Random, others: Sequence[bytes], depth: int) -> bytes:
    found = _fields(data)
    if not found:
        return _leaf(data, rng)
    at = rng.randrange(len(found))
    field = found[at]
    value = data[field.start : field.end]
    go_on = field.wire == _BYTES and depth > 0 and _fields(value) is not None
    if go_on and rng.random() < 0.85:
        return _joined(data, field, _written(field, _inside(value, rng, others, depth - 1)))
    whole = data[field.tag : field.end]
    kind = rng.randrange(6)
    if kind == 0:
        return _joined(data, field, b"")
    if kind == 1:
        return _joined(data, field, whole * rng.choice((2, 3, 50)))
    if kind == 2:
        other = rng.choice(found)
        return _joined(data, field, data[other.tag : other.end])
    if kind == 3:
        number = field.number + rng.choice((-1, 1, 2))
        return _joined(
            data, field, _head(max(number, 1), field.wire) + data[_after(field, data) : field.end]
        )
    if kind == 4 and others:
        theirs = rng.choice(others)
        parts = _fields(theirs)
        if parts:
            part = rng.choice(parts)
            return _joined(data, field, whole + theirs[part.tag : part.end])
    if field.wire == _BYTES:
        return _joined(data, field, _written(field, _leaf(value, rng)))
    if field.wire == 0:
        return _joined(data, field, _head(field.number, 0) + _varint(rng.choice(_NUMBERS)))
    return _joined(data, field, data[field.tag : field.start] + rng.randbytes(len(value)))


def _leaf(value: bytes, rng: random.Random) -> bytes:
    return rng.choice((rng.choice(_TEXTS), value + rng.choice(_TEXTS), _flip(value, rng, ())))


def _fields(data: bytes) -> list[wire.Field] | None:
    try:
        return list(wire.fields(data))
    except wire.WireError:
        return None


def _after(field: wire.Field, data: bytes) -> int:
    """Where the tag of a field ends."""
    position = field.tag
    while data[position] > 127:
        position += 1
    return position + 1


def _joined(data: bytes, field: wire.Field, new: bytes) -> bytes:
    return data[: field.tag] + new + data[field.end :]


def _written(field: wire.Field, value: bytes) -> bytes:
    return _head(field.number, _BYTES) + _varint(len(value)) + value


def _head(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


_CHANGES: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _flip,
    _cut,
    _repeat,
    _splice,
    *([_field] * 6),
)


def _repaired_table(data: bytes) -> bytes:
    """The checksum of each block that the index block and the footer tell of."""
    made = bytearray(data)
    try:
        position = len(data) - sstable.FOOTER
        for _ in range(2):
            _, position = varint.decode(data, position)
        handles = [position]
        offset, size, _ = _handle(data, position)
        _checksum(made, offset, size)
        position, end = offset, offset + size
        restarts = int.from_bytes(data[end - 4 : end], "little")
        end -= 4 + 4 * restarts
        while position < end:
            _, position = varint.decode(data, position)
            key, position = varint.decode(data, position)
            length, position = varint.decode(data, position)
            handles.append(position + key)
            position += key + length
        for handle in handles[1:1000]:
            offset, size, _ = _handle(data, handle)
            _checksum(made, offset, size)
    except (IndexError, ValueError, struct.error):
        pass
    return bytes(made)


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    offset, position = varint.decode(data, position)
    size, position = varint.decode(data, position)
    return offset, size, position


def _checksum(data: bytearray, offset: int, size: int) -> None:
    end = offset + size + 1
    if end + 4 <= len(data):
        struct.pack_into("<I", data, end, sstable.masked_crc(bytes(data[offset:end])))


def _repaired_tar(data: bytes) -> bytes:
    made = bytearray(data)
    for start in range(0, len(made) - 511, 512):
        if made[start + 257 : start + 262] == b"ustar":
            made[start + 148 : start + 156] = b" " * 8
            made[start + 148 : start + 156] = b"%06o\0 " % sum(made[start : start + 512])
    return bytes(made)
