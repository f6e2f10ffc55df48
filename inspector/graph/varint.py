"""Whole numbers of as few bytes as they need, seven bits a byte: as protobuf and checkpoints write
them.
"""

from __future__ import annotations


def encode(number: int) -> bytes:
    """The bytes of a number from 0 on."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def decode(
    data: bytes | bytearray | memoryview, position: int, stop: int | None = None
) -> tuple[int, int]:
    """The number at a position, and the position after it.

    Args:
        stop: Where the data end; by default at their last byte.
    Raises: IndexError (cut short), ValueError (more than ten bytes).
    """
    end = len(data) if stop is None else stop
    value = shift = 0
    while position < end:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError(f"a number of more than ten bytes at byte {position}")
    raise IndexError("the last number is cut short")
