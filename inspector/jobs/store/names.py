"""Names from outside that become paths below the workspace."""

from __future__ import annotations

from pathlib import PurePosixPath

from inspector.errors import UnsupportedModel
from inspector.jobs.store.manifest import ENTRY


def safe_relative(name: str) -> PurePosixPath:
    """A file's path inside a model, from a source that may lie about it.

    Raises: UnsupportedModel for absolute paths, ``..``, empty parts, NUL and overlong names.
    """
    parts = name.replace("\\", "/").split("/")
    bad = any(part in ("", ".", "..") or not 0 < _encoded_length(part) <= 200 for part in parts)
    if bad or "\0" in name or len(parts) > 32 or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise UnsupportedModel(name[:100].replace("\0", " "), "path", "not a safe relative path")
    return PurePosixPath(*parts)


def single(name: str) -> str:
    """A name that is one part of a path. Raises: UnsupportedModel."""
    path = safe_relative(name)
    if len(path.parts) != 1 or name == ENTRY:
        raise UnsupportedModel(name[:100], "name", "must be a single name, without folders")
    return str(path)


def _encoded_length(part: str) -> int:
    """Bytes that a name takes on the disk; 0 for what cannot be a name there (half a character)."""
    try:
        return len(part.encode())
    except UnicodeEncodeError:
        return 0
