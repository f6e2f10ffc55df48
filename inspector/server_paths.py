"""Paths of the server that a browser may name: those below the folders the operator allowed.

Whoever sits at the browser is not trusted with the server's files. What they type is followed link
by link, and where it ends must lie below a root; so must all that a model's own links lead to. What
lies outside is refused in the same words whether it is there or not, without looking.

A link that is put in the place of a file between the check and the reading of it would be followed:
the roots are not for folders in which strangers may write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inspector import settings
from inspector.errors import InspectorError, LimitExceeded, MissingFile, UnsupportedModel

MAX_LISTED = 500
"""Most entries of a folder that are listed."""

_SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
_PARTS = ("variables", "assets", "assets.extra", "fingerprint.pb", "keras_metadata.pb")
_STATE = "checkpoint"
_MODELS = (
    *(".pb", ".pbtxt", ".meta", ".index", ".h5", ".hdf5", ".keras", ".tflite"),
    *(".zip", ".tar", ".tgz", ".tar.gz"),
)


@dataclass(frozen=True)
class Entry:
    """One line of a folder's listing; `model` is told by the names, content decides at opening."""

    name: str
    is_folder: bool
    model: bool
    bytes: int


def roots() -> list[Path]:
    """The allowed folders: the setting, else where the app was started."""
    found = []
    for root in settings.ROOTS() or [Path.cwd()]:
        real = _real(root)
        if real is not None:
            found.append(real)
    return found


def resolve(typed: str) -> Path:
    """The real path behind what somebody typed.

    Args:
        typed: Absolute, or relative to one of the roots. ``~`` is no home here.
    Raises: UnsupportedModel outside of the roots; MissingFile for what is not there below them.
    """
    name = Path(typed).name[:60] or "path"
    allowed = roots()
    if "\0" in typed:
        raise _refused(name)
    given = [root for root in settings.ROOTS() if root.is_absolute()]
    missing = False
    for root in allowed:
        lexical = Path(os.path.normpath(root / typed))
        if not any(lexical.is_relative_to(other) for other in (*allowed, *given)):
            continue  # refused without a look at the disk
        real = _real(lexical)
        if real is None or not _below(real, allowed):
            continue
        if _exists(real):
            return real
        missing = True
    if missing:
        raise MissingFile(name, "path", "there is no such file or folder")
    raise _refused(name)


def check(path: Path, *, trusted: bool = False) -> list[Path]:
    """See that a model that lies below the roots reads nothing that lies outside of them.

    Args:
        path: What `resolve` gave, now or some time ago.
        trusted: The operator named it, so it may lie and lead anywhere.
    Returns: The real paths of the files and folders it is read from.
    Raises: UnsupportedModel for a link that leads outside, or what is neither file nor folder;
        LimitExceeded for a folder of too many files; MissingFile.
    """
    allowed = [Path(path.anchor)] if trusted else roots()
    if _real(path) != path or not _below(path, allowed):
        raise _refused(path.name)
    most = settings.FILES()
    seen: dict[Path, None] = {}
    try:
        todo = list(_read_with(path))
        while todo:
            place = todo.pop()
            real = _real(place)
            if real is None or not _below(real, allowed):
                why = "is a link that leads out of the folders"
                raise UnsupportedModel(path.name, place.name, why)
            if real in seen or not os.path.lexists(real):
                continue
            seen[real] = None
            if len(seen) > most:
                raise LimitExceeded(path.name, "folder", f"more than {most} files and folders")
            mode = real.stat().st_mode
            if stat.S_ISDIR(mode):
                todo += real.iterdir()
            elif not stat.S_ISREG(mode):
                raise UnsupportedModel(path.name, place.name, "is neither a file nor a folder")
    except OSError as err:
        raise MissingFile(path.name, "path", f"cannot be read ({err.strerror})") from err
    return list(seen)


def listing(folder: Path) -> list[Entry]:
    """What is in a folder below the roots, folders first; at most `MAX_LISTED` entries.

    Hidden entries, links that lead outside and what is no file are left out.

    Raises: UnsupportedModel, MissingFile.
    """
    allowed = roots()
    if _real(folder) != folder or not _below(folder, allowed):
        raise _refused(folder.name)
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                made = None if entry.name.startswith(".") else _entry(entry, allowed)
                if made is not None:
                    found.append(made)
                if len(found) > settings.FILES():
                    break
    except OSError as err:
        raise MissingFile(folder.name, "folder", f"cannot be read ({err.strerror})") from err
    found.sort(key=lambda item: (not item.is_folder, item.name.lower(), item.name))
    return found[:MAX_LISTED]


def _entry(entry: os.DirEntry[str], allowed: list[Path]) -> Entry | None:
    path = Path(entry.path)
    if entry.is_symlink():
        real = _real(path)
        if real is None or not _below(real, allowed):
            return None
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            marks = (*_SAVED_MODEL, _STATE)
            return Entry(entry.name, True, any(map(os.path.lexists, (path / m for m in marks))), 0)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    is_model = entry.name.lower().endswith(_MODELS)
    return Entry(entry.name, False, is_model, status.st_size)


def _read_with(path: Path) -> Iterator[Path]:
    """The files and folders that are read when this one is opened."""
    folder = path if path.is_dir() else path.parent
    is_saved_model = path.is_dir() and any(os.path.lexists(path / name) for name in _SAVED_MODEL)
    if is_saved_model or path.name in _SAVED_MODEL:
        yield from (folder / name for name in (*_SAVED_MODEL, *_PARTS))
    elif path.is_dir() or path.name == _STATE:
        # A checkpoint's files lie side by side; what a state file names deeper its reader checks.
        yield from (other for other in folder.iterdir() if not other.is_dir())
    else:
        # A checkpoint is several files of one beginning, and any of them may be named.
        stem = path.name.partition(".data-")[0].partition("-0")[0]
        for suffix in (".index", ".meta"):
            stem = stem.removesuffix(suffix)
        yield path
        yield from (other for other in folder.iterdir() if other.name.startswith(stem))


def _exists(path: Path) -> bool:
    """Whether there is something, or files begin with this path as those of a checkpoint do."""
    begins = (f"{path.name}-0", f"{path.name}.data-", f"{path.name}.index")
    try:
        return path.exists() or any(
            other.name.startswith(begins) for other in path.parent.iterdir()
        )
    except OSError:
        return False


def _real(path: Path) -> Path | None:
    """The path with all links followed; None for what the system cannot follow."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _below(path: Path, allowed: list[Path]) -> bool:
    return any(path.is_relative_to(root) for root in allowed)


def _refused(name: str) -> InspectorError:
    why = f"only paths below the folders of {settings.ROOTS.name} may be opened"
    return UnsupportedModel(name[:60], "path", why)
