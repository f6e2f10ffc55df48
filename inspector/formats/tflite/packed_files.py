"""The zip archive behind a TFLite model, such as one with its labels, put behind a new model.

Source: tflite_support, metadata.py (_populate_associated_files).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

from inspector.errors import LimitExceeded
from inspector.formats import zip_directory
from inspector.formats.tflite.metadata import MOST_FILES

MOST_BYTES = 256 << 20
"""Of all packed files together; a few bytes can claim to be gigabytes."""

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def with_packed_files(data: bytes, path: Path) -> tuple[bytes, bool]:
    """The new model with the files that are packed behind an old one.

    Args:
        data: The new model.
        path: The old one.
    Returns: The file, and whether all packed files are in it: not where the archive is damaged.
    Raises: LimitExceeded.
    """
    old = path.read_bytes()
    if not zip_directory.has_directory(memoryview(old)):
        return data, True
    zip_directory.check(memoryview(old), path.name, MOST_FILES)
    target = io.BytesIO(data)
    try:
        with zipfile.ZipFile(io.BytesIO(old)) as source:
            if sum(entry.file_size for entry in source.infolist()) > MOST_BYTES:
                why = f"unpack to more than {MOST_BYTES >> 20} MiB"
                raise LimitExceeded(path.name, "packed files", why)
            with zipfile.ZipFile(target, "a") as archive:
                for entry in source.infolist():
                    archive.writestr(entry, source.read(entry))
    except _DAMAGE:
        # The mark of an archive can also stand in the model's own bytes by chance.
        return data, not zipfile.is_zipfile(io.BytesIO(old))
    return target.getvalue(), True
