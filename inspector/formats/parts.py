"""The models in a folder, or in an unpacked archive, that holds several: what one chooses from.

A part is named by its path in the folder, with ``/`` between; `open_model` takes that path behind
the folder's or the archive's own: ``models.zip/a``, ``run/model.ckpt-2000``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from inspector.errors import AmbiguousModel, InspectorError
from inspector.files.paths import is_file, is_folder
from inspector.formats import file_names, recognise, table
from inspector.formats.checkpoint import locate
from inspector.formats.mapped import is_keras_folder, list_files, map_file
from inspector.text import count

MAX_PARTS = 100
"""Most models that are listed."""

_MAX_ENTRIES = 2000
"""Files and folders that are looked at."""
_MAX_DEPTH = 4
_NAMED = 3
"""Models that an error names."""


@dataclass(frozen=True)
class Part:
    """One of several models.

    Attributes:
        name: Its path in the folder; of a checkpoint its prefix.
        kind: The name of its format, as in `table.FORMATS`.
        bytes: Of all its files.
    """

    name: str
    kind: str
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def of(folder: Path) -> list[Part]:
    """The models in a folder and in the folders below it; none where it is a model itself.

    Links are not followed. The root of the file system is not searched.
    """
    listed: list[Part] = []
    if _whole(folder) is not None or folder.parent == folder:
        return listed
    todo = [(folder, 0)]
    entries = 0
    while todo and entries < _MAX_ENTRIES and len(listed) < MAX_PARTS:
        place, depth = todo.pop(0)
        whole = _whole(place)
        if whole is not None:
            listed.append(_part(folder, place, whole, _size_of_folder(place)))
            continue
        inside = _entries(place)
        entries += len(inside)
        with contextlib.suppress(OSError):  # of a device, or of a file that has just gone
            listed += _files(folder, place, [path for path in inside if is_file(path)])
        if depth < _MAX_DEPTH:
            todo += [(path, depth + 1) for path in inside if is_folder(path)]
    return listed[:MAX_PARTS]


def name_of(path: Path, folder: Path, kind: str) -> str:
    """The name of the part that was opened from `path`; empty where it is the folder itself."""
    path = locate.prefix_of(path) if kind == recognise.CHECKPOINT else path
    inside = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else "."
    return "" if inside == "." else inside


def ambiguous(what: str, where: str, why: str, parts: list[Part]) -> AmbiguousModel:
    """The error for a folder or archive that does not say which model of it to open.

    Args:
        why: A clause that ends in ``holds``.
    """
    named = ", ".join(part.name for part in parts[:_NAMED])
    more = ", ..." if len(parts) > _NAMED else ""
    listed = f"{why} {count(len(parts), 'model')}: {named}{more}"
    advice = f"open one by its path, as in {what}/{parts[0].name}"
    return AmbiguousModel(what, where, f"{listed}; {advice}", [part.to_dict() for part in parts])


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, without hidden entries and links."""
    try:
        inside = sorted(islice(folder.iterdir(), _MAX_ENTRIES))
    except OSError:
        return []
    return [path for path in inside if not path.name.startswith(".") and not path.is_symlink()]


def _whole(folder: Path) -> str | None:
    """The format of a model that is a whole folder."""
    if any(is_file(folder / name) for name in file_names.SAVED_MODEL):
        return "SavedModel"
    return recognise.KERAS if is_keras_folder(folder) else None


def _files(root: Path, folder: Path, files: list[Path]) -> Iterator[Part]:
    """The models among the files of one folder; those of a checkpoint are one."""
    prefixes = locate.in_folder(folder)
    taken: set[Path] = set()
    for prefix in prefixes:
        own = [path for path in files if _belongs(path.name, prefix)]
        taken.update(own)
        size = sum(path.stat().st_size for path in own)
        yield _part(root, folder / prefix, recognise.CHECKPOINT, size)
    for path in files:
        kind = None if path in taken else _kind_of_file(path)
        if kind is not None:
            yield _part(root, path, kind, path.stat().st_size)


def _belongs(name: str, prefix: str) -> bool:
    ending = name.removeprefix(prefix)
    return ending != name and (not ending or ending.startswith((".index", ".data-", ".meta", "-0")))


def _kind_of_file(path: Path) -> str | None:
    from inspector.formats import archives
    from inspector.formats.keras import reader as keras

    try:
        data = map_file(path)
        kind = recognise.kind_of(data)
        if kind == recognise.ARCHIVE and keras.is_archive(archives.zip_names(path, data)):
            return recognise.KERAS
    except InspectorError:  # empty, damaged or too large
        return None
    return kind if kind in table.BY_NAME else None


def _size_of_folder(folder: Path) -> int:
    try:
        return sum(size for _name, size in list_files(folder, (".",)))
    except (InspectorError, OSError):
        return 0


def _part(root: Path, path: Path, kind: str, size: int) -> Part:
    return Part(path.relative_to(root).as_posix(), kind, size)
