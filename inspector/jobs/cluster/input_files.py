"""The files that a job reads, by content: what travels to the machine that runs it."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector import settings
from inspector.errors import LimitExceeded, MissingFile
from inspector.jobs.sandbox import access, landlock
from inspector.jobs.store.entries import model_key
from inspector.jobs.store.manifest import FileFacts


@dataclass(frozen=True)
class InputFile:
    """A file of a model.

    Attributes:
        relative: Its path in the model, ``/`` between; the model's own name if it is one file.
    """

    relative: str
    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Input:
    """What one path of a request stands for.

    Attributes:
        name: Of the file, or of the folder that holds the files.
        inside: Where the path leads in that folder; empty for the file or folder itself.
    """

    name: str
    inside: str
    files: tuple[InputFile, ...]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def key(self) -> str:
        """The key of these files as a model of the workspace, see `Workspace.add_files`."""
        return key_of(self.name, {file.relative: (file.bytes, file.sha256) for file in self.files})

    def to_json(self) -> dict[str, Any]:
        """Name, path inside, and ``[path, bytes, SHA-256]`` of each file."""
        files = [[file.relative, file.bytes, file.sha256] for file in self.files]
        return {"name": self.name, "inside": self.inside, "files": files}


def key_of(name: str, files: Mapping[str, FileFacts]) -> str:
    """The key that the workspace gives to a model of these files, by path in the model."""
    if list(files) == [name]:
        return model_key(dict(files))
    return model_key({f"{name}/{relative}": facts for relative, facts in files.items()})


def of_path(path: Path) -> Input:
    """The files that a job may read which is given this path: a file, a folder, a prefix.

    Raises: MissingFile where there is none; LimitExceeded for more than a model may have.
    """
    path = path.absolute()
    is_folder = path.is_dir()
    base = path if is_folder else path.parent
    most = settings.FILES()
    files: dict[str, InputFile] = {}
    for file in _below(path):
        relative = file.relative_to(base).as_posix()
        if relative not in files:
            files[relative] = _described(file, relative)
        if len(files) > most:
            raise LimitExceeded(path.name, "files", f"more than {most:,} files")
    if not files:
        why = "holds no file" if is_folder else "there is no such file or folder"
        raise MissingFile(path.name or "model", "path", why)
    if list(files) == [path.name]:
        return Input(path.name, "", tuple(files.values()))
    return Input(base.name or "model", "" if is_folder else path.name, tuple(files.values()))


def _below(path: Path) -> Iterator[Path]:
    """Each file that the sandbox would let the job read, links followed to files alone."""
    for place, rights in access.of_model(path):
        if rights != landlock.READ:
            continue
        root = Path(place)
        if root.is_file():
            yield root
        for where, _folders, names in os.walk(root):
            yield from (file for name in names if (file := Path(where, name)).is_file())


def _described(path: Path, relative: str) -> InputFile:
    try:
        status = path.stat()
        digest = _digest(path, status.st_size, status.st_mtime_ns)
    except OSError as err:
        why = f"cannot be read: {err.strerror or err}"
        raise MissingFile(path.name, "file", why) from err
    return InputFile(relative, path, status.st_size, digest)


@functools.lru_cache(maxsize=20_000)
def _digest(path: Path, _size: int, _changed: int) -> str:
    """SHA-256 of a file; computed again once its size or its time of change is another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
