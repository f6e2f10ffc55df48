"""Paths of the server that a browser may name: those below the roots that the operator allowed.

The person at the browser is not trusted with the server's files. A typed path is resolved with all
links and must end below a root; so must the targets of a model's own links. A path outside is
refused with the same message whether it exists or not, without access to the disk.

A file that is replaced by a link between check and use would be followed, so roots must not be
folders that untrusted users can write to.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inspector import settings
from inspector.errors import InspectorError, LimitExceeded, MissingFile, UnsupportedModel
from inspector.formats import versions
from inspector.formats.file_names import SAVED_MODEL, SAVED_MODEL_PARTS, STATE_FILE
from inspector.formats.table import SUFFIXES
from inspector.jobs.store.names import safe_relative

MAX_LISTED = 500
"""Most entries of a listing."""


@dataclass(frozen=True)
class Entry:
    """One entry of a listing; `model` is a guess from the names, opening goes by the content."""

    name: str
    is_folder: bool
    model: bool
    bytes: int


def roots() -> list[Path]:
    """The allowed folders: the setting, else the current folder at start."""
    folders = []
    for root in settings.ROOTS() or [Path.cwd()]:
        real = _real(root)
        if real is not None:
            folders.append(real)
    return folders


def resolve(typed: str) -> Path:
    """The real path of a typed one.

    Args:
        typed: Absolute, or relative to one of the roots. ``~`` is not expanded.
    Raises: UnsupportedModel outside of the roots; MissingFile for a missing file below them.
    """
    name = Path(typed).name[:60] or "path"
    allowed = roots()
    if "\0" in typed:
        raise _refused(name)
    absolute_roots = [root for root in settings.ROOTS() if root.is_absolute()]
    is_missing = False
    for root in allowed:
        lexical = Path(os.path.normpath(root / typed))
        if not any(lexical.is_relative_to(other) for other in (*allowed, *absolute_roots)):
            continue  # refused without access to the disk
        real = _real(lexical)
        if real is None or not _below(real, allowed):
            continue
        if _exists(real):
            return real
        is_missing = True
    if is_missing:
        raise MissingFile(name, "path", "there is no such file or folder")
    raise _refused(name)


def relative(path: Path) -> str:
    """A path relative to a root, which `resolve` maps back to the same file."""
    for root in roots():
        if path.is_relative_to(root):
            below = str(path.relative_to(root))
            if resolve(below) == path:
                return below
    return os.path.relpath(path, roots()[0])


def check(path: Path, part: str = "", *, trusted: bool = False) -> list[Path]:
    """Check that a model below the roots is read from files below the roots only.

    Args:
        path: A result of `resolve`, which may be old.
        part: The path in this folder of the one model that is meant.
        trusted: The operator named it, so it and its links may point anywhere.
    Returns: The real paths of the files and folders it is read from.
    Raises: UnsupportedModel for a link that leads outside, or what is neither file nor folder;
        LimitExceeded for a folder of too many files; MissingFile.
    """
    allowed = [Path(path.anchor)] if trusted else roots()
    if _real(path) != path or not _below(path, allowed):
        raise _refused(path.name)
    limit = settings.FILES()
    files: dict[Path, None] = {}
    try:
        todo = list(_read_with(path))
        if part and path.is_dir():
            todo += _read_with(path / safe_relative(part))
        while todo:
            place = todo.pop()
            real = _real(place)
            if real is None or not _below(real, allowed):
                why = "is a link that leads out of the folders"
                raise UnsupportedModel(path.name, place.name, why)
            if real in files or not os.path.lexists(real):
                continue
            files[real] = None
            if len(files) > limit:
                raise LimitExceeded(path.name, "folder", f"more than {limit} files and folders")
            mode = real.stat().st_mode
            if stat.S_ISDIR(mode):
                todo += real.iterdir()
            elif not stat.S_ISREG(mode):
                raise UnsupportedModel(path.name, place.name, "is neither a file nor a folder")
    except OSError as err:
        raise MissingFile(path.name, "path", f"cannot be read ({err.strerror})") from err
    return list(files)


def listing(folder: Path) -> list[Entry]:
    """The entries of a folder below the roots, folders first; at most `MAX_LISTED`.

    Hidden entries, links that lead outside of the roots and special files are omitted.

    Raises: UnsupportedModel, MissingFile.
    """
    allowed = roots()
    if _real(folder) != folder or not _below(folder, allowed):
        raise _refused(folder.name)
    listed = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                listed_entry = None if entry.name.startswith(".") else _entry(entry, allowed)
                if listed_entry is not None:
                    listed.append(listed_entry)
                if len(listed) > settings.FILES():
                    break
    except OSError as err:
        raise MissingFile(folder.name, "folder", f"cannot be read ({err.strerror})") from err
    listed.sort(key=lambda item: (not item.is_folder, item.name.lower(), item.name))
    return listed[:MAX_LISTED]


def _entry(entry: os.DirEntry[str], allowed: list[Path]) -> Entry | None:
    path = Path(entry.path)
    if entry.is_symlink():
        real = _real(path)
        if real is None or not _below(real, allowed):
            return None
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            is_model = versions.is_saved_model(path) or os.path.lexists(path / STATE_FILE)
            return Entry(entry.name, True, is_model or versions.find(path) is not None, 0)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    is_model = entry.name.lower().endswith(SUFFIXES)
    return Entry(entry.name, False, is_model, status.st_size)


def _read_with(path: Path) -> Iterator[Path]:
    """The files and folders that are read when this one is opened."""
    folder = path if path.is_dir() else path.parent
    if versions.is_saved_model(folder) and (path == folder or path.name in SAVED_MODEL):
        yield from (folder / name for name in (*SAVED_MODEL, *SAVED_MODEL_PARTS))
    elif path.is_dir() or path.name == STATE_FILE:
        # A checkpoint's files are siblings; its reader checks deeper paths of a state file.
        yield from (other for other in folder.iterdir() if not other.is_dir())
        if path.is_dir() and (numbered := versions.find(path)) is not None:
            yield numbered.chosen
            yield from _read_with(numbered.chosen)
    else:
        # A checkpoint is several files with one prefix, and any of them may be named.
        stem = path.name.partition(".data-")[0].partition("-0")[0]
        for suffix in (".index", ".meta"):
            stem = stem.removesuffix(suffix)
        yield path
        yield from (other for other in folder.iterdir() if other.name.startswith(stem))


def _exists(path: Path) -> bool:
    """Whether the path exists, or is the prefix of a checkpoint's files."""
    begins = (f"{path.name}-0", f"{path.name}.data-", f"{path.name}.index")
    try:
        return path.exists() or any(
            other.name.startswith(begins) for other in path.parent.iterdir()
        )
    except OSError:
        return False


def _real(path: Path) -> Path | None:
    """The path with all links resolved; None where the system cannot resolve it."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _below(path: Path, allowed: list[Path]) -> bool:
    return any(path.is_relative_to(root) for root in allowed)


def _refused(name: str) -> InspectorError:
    why = f"only paths below the folders of {settings.ROOTS.name} may be opened"
    return UnsupportedModel(name[:60], "path", why)
