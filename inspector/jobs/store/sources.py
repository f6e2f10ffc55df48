"""Reads files that are copied into the workspace; errors name the source file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import IO

from inspector.errors import MissingFile, UnsupportedModel
from inspector.jobs.store import manifest

_CHUNK = 1 << 20


def plain_files(root: Path, name: str) -> list[str]:
    """The path of every file below a folder; links and devices are refused.

    Raises: UnsupportedModel; MissingFile.
    """
    paths = []
    try:
        for relative, status in manifest.walk(root):
            if not stat.S_ISREG(status.st_mode):
                raise UnsupportedModel(name, relative, "is a link or a device, not a file")
            paths.append(relative)
    except OSError as err:
        raise MissingFile(name, "folder", f"cannot be read ({err.strerror})") from err
    return paths


def opened(path: Path) -> IO[bytes]:
    """A file to read. Raises: MissingFile."""
    try:
        return path.open("rb")
    except OSError as err:
        raise MissingFile(path.name, "file", f"cannot be read ({err.strerror})") from err


def read(stream: IO[bytes], name: str) -> bytes:
    """The next chunk, empty at the end. Raises: MissingFile."""
    try:
        return stream.read(_CHUNK)
    except OSError as err:
        raise MissingFile(name, "file", f"cannot be read ({err.strerror})") from err
