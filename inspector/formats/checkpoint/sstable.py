"""LevelDB's sorted table, the file under both checkpoint formats: keys to values, in key order.

A table is a row of blocks, each followed by a trailer (one byte of compression, four of masked
CRC-32C), an index block that says where they lie, and a footer of 48 bytes. TensorFlow writes the
blocks uncompressed; Snappy is allowed by the format and read as well.

Source: tensorflow/core/lib/io/format.cc, table.cc, block.cc; core/lib/strings/ordered_code.cc.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import google_crc32c

from inspector.errors import CorruptModel, LimitExceeded
from inspector.graph import varint

FOOTER = 48
MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
MAX_BLOCK = 1 << 30
"""Most bytes that one block may unpack to; TensorFlow's own are of 256 KiB."""

MAX_KEY_BYTES = 512 << 20
"""Most bytes that all keys of one table may have; each is written as what it adds to the last."""

_TRAILER = 5
_PLAIN, _SNAPPY = 0, 1
_CHUNK = 1 << 24
_CRC_DELTA = 0xA282EAD8


def is_table(tail: bytes | memoryview) -> bool:
    """True where these last bytes of a file end in a table's magic number."""
    return tail[-8:] == MAGIC


def read_table(data: bytes | memoryview, what: str) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """Every key and value of a table, in order; the values of a memoryview are views of it.

    Raises: CorruptModel(what, ...) where the bytes are no table; LimitExceeded.
    """
    if len(data) < FOOTER or not is_table(data):
        raise CorruptModel(what, "checkpoint", "no table of keys (damaged, or cut short)")
    try:
        footer = data[-FOOTER:]
        _, position = varint.decode(footer, 0)
        _, position = varint.decode(footer, position)
        offset, position = varint.decode(footer, position)
        size, _ = varint.decode(footer, position)
        last, total = None, 0
        for _, handle in _entries(_block(data, offset, size, what)):
            offset, position = varint.decode(handle, 0)
            size, _ = varint.decode(handle, position)
            for key, value in _entries(_block(data, offset, size, what)):
                # So no block is read twice, and a small file cannot tell of endless keys.
                if last is not None and key <= last:
                    raise ValueError("keys that are not in order")
                total += len(key)
                if total > MAX_KEY_BYTES:
                    reason = f"keys of more than {MAX_KEY_BYTES >> 20} MiB"
                    raise LimitExceeded(what, "checkpoint", reason)
                last = key
                yield key, value
    except (IndexError, ValueError) as err:
        raise CorruptModel(what, "checkpoint", "the table of keys is damaged") from err


def slice_key(name: str, extents: Sequence[tuple[int, int]]) -> bytes:
    """The key of one slice of a partitioned variable, in TensorFlow's ordered code.

    Args:
        extents: Start and length per dimension; (0, -1) is the whole dimension.
    """
    text = name.encode().replace(b"\0", b"\0\xff") if "\0" in name else name.encode()
    # The escape of 0xff must not touch the 0xff of the escape above; UTF-8 itself has none.
    key = _ordered(0) + text + b"\0\x01" + _ordered(len(extents))
    for start, length in extents:
        key += _ordered_signed(start) + _ordered_signed(length)
    return key


def masked_crc(data: bytes | memoryview) -> int:
    """LevelDB's masked CRC-32C."""
    crc = 0
    for start in range(0, len(data), _CHUNK):
        # The library takes bytes only; a chunk at a time, so that a large tensor is not copied.
        crc = google_crc32c.extend(crc, bytes(data[start : start + _CHUNK]))
    return ((crc >> 15 | crc << 17) + _CRC_DELTA) & 0xFFFFFFFF


def _block(data: bytes | memoryview, offset: int, size: int, what: str) -> bytes | memoryview:
    end = offset + size
    if end + _TRAILER > len(data):
        raise CorruptModel(what, "checkpoint", "a block of the table lies beyond the file's end")
    content, compression = data[offset:end], data[end]
    stored = int.from_bytes(data[end + 1 : end + _TRAILER], "little")
    if masked_crc(data[offset : end + 1]) != stored:
        raise CorruptModel(what, "checkpoint", "a block of the table fails its checksum")
    if compression == _PLAIN:
        return content
    if compression == _SNAPPY:
        return _unsnap(content, what)
    raise CorruptModel(what, "checkpoint", f"a block is compressed by unknown method {compression}")


def _entries(block: bytes | memoryview) -> Iterator[tuple[bytes, bytes | memoryview]]:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise ValueError("more restarts than bytes")
    position, key = 0, b""
    while position < end:
        shared, position = varint.decode(block, position)
        unshared, position = varint.decode(block, position)
        length, position = varint.decode(block, position)
        if shared > len(key) or position + unshared + length > end:
            raise ValueError("an entry runs over its block")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _unsnap(data: bytes | memoryview, what: str) -> bytes:
    """Unpack Snappy's raw format: literals, and copies from what is there already."""
    size, position = varint.decode(data, 0)
    if size > MAX_BLOCK:
        raise LimitExceeded(
            what, "checkpoint", f"a block of {size} bytes, the limit is {MAX_BLOCK}"
        )
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        kind, length = tag & 3, tag >> 2
        if kind == 0:
            if length >= 60:
                width = length - 59
                length = int.from_bytes(data[position : position + width], "little")
                position += width
            out += data[position : position + length + 1]
            position += length + 1
        else:
            if kind == 1:
                offset = (tag >> 5) << 8 | data[position]
                length = (length & 7) + 4
                position += 1
            else:
                width = 2 if kind == 2 else 4
                offset = int.from_bytes(data[position : position + width], "little")
                length += 1
                position += width
            if not 0 < offset <= len(out):
                raise ValueError("a copy from before the start")
            start = len(out) - offset
            if offset >= length:
                out += out[start : start + length]
            else:
                out += (bytes(out[start:]) * (length // offset + 1))[:length]
        if len(out) > size:
            raise ValueError("more bytes than declared")
    if len(out) != size:
        raise ValueError("fewer bytes than declared")
    return bytes(out)


def _ordered(number: int) -> bytes:
    digits = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([len(digits)]) + digits


def _ordered_signed(number: int) -> bytes:
    bits = (~number if number < 0 else number).bit_length()
    length = bits // 7 + 1
    code = bytearray((number & (1 << 80) - 1).to_bytes(10, "big")[10 - length :])
    # The length is told in unary by the first bits, turned over for negative numbers.
    header = ((1 << length) - 1) << (16 - length)
    code[0] ^= header >> 8
    if length > 1:
        code[1] ^= header & 255
    return bytes(code)
