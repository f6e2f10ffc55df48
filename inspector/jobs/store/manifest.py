"""What an entry of the workspace consists of: each file's size and SHA-256, in ``entry.json``.

The text of ``entry.json`` is canonical and holds a checksum of itself, so any change is noticed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENTRY = "entry.json"
_MOST_BYTES = 512 << 20
"""More than the manifest of a model of the most files, with the longest names, takes."""
FileFacts = tuple[int, str]
"""Bytes, and SHA-256 in hex."""

_DAMAGE = (
    *(errno.EIO, errno.EBADMSG, getattr(errno, "EUCLEAN", errno.EIO)),
    *(errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR),
)


class DamagedEntryError(Exception):
    """An entry is not what was once stored."""


@dataclass(frozen=True)
class Manifest:
    """The files of an entry, by their path inside it, ``/`` between parts."""

    key: str
    """The entry's own name."""
    files: Mapping[str, FileFacts]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _digest in self.files.values())

    def to_json(self) -> bytes:
        """The content of ``entry.json``."""
        fields = {"key": self.key, "files": self.files}
        return _canonical({**fields, "checksum": hash_of(fields)})


def read(folder: Path) -> Manifest:
    """The manifest of an entry.

    Raises: DamagedEntryError; OSError for what is no fault of the entry (no memory, no
        descriptors).
    """
    try:
        data = _read_plain(folder / ENTRY)
        fields = json.loads(data)
        files = {str(path): (int(size), str(sha)) for path, (size, sha) in fields["files"].items()}
        manifest = Manifest(str(fields["key"]), files)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise DamagedEntryError(f"{ENTRY} cannot be read") from err
    except OSError as err:
        raise _judged(err) from err
    if manifest.to_json() != data or manifest.key != folder.name:
        raise DamagedEntryError(f"{ENTRY} is not as it was written")
    return manifest


def _read_plain(path: Path) -> bytes:
    """The content of a file that may have become anything, a pipe or a hole of terabytes too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise DamagedEntryError(f"{path.name} is no file of a manifest's size")
        return file.read()


Snapshot = tuple[tuple[str, int, int, int, int], ...]
"""Path, bytes, inode, time of the last change of content and of status of each file, sorted."""


def snapshot(folder: Path) -> Snapshot:
    """What the files of an entry look like from outside, ``entry.json`` left out.

    Raises: DamagedEntryError when a link or a device is among them.
    """
    rows = []
    try:
        for relative, status in walk(folder):
            if not stat.S_ISREG(status.st_mode):
                raise DamagedEntryError(f"{relative} is not a file")
            if relative != ENTRY:
                times = status.st_mtime_ns, status.st_ctime_ns
                rows.append((relative, status.st_size, status.st_ino, *times))
    except OSError as err:
        raise _judged(err) from err
    return tuple(sorted(rows))


def compare(manifest: Manifest, rows: Snapshot) -> None:
    """Compare names and sizes with the manifest. Raises: DamagedEntryError."""
    if {row[0]: row[1] for row in rows} != {
        path: size for path, (size, _digest) in manifest.files.items()
    }:
        raise DamagedEntryError("files are missing, superfluous or of another size")


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare the content of every file with the manifest; reads all of it.

    Raises: DamagedEntryError; OSError as `read`.
    """
    for path, facts in manifest.files.items():
        if facts_of(folder / path) != facts:
            raise DamagedEntryError(f"{path} has another content")


def facts_of(path: Path) -> FileFacts:
    """Bytes and SHA-256 of a file. Raises: DamagedEntryError; OSError as `read`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as err:
        raise _judged(err) from err


def walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Relative path and status of all that is no folder below one. No link is followed."""
    todo = [""]
    while todo:
        above = todo.pop()
        for name in sorted(os.listdir(root / above)):  # noqa: PTH208  names alone are enough
            relative = f"{above}/{name}" if above else name
            status = (root / relative).lstat()
            if stat.S_ISDIR(status.st_mode):
                todo.append(relative)
            else:
                yield relative, status


def sync(folder: Path, files: Mapping[str, FileFacts]) -> None:
    """``fsync`` these files and every folder that leads to one, before a rename.

    Raises: OSError.
    """
    folders = {folder}
    for relative in files:
        sync_file(folder / relative)
        folders.update(folder / parent for parent in Path(relative).parents)
    for path in sorted(folders, reverse=True):
        sync_folder(path)


def sync_file(path: Path) -> None:
    """``fsync`` a file. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """``fsync`` a folder, where the file system supports it.

    Raises: OSError.
    """
    try:
        sync_file(path)
    except OSError as err:
        if err.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise


def hash_of(value: Any) -> str:
    """SHA-256, in hex, of JSON in canonical form."""
    return hashlib.sha256(_canonical(value)).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _judged(err: OSError) -> Exception:
    """The error to raise: damage of the entry, or a fault of the machine."""
    return DamagedEntryError(err.strerror or str(err)) if err.errno in _DAMAGE else err
