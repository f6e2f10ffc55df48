"""What one job may reach: the files of its model to read, its own folder to write, the network.

Nothing of a model is read here; files are found by their names. What a job gets is the files and
not their folder, where the folder may hold other things.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inspector.formats import file_names
from inspector.formats.mapped import KERAS_CONFIG, is_keras_folder
from inspector.jobs.result_files import FROZEN, FROZEN_SAVED_MODEL, OPTIMISED, SAVED_MODEL
from inspector.jobs.sandbox import landlock

Rule = tuple[str, frozenset[str]]
"""A path, and the names of Landlock's rights on it and all below."""

_MOST_ENTRIES = 10_000
"""Entries of a folder that are searched for links; a model may consist of that many files."""

_SHARD = r"(?:\.data)?-(?:\d{5}|\?{5})-of-\d{5}"
_ENDING = re.compile(rf"(?:\.index|\.meta|{_SHARD})\Z")


@dataclass(frozen=True)
class Access:
    """What one job may reach beside the Python it runs in.

    Attributes:
        reads: Paths of models and of files that belong to them.
        network: It may connect to other machines.
        confined: False leaves the job outside of the sandbox; for measurements and for tests of
            the runner alone, never for a request of the table.
    """

    reads: tuple[str, ...] = ()
    network: bool = False
    confined: bool = True

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the way to the worker."""
        return asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Access:
        """What `to_dict` gave."""
        return Access(tuple(data["reads"]), bool(data["network"]), bool(data["confined"]))


def paths_in(args: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
    """The paths among a job's args: each named arg is a path, a list of them, or a name to each.

    What cannot be a path, such as a text with a zero byte, is left out.
    """
    paths: list[Any] = []
    for name in names:
        value = args.get(name)
        if isinstance(value, Mapping):
            paths += value.values()
        elif isinstance(value, list | tuple):
            paths += value
        else:
            paths.append(value)
    return tuple(path for path in paths if isinstance(path, str) and path and "\0" not in path)


def rules(reads: Iterable[str], folder: Path) -> Iterator[Rule]:
    """What a job may read, and the one folder it may write to."""
    for path in reads:
        yield from of_model(Path(path))
    yield str(folder), landlock.WRITE


def of_model(path: Path) -> Iterator[Rule]:
    """The files that are read when this one is opened as a model."""
    is_folder = path.is_dir()
    folder = path if is_folder else path.parent
    names = _names(folder)
    saved_model = not names.isdisjoint(file_names.SAVED_MODEL)
    if path.name in file_names.SAVED_MODEL or (is_folder and saved_model):
        for name in (*file_names.SAVED_MODEL, *file_names.SAVED_MODEL_PARTS):
            if name in names:
                yield from _whole(str(folder / name))
    elif is_folder or (path.name == KERAS_CONFIG and is_keras_folder(folder)):
        yield from _whole(str(folder))
    elif path.name == file_names.STATE_FILE:
        yield str(path), landlock.READ
        yield from _checkpoints(folder, names)
    else:
        yield from _file(path, names)


def _file(path: Path, names: frozenset[str]) -> Iterator[Rule]:
    """A file, with the checkpoint that it belongs to or the SavedModels of the same result."""
    yield str(path), landlock.READ
    if path.name in (FROZEN, OPTIMISED):
        for name in (SAVED_MODEL, FROZEN_SAVED_MODEL):
            yield str(path.with_name(name)), landlock.READ
    stem = _ENDING.sub("", path.name)
    own = re.compile(rf"{re.escape(stem)}(?:\.index|\.meta|{_SHARD})?")
    parts = [name for name in names if own.fullmatch(name)]
    if stem != path.name or len(parts) > 1:
        yield from ((str(path.with_name(name)), landlock.READ) for name in parts)
        # TensorFlow finds the shards of a checkpoint by listing; that tells names, no contents.
        yield str(path.parent), landlock.LIST


def _checkpoints(folder: Path, names: frozenset[str]) -> Iterator[Rule]:
    """The checkpoints that a state file in a folder can name: in it, and in the folders in it."""
    yield str(folder), landlock.LIST
    places = {folder: names}
    places |= {below: _names(below) for below in map(folder.joinpath, names) if below.is_dir()}
    for place, inside in places.items():
        for name in inside:
            if _ENDING.search(name) or f"{name}.meta" in inside:
                yield str(place / name), landlock.READ


def _whole(path: str) -> Iterator[Rule]:
    """A file, or a folder with all in it; files that links in it lead to as well."""
    yield path, landlock.READ
    entries = 0
    todo = [path]
    while todo and entries < _MOST_ENTRIES:
        try:
            inside = list(os.scandir(todo.pop()))
        except OSError:  # a file
            continue
        entries += len(inside)
        todo += [entry.path for entry in inside if entry.is_dir(follow_symlinks=False)]
        links = (entry.path for entry in inside if entry.is_symlink() and entry.is_file())
        yield from ((link, landlock.READ) for link in links)


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208  names are all that is asked for
    except OSError:
        return frozenset()
