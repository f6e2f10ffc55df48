"""Archives (``.zip .tar .tar.gz .tgz``): unpacked within limits into a folder of their own.

An archive comes from a stranger. Nothing in it is believed: names must not lead out of the folder,
links and devices are refused, what an entry claims to be long is not trusted, and what comes out is
counted while it is written. An archive inside an archive is not opened, but
for a Keras file, which is one.

Source: APPNOTE.TXT of PKWARE; pax(1); python's zipfile and tarfile.
"""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from inspector import settings
from inspector.errors import CorruptModel, InspectorError, LimitExceeded, UnsupportedModel

RATIO_FROM = 64 << 20
"""An archive may unpack to this in any case: small files of zeros are no attack. Beyond it counts
the ratio; a model compresses 2 times, zeros 1000 times."""

MAX_DEPTH = 32
"""Most folders inside one another."""

MAX_HEADER_BYTES = 1 << 20
"""Longest long name, and longest list of attributes, of one entry of a tar archive."""

ZIP, GZIP, TAR = "zip", "gzip", "tar"

_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
_ZIP_END, _ZIP_END_BYTES, _ZIP_COMMENT = b"PK\x05\x06", 22, 1 << 16
_ZIP_ENTRY_BYTES = 2048
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_CHUNK = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    ValueError,
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Scratch:
    """A temporary folder that lives as long as this object does.

    Args:
        parent: Where it is made; without it, where temporary folders are made on this machine.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="inspector-", dir=parent))
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, True)


def kind_of(data: memoryview) -> str | None:
    """``zip``, ``gzip``, ``tar`` or None, by the bytes."""
    head = bytes(data[:512])
    if head.startswith((b"PK\x03\x04", _ZIP_END)):
        return ZIP
    if head.startswith(b"\x1f\x8b"):
        return GZIP
    return TAR if head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC) else None


def stem(name: str) -> str:
    """The archive's name without what says that it is one."""
    found = next((suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(found)] or "archive"


def unpack(path: Path, data: memoryview, folder: Path) -> None:
    """Unpack an archive into a folder that is made for it.

    Args:
        data: The bytes of the archive, mapped.
    Raises: CorruptModel, LimitExceeded, UnsupportedModel (links, encryption); what was
        unpacked until then is left for the caller to remove.
    """
    folder.mkdir()
    target = _Target(path.name, folder, len(data))
    with _told(path.name):
        if kind_of(data) == ZIP:
            _unzip(path, data, target)
        elif kind_of(data) == GZIP:
            with path.open("rb") as file, gzip.GzipFile(fileobj=file) as packed:
                _untar(_Counted(packed, target), target)
        else:
            with path.open("rb") as file:
                _untar(_Counted(file, target), target)


def zip_names(path: Path, data: memoryview) -> set[str]:
    """The names of the entries of a zip archive; none of any other.

    Raises: CorruptModel, LimitExceeded.
    """
    if kind_of(data) != ZIP:
        return set()
    with _told(path.name):
        _check_directory(data, path.name)
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Target:
    """Where an archive is unpacked to, and what of the limits is used up."""

    def __init__(self, what: str, folder: Path, packed: int) -> None:
        self.what = what
        self._folder = folder
        self._packed = packed
        self._entries = 0
        self._bytes = 0
        self._most = settings.UNPACK_SIZE()
        self._ratio = settings.UNPACK_RATIO()
        self._most_entries = settings.FILES()

    def place(self, name: str) -> Path | None:
        """Where an entry goes; None for what Macs put beside the files. Counts the entry."""
        self._entries += 1
        if self._entries > self._most_entries:
            raise LimitExceeded(self.what, "archive", f"more than {self._most_entries} entries")
        name = name.encode(errors="surrogateescape").decode(errors="replace")
        path = PurePosixPath(name)
        shown = f"entry '{name[:100]}'"
        if path.is_absolute() or ".." in path.parts or "\0" in name or "\\" in name:
            raise UnsupportedModel(self.what, shown, "its name leads out of the archive")
        if len(path.parts) > MAX_DEPTH:
            raise LimitExceeded(self.what, shown, f"more than {MAX_DEPTH} folders deep")
        if "__MACOSX" in path.parts or path.name.startswith("._") or path.name == ".DS_Store":
            return None
        return self._folder / path

    def refuse(self, name: str, why: str) -> InspectorError:
        """The error for an entry that is not unpacked."""
        name = name.encode(errors="surrogateescape").decode(errors="replace")
        return UnsupportedModel(self.what, f"entry '{name[:100]}'", why)

    def count(self, size: int) -> None:
        """Bytes that come out. Raises: LimitExceeded."""
        self._bytes += size
        if self._bytes > self._most:
            reason = f"it unpacks to more than {self._most >> 20} MiB"
            raise LimitExceeded(self.what, "archive", reason)
        if self._bytes > max(RATIO_FROM, self._packed * self._ratio):
            reason = f"it unpacks to more than {self._ratio} times its size"
            raise LimitExceeded(self.what, "archive", reason)

    def write(self, source: _Readable, place: Path, size: int) -> None:
        """Write one file. Raises: CorruptModel where it is shorter than its entry says."""
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
                written = file.tell()
        except OSError as err:
            if err.errno in (*_FULL, None):
                raise
            twice = os.path.lexists(place)
            reason = "two entries have one name" if twice else "its name cannot be used"
            raise CorruptModel(self.what, f"entry '{place.name[:100]}'", reason) from err
        if written != size:
            reason = f"{written} bytes, its entry says {size}"
            raise CorruptModel(self.what, f"entry '{place.name[:100]}'", reason)


class _Counted:
    """Counts what is read through it."""

    def __init__(self, source: _Readable, target: _Target) -> None:
        self._source = source
        self._target = target

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises: LimitExceeded."""
        data = self._source.read(min(size, _CHUNK))
        self._target.count(len(data))
        return data


class _TarInfo(tarfile.TarInfo):
    """An entry; one with a name or attributes without end is refused before they are read."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isreg() and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError("an entry with a header of more than a MiB")
        entry: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return entry


def _unzip(path: Path, data: memoryview, target: _Target) -> None:
    _check_directory(data, target.what)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        before = _Target(target.what, Path(), len(data))
        for entry in entries:
            # All of it is claimed before anything is written.
            before.count(entry.file_size)
        for entry in entries:
            place = target.place(entry.filename)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise target.refuse(entry.filename, "it is a link or a device")
            if entry.flag_bits & 1:
                raise target.refuse(entry.filename, "it is encrypted")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise target.refuse(entry.filename, "it is packed by a method that is not read")
            if place is None or entry.is_dir():
                continue
            with archive.open(entry) as source:
                target.write(_Counted(source, target), place, entry.file_size)


def _check_directory(data: memoryview, what: str) -> None:
    """Refuse a list of entries that is too long before it is read into memory."""
    tail = bytes(data[-(_ZIP_END_BYTES + _ZIP_COMMENT) :])
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) - at < _ZIP_END_BYTES:
        raise CorruptModel(what, "zip archive", "its list of entries is missing (cut short?)")
    count, size = struct.unpack_from("<HL", tail, at + 10)
    most = settings.FILES()
    if count > most or size > most * _ZIP_ENTRY_BYTES:
        raise LimitExceeded(what, "archive", f"more than {most} entries")


def _untar(source: _Counted, target: _Target) -> None:
    first = source.read(512)
    if not first[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        raise UnsupportedModel(target.what, "file", "it is compressed by gzip, and no tar archive")
    stream = _Joined(first, source)
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarInfo) as archive:  # type: ignore[call-overload]
        for entry in archive:
            place = target.place(entry.name)
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse():
                raise target.refuse(entry.name, "it is a link, a device or a sparse file")
            content = archive.extractfile(entry)
            if place is not None and content is not None:
                target.write(content, place, entry.size)


class _Joined:
    """A stream whose first bytes were looked at already."""

    def __init__(self, first: bytes, rest: _Counted) -> None:
        self._first = first
        self._rest = rest

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, fewer at the end."""
        parts, self._first = [self._first[:size]], self._first[size:]
        missing = size - len(parts[0])
        while missing and (data := self._rest.read(missing)):
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Damage as CorruptModel."""
    try:
        yield
    except (*_DAMAGE, OSError) as err:
        if isinstance(err, OSError) and err.errno in _FULL:
            raise
        told = "".join(char if char.isprintable() else " " for char in str(err))[:200]
        reason = f"damaged, or cut short ({told or type(err).__name__})"
        raise CorruptModel(what, "archive", reason) from err
