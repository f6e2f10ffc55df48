"""Finds the file to open: in a folder, an unpacked archive, through a checkpoint's state file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inspector.errors import (
    CorruptModel,
    InspectorError,
    MissingFile,
    UnknownFormat,
    did_you_mean,
)
from inspector.files import git_lfs
from inspector.files.paths import exists, is_file, is_folder
from inspector.formats import file_names, foreign, mapped, parts, recognise, versions
from inspector.formats.checkpoint import locate
from inspector.formats.mapped import map_file

_NOTHING = "no model is in it"


@dataclass(frozen=True)
class Place:
    """The file to open; `notes` says in sentences how it was chosen."""

    path: Path
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """A place with its kind and bytes, as `recognise.load` returns them."""

    place: Place
    kind: str | None
    data: memoryview


def at(path: Path) -> Place:
    """The file to open for a path: a file, a folder, the prefix of a checkpoint.

    Raises: MissingFile, UnknownFormat, UnsupportedModel.
    """
    if path.name in ("", ".."):  # the folder one is in has a name too
        path = path.resolve()
    if is_folder(path):
        return _in_folder(path)
    if not exists(path):
        index = locate.find(path)
        if index is None:
            raise MissingFile(path.name, "file", "there is no such file or folder")
        return Place(index)
    if not is_file(path):
        why = "neither a file nor a folder"
        if path.is_fifo():
            why = "is a pipe; on the command line - is standard input"
        raise UnknownFormat(path.name, "file", why)
    return Place(path)


def load(place: Place) -> Content:
    """Kind and bytes of a place; for a checkpoint's state file, of the checkpoint that it names.

    Where the state file is damaged or names a missing file, the only checkpoint in its folder is
    opened.

    Raises: MissingFile, CorruptModel, LimitExceeded, UnknownFormat.
    """
    path = place.path
    is_state = path.name == file_names.STATE_FILE
    note: tuple[str, ...] = ()
    try:
        kind, data = recognise.load(path)
        if kind == locate.STATE_KIND:
            index = locate.behind_state(path, data)
        elif kind is None and is_state:
            raise recognise.not_readable(path.name, data)
        else:
            return Content(place, kind, data)
    except (CorruptModel, MissingFile, UnknownFormat) as err:
        if not is_state:
            raise
        index, note = _without_state(path, err)
    kind, data = recognise.load(index)
    return Content(Place(index, place.notes + note), kind, data)


def _without_state(state: Path, err: InspectorError) -> tuple[Path, tuple[str, ...]]:
    """The only checkpoint beside an unusable state file, and a note that says so.

    Raises: `err` where there is none; UnknownFormat where there are several.
    """
    prefixes = locate.in_folder(state.parent)
    if len(prefixes) > 1:
        reason = f"{err.why}; the folder holds"
        where = f"state file '{state.name}'"
        raise parts.ambiguous(state.parent.name, where, reason, parts.of(state.parent)) from err
    index = locate.find(state.with_name(prefixes[0])) if prefixes else None
    if index is None:
        raise err
    why = " ".join(err.why.split())
    note = (
        f"The state file '{state.name}' does not tell which checkpoint is the latest ({why}): "
        f"'{prefixes[0]}', the only one in the folder, is opened."
    )
    return index, (note,)


def _in_folder(folder: Path) -> Place:
    # TensorFlow too takes the binary form where there are both.
    for name in (file_names.BINARY, file_names.TEXT, file_names.STATE_FILE):
        if (folder / name).is_file():
            return Place(folder / name)
    if mapped.is_keras_folder(folder):
        return Place(folder / mapped.KERAS_CONFIG)
    if (folder / file_names.CHUNKED).is_file():
        raise recognise.in_pieces(file_names.CHUNKED)
    if (numbered := versions.find(folder)) is not None:
        place = _in_folder(numbered.chosen)
        return Place(place.path, (numbered.note(), *place.notes))
    prefixes = locate.in_folder(folder)
    if len(prefixes) == 1 and (index := locate.find(folder / prefixes[0])) is not None:
        return Place(index)
    inside = parts.of(folder)
    if len(inside) == 1 and not (folder / "variables").is_dir():
        name = inside[0].name
        place = at(folder / name)
        note = f"The folder has no model of its own: '{name}', the only one in it, is opened."
        return Place(place.path, (note, *place.notes))
    raise _no_model(folder, prefixes, inside)


def _no_model(folder: Path, prefixes: list[str], inside: list[parts.Part]) -> InspectorError:
    """Why a folder cannot be opened, and what to open instead."""
    what = folder.name or folder.anchor
    if not prefixes and (folder / "variables").is_dir():
        reason = (
            f"the {file_names.BINARY} of this SavedModel is missing: only its variables are left"
        )
        return UnknownFormat(what, "folder", reason)
    if inside:
        return parts.ambiguous(what, "folder", "it holds", inside)
    reason = f"the folder holds no {file_names.BINARY} and no checkpoint"
    return UnknownFormat(what, "folder", reason)


def split(path: Path) -> tuple[Path, str]:
    """A path into an archive, ``models.zip/a``, as the archive and the path in it.

    Any other path is given back as it is, with an empty one.
    """
    if not exists(path) and locate.find(path) is None:
        for parent in path.parents:
            if is_file(parent):
                return parent, path.relative_to(parent).as_posix()
            if exists(parent):
                break
    return path, ""


def part_of_archive(folder: Path, part: str, what: str) -> Place:
    """The file of one model in an unpacked archive.

    Args:
        part: Its path in the archive.
        what: The archive's name.
    Raises: MissingFile; the errors of `at`.
    """
    path = folder / part
    if path.resolve().is_relative_to(folder.resolve()) and (
        exists(path) or locate.find(path) is not None
    ):
        return at(path)
    near = did_you_mean(part, [other.name for other in parts.of(folder)])
    raise MissingFile(what, f"'{part[:200]}'", f"there is no such model in the archive{near}")


def in_archive(folder: Path, what: str) -> Place:
    """The file of the one model in an unpacked archive.

    Args:
        what: The archive's name.
    Raises: UnknownFormat.
    """
    from inspector.formats import archives

    root = folder
    for _ in range(archives.MAX_DEPTH + 1):
        marks = (*file_names.SAVED_MODEL, file_names.STATE_FILE)
        if mapped.is_keras_folder(folder) or any((folder / name).is_file() for name in marks):
            return at(folder)
        entries = sorted(folder.iterdir())
        kinds = {
            file: recognise.kind_of(map_file(file))
            for file in entries
            if file.is_file() and file.stat().st_size
        }
        # The index of a checkpoint stands for the other files of it.
        tables = [file for file, kind in kinds.items() if kind == recognise.CHECKPOINT]
        models = tables or [file for file, kind in kinds.items() if kind is not None]
        folders = [entry for entry in entries if entry.is_dir()]
        if not models and versions.find(folder) is not None:
            return at(folder)
        if len(models) == 1 and (models[0] in tables or not folders):
            return at(models[0])
        if models or len(folders) > 1:
            return _one_of(root, what)
        if not folders:
            raise UnknownFormat(what, "archive", _NOTHING + _instead(kinds))
        folder = folders[0]
    raise UnknownFormat(what, "archive", _NOTHING)


def _one_of(folder: Path, what: str) -> Place:
    """The only model in an unpacked archive of several files or folders.

    Raises: AmbiguousModel where there are several; UnknownFormat where there is none.
    """
    inside = parts.of(folder)
    if len(inside) == 1:
        return at(folder / inside[0].name)
    if not inside:
        raise UnknownFormat(what, "archive", _NOTHING)
    raise parts.ambiguous(what, "archive", "it holds", inside)


def _instead(kinds: Mapping[Path, str | None]) -> str:
    """Names one of the files that are no models; a Git LFS pointer before others."""
    for path in _pointers_first(kinds):
        reason = foreign.describe(map_file(path), path.name)
        if reason is not None:
            return f": '{path.name[:100]}' is {reason}"
    return ""


def _pointers_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (git_lfs.reason_of(path) is None, path))
