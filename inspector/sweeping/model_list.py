"""The models of a sweep: what its paths name, and a name for the folder of each result."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inspector.errors import AmbiguousModel, InspectorError, LimitExceeded, UnsupportedModel
from inspector.files.paths import is_folder, is_url
from inspector.formats import parts, places
from inspector.jobs.cluster import input_files

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_CHARACTERS = 100


@dataclass(frozen=True)
class Source:
    """A model of a sweep.

    Attributes:
        path: As it was given, with the part of an archive or of a folder behind it.
        place: The file or folder to open.
        part: Path in an archive; empty for none.
        folder: Name of the folder for its result.
        key: Hash of its files' names and contents; empty where they cannot be read.
        error: Why they cannot be read.
    """

    path: str
    place: Path
    part: str
    folder: str
    key: str
    error: InspectorError | None = None


def sources_of(models: Sequence[str]) -> list[Source]:
    """The models that paths name: a folder of several stands for each of them.

    The same path is listed once. Folders of the same name get the name of the parent folder before
    theirs, or else the hash of the path behind it.

    Raises: UnsupportedModel for a URL; LimitExceeded for a folder of too many.
    """
    listed: dict[Path, str] = {}
    for path in (path for model in models for path in _paths(model)):
        listed.setdefault(Path(path).absolute(), path)
    described = [_described(path) for path in listed.values()]
    for longer in (_with_parent, _with_hash):
        names = Counter(source.folder.casefold() for source in described)
        described = [
            source if names[source.folder.casefold()] == 1 else longer(source)
            for source in described
        ]
    return described


def _paths(text: str) -> Iterator[str]:
    if is_url(text):
        why = "is a URL: a sweep takes paths, fetch the model first"
        raise UnsupportedModel(text[:100], "sweep", why)
    path = Path(text).expanduser()
    if not is_folder(path):
        yield str(path)
        return
    try:
        places.at(path)
    except AmbiguousModel as err:
        if len(err.parts) >= parts.MAX_PARTS:
            why = f"holds {parts.MAX_PARTS} models or more: give them one by one, as in {text}/*"
            raise LimitExceeded(path.name, "folder", why) from err
        yield from (str(path / str(part["name"])) for part in err.parts)
    except InspectorError:
        yield str(path)  # the job says what is wrong with it
    else:
        yield str(path)


def _described(path: str) -> Source:
    place, part = places.split(Path(path).absolute())
    folder = _name(f"{place.name}/{part}" if part else place.name)
    try:
        key = input_files.of_path(place).key
    except InspectorError as err:
        return Source(path, place, part, folder, "", err)
    return Source(path, place, part, folder, hashlib.sha256(f"{key} {part}".encode()).hexdigest())


def _name(path: str) -> str:
    """A path as the name of a folder."""
    return _UNSAFE.sub("_", path).strip("._")[-_MOST_CHARACTERS:] or "model"


def _with_parent(source: Source) -> Source:
    return replace(source, folder=_name(f"{source.place.parent.name}/{source.folder}"))


def _with_hash(source: Source) -> Source:
    where = hashlib.sha256(os.fsencode(source.place)).hexdigest()
    return replace(source, folder=f"{source.folder}-{where[:10]}")
