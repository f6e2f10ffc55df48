"""Archives (``.zip .tar .tar.gz .tgz``): unpacked within limits into a folder of their own.

Archives are untrusted: names must not lead out of the folder, links and devices are refused, stated
lengths are not trusted, and bytes are counted while they are written. An archive inside an archive
is not opened, except a Keras file, which is one.

Source: APPNOTE.TXT of PKWARE; pax(1); python's zipfile and tarfile.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from inspector import settings
from inspector.errors import CorruptModel, InspectorError, LimitExceeded, UnsupportedModel
from inspector.formats import wire_kinds, zip_directory
from inspector.formats.table import ARCHIVE_SUFFIXES

RATIO_FROM = 64 << 20
"""An archive may unpack to this in any case: small files of zeros are no attack. Beyond it counts
the ratio; a model compresses 2 times, zeros 1000 times."""

MAX_DEPTH = 32
"""Most folders inside one another."""

MAX_HEADER_BYTES = 1 << 20
"""Longest long name, and longest list of attributes, of one entry of a tar archive."""

ZIP, GZIP, TAR = "zip", "gzip", "tar"

_NAME_BYTES = 255
"""Longest name of a file that Linux has."""

_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_SUFFIX = re.compile(r"(.*?)((?:\.data-\d{5}-of-\d{5}|\.[^.]{1,16})?)", re.DOTALL)
_DOS_SYSTEMS = (0, 10, 14)
"""As a zip entry names who wrote it: MS-DOS, NTFS, VFAT."""

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
        self.path: Path = Path(tempfile.mkdtemp(prefix="inspector-", dir=parent))
        self.remove: Callable[[], object] = weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(folder: Path, owner: int) -> None:
    """Remove a temporary folder, unless this process was forked from the one that made it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def kind_of(data: memoryview) -> str | None:
    """``zip``, ``gzip``, ``tar`` or None, by the bytes."""
    head = bytes(data[:512])
    if head.startswith((b"PK\x03\x04", zip_directory.END)):
        return ZIP
    if head.startswith(b"\x1f\x8b"):
        return GZIP
    return TAR if _is_tar(head) else None


