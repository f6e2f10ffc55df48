"""What every reader needs of the file system: mapped files, and lists of a model's files."""

from __future__ import annotations

import mmap
from pathlib import Path

from inspector import settings
from inspector.errors import CorruptModel, LimitExceeded, MissingFile

KERAS_CONFIG, KERAS_METADATA = "config.json", "metadata.json"
"""By these an unpacked ``.keras`` file is known."""


def map_file(path: Path) -> memoryview:
    """The bytes of a file, mapped into memory and not read.

    Raises: MissingFile, CorruptModel (empty).
    """
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise CorruptModel(path.name, "file", "it is empty")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError as err:
        raise MissingFile(path.name, "file", "there is no such file") from err
    except OSError as err:
        raise MissingFile(path.name, "file", f"cannot be read ({err.strerror})") from err


def is_keras_folder(folder: Path) -> bool:
    """Whether this is a ``.keras`` file, unpacked."""
    return all((folder / name).is_file() for name in (KERAS_CONFIG, KERAS_METADATA))


def list_files(folder: Path, names: tuple[str, ...]) -> list[tuple[str, int]]:
    """Relative path and bytes of these files and of all files below these folders, sorted.

    Links are not followed. Raises: LimitExceeded.
    """
    files: list[tuple[str, int]] = []
    most = settings.FILES()
    todo = [folder / name for name in names]
    while todo:
        path = todo.pop()
        if path.is_symlink():
            continue
        if path.is_dir():
            todo += path.iterdir()
        elif path.is_file():
            files.append((path.relative_to(folder).as_posix(), path.stat().st_size))
        if len(files) > most:
            raise LimitExceeded(folder.name, "folder", f"more than {most} files")
    return sorted(files)
