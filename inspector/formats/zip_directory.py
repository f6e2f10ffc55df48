"""The list of entries at the end of a zip archive, checked before anything reads it into memory.

Source: APPNOTE.TXT of PKWARE, 4.3.16.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from inspector.errors import CorruptModel, LimitExceeded

END = b"PK\x05\x06"

_END_BYTES, _COMMENT = 22, 1 << 16
_ENTRY_BYTES = 2048
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_LONG, _LONG_BYTES = b"PK\x06\x06", 56


def has_directory(data: memoryview) -> bool:
    """Whether these bytes end with the list of entries of a zip archive."""
    return _end(data) is not None


def check(data: memoryview, what: str, most: int) -> None:
    """Refuse a list of entries that is missing or too long. Raises: CorruptModel, LimitExceeded."""
    end = _end(data)
    if end is None:
        raise CorruptModel(what, "zip archive", "its list of entries is missing (cut short?)")
    for count, size in ((_number(data, end + 10, "H"), _number(data, end + 12, "L")), *_long(data)):
        if count > most or size > most * _ENTRY_BYTES:
            raise LimitExceeded(what, "archive", f"more than {most} entries")


def _long(data: memoryview) -> Iterator[tuple[int, int]]:
    """Count and size of the list as a record of 64 bits states them, which readers prefer."""
    locator = (_end(data) or 0) - _LOCATOR_BYTES
    if locator < 0 or data[locator : locator + 4] != _LOCATOR:
        return
    for at in (locator - _LONG_BYTES, _number(data, locator + 8, "Q")):
        if 0 <= at <= len(data) - _LONG_BYTES and data[at : at + 4] == _LONG:
            yield _number(data, at + 32, "Q"), _number(data, at + 40, "Q")


def _number(data: memoryview, at: int, kind: str) -> int:
    number: int = struct.unpack_from(f"<{kind}", data, at)[0]
    return number


def _end(data: memoryview) -> int | None:
    """Where the record that ends the list of entries begins."""
    tail = bytes(data[-(_END_BYTES + _COMMENT) :])
    at = tail.rfind(END)
    return len(data) - len(tail) + at if at >= 0 and len(tail) - at >= _END_BYTES else None
