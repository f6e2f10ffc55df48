"""The list of entries of a zip archive is refused before a reader takes all of it into memory."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from inspector.errors import CorruptModel, LimitExceeded
from inspector.formats import zip_directory


def archive(entries: int) -> bytearray:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for number in range(entries):
            made.writestr(str(number), b"")
    return bytearray(file.getvalue())


def test_a_list_within_the_limit_and_one_beyond_it() -> None:
    zip_directory.check(memoryview(archive(3)), "z", 3)
    with pytest.raises(LimitExceeded, match="more than 2 entries"):
        zip_directory.check(memoryview(archive(3)), "z", 2)
    with pytest.raises(CorruptModel, match="missing"):
        zip_directory.check(memoryview(archive(3)[:-1]), "z", 3)


@pytest.mark.parametrize("field", [8, 12])
def test_the_record_of_64_bits_counts_where_there_is_one(field: int) -> None:
    data = archive(70_000)
    at = data.rfind(zip_directory.END)
    count, size = struct.unpack_from("<QQ", data, at - 20 - 56 + 32)
    assert count == 70_000
    data[at + 8 : at + 16] = struct.pack("<HHL", 1, 1, 100)
    with pytest.raises(LimitExceeded):
        zip_directory.check(memoryview(data), "z", 1_000)
    record = at - 20 - 56
    other = 32 if field == 12 else 40
    data[record + other : record + other + 8] = struct.pack("<Q", 1)
    with pytest.raises(LimitExceeded):
        zip_directory.check(memoryview(data), "z", min(count - 1, size // 2048 - 1))