def _is_tar(head: bytes) -> bool:
    """By the mark in the first header, else by its checksum: the oldest form has no mark."""
    if head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        return True
    try:
        return bool(tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape").name)
    except tarfile.TarError:
        return False


def stem(name: str) -> str:
    """The archive's name without its suffix."""
    suffix = next((suffix for suffix in ARCHIVE_SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)] or "archive"


def unpack(path: Path, data: memoryview, folder: Path) -> None:
    """Unpack an archive into a new folder.

    Args:
        data: The bytes of the archive, mapped.
    Raises: CorruptModel, LimitExceeded, UnsupportedModel (links, encryption); what was
        unpacked until then is left for the caller to remove.
    """
    folder.mkdir()
    target = _Target(path.name, folder, len(data))
    with _damage_as_corrupt(path.name):
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
    with _damage_as_corrupt(path.name):
        zip_directory.check(data, path.name, settings.FILES())
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Target:
    """The folder that an archive is unpacked to, and how much of the limits is used."""

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
        """Path for an entry; None for the metadata files of macOS. Counts the entry."""
        self._entries += 1
        if self._entries > self._most_entries:
            raise LimitExceeded(self.what, "archive", f"more than {self._most_entries} entries")
        name = _readable(name)
        path = PurePosixPath(name)
        where = f"entry '{name[:100]}'"
        if _leads_out(name):
            raise UnsupportedModel(self.what, where, "its name leads out of the archive")
        if len(path.parts) > MAX_DEPTH:
            raise LimitExceeded(self.what, where, f"more than {MAX_DEPTH} folders deep")
        if "__MACOSX" in path.parts or path.name.startswith("._") or path.name == ".DS_Store":
            return None
        return self._folder.joinpath(*map(_short, path.parts))

    def refuse(self, name: str, why: str) -> InspectorError:
        """The error for an entry that is not unpacked."""
        return UnsupportedModel(self.what, f"entry '{_readable(name)[:100]}'", why)

    def count(self, size: int) -> None:
        """Add unpacked bytes. Raises: LimitExceeded."""
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
            where = f"entry '{place.name[:100]}'"
            if err.errno == errno.ENAMETOOLONG:
                reason = "its path is longer than a file system allows"
                raise LimitExceeded(self.what, where, reason) from err
            twice = os.path.lexists(place)
            reason = "two entries have one name" if twice else "its name cannot be used"
            raise CorruptModel(self.what, where, reason) from err
        if written != size:
            reason = f"{written} bytes, its entry says {size}"
            raise CorruptModel(self.what, f"entry '{place.name[:100]}'", reason)


def _readable(name: str) -> str:
    """The name with invalid UTF-8 escaped, so that different names stay different."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _leads_out(name: str) -> bool:
    """Whether a name is absolute or goes up, by the rules of Unix or of Windows.

    A backslash or a colon is accepted where neither system takes it for a path separator or drive.
    """
    if "\0" in name or name.startswith(("/", "\\")) or _DRIVE.match(name):
        return True
    return ".." in re.split(r"[/\\]", name)


def _short(part: str) -> str:
    """Shorten a name that is too long for file systems; its beginning and suffix stay.

    The shortened part depends only on what precedes the suffix, so files of one checkpoint keep one
    prefix.
    """
    if len(part.encode(errors="surrogatepass")) <= _NAME_BYTES:
        return part
    stem, suffix = _SUFFIX.fullmatch(part).groups()  # type: ignore[union-attr]
    mark = hashlib.sha256(stem.encode(errors="surrogatepass")).hexdigest()[:16]
    begin = stem.encode(errors="surrogatepass")[: _NAME_BYTES // 2].decode(errors="ignore")
    return f"{begin}~{mark}{suffix}"


class _Counted:
    """A stream that counts the bytes read from it."""

    def __init__(self, source: _Readable, target: _Target) -> None:
        self._source = source
        self._target = target

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises: LimitExceeded."""
        data = self._source.read(min(size, _CHUNK))
        self._target.count(len(data))
        return data


class _TarInfo(tarfile.TarInfo):
    """An entry; too long a name or list of attributes is refused before it is read."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isreg() and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError("an entry with a header of more than a MiB")
        entry: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return entry


def _unzip(path: Path, data: memoryview, target: _Target) -> None:
    zip_directory.check(data, target.what, settings.FILES())
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        before = _Target(target.what, Path(), len(data))
        for entry in entries:
            # Sum the stated sizes first, so that nothing is written where they exceed a limit.
            before.count(entry.file_size)
        for entry in entries:
            name = _zip_name(entry)
            place = target.place(name)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise target.refuse(entry.filename, "it is a link or a device")
            if entry.flag_bits & 1:
                raise target.refuse(entry.filename, "it is encrypted")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise target.refuse(entry.filename, "it is packed by a method that is not read")
            if place is None or name.endswith("/"):
                continue
            with archive.open(entry) as source:
                target.write(_Counted(source, target), place, entry.file_size)


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """The entry's name; old archivers of Windows wrote a backslash where a slash belongs."""
    is_dos = entry.create_system in _DOS_SYSTEMS and "/" not in entry.filename
    return entry.filename.replace("\\", "/") if is_dos else entry.filename


def _untar(source: _Counted, target: _Target) -> None:
    first = source.read(tarfile.BLOCKSIZE)
    if not _is_tar(first):
        kind = wire_kinds.recognise(first)
        content = f"a {kind} compressed by gzip" if kind else "compressed by gzip, no tar archive"
        reason = f"{content}: unpack it and open what is in it"
        raise UnsupportedModel(target.what, "file", reason)
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
    """A stream whose first bytes were read already."""

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
def _damage_as_corrupt(what: str) -> Iterator[None]:
    """Raise CorruptModel for what the libraries raise on damaged archives."""
    try:
        yield
    except (*_DAMAGE, OSError) as err:
        if isinstance(err, OSError) and err.errno in _FULL:
            raise
        message = "".join(char if char.isprintable() else " " for char in str(err))[:200]
        reason = f"damaged, or cut short ({message or type(err).__name__})"
        raise CorruptModel(what, "archive", reason) from err
