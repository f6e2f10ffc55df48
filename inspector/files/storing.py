"""Writes outputs atomically: into a temporary folder next to the target, then renamed.

Source: rename(2). A folder cannot be replaced in one step, so the old one is moved aside first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inspector.errors import InspectorError, MissingFile, OutputExists

_SAVED_MODEL = "saved_model.pb"
_EXISTS = "is there already; --force (force=True in Python) overwrites it"


def check_output(path: Path, *, force: bool = False) -> None:
    """Check before the work starts that the output can be written.

    A folder is replaced only if it is empty or a SavedModel: ``--force`` with a mistyped path must
    not delete other files.

    Raises: OutputExists; MissingFile if the parent folder does not exist.
    """
    if not path.parent.is_dir():
        raise MissingFile(path.name, "output", "its parent folder does not exist")
    if not os.path.lexists(path):
        return
    if not (path.is_symlink() or path.is_file() or path.is_dir()):
        # A rename would put a plain file in the place of, say, /dev/null.
        raise OutputExists(path.name, "output", "is a device or a pipe, which is not overwritten")
    if not force:
        raise OutputExists(path.name, "output", _EXISTS)
    if path.is_dir() and not path.is_symlink():
        inside = {entry.name for entry in path.iterdir()}
        if inside and _SAVED_MODEL not in inside:
            why = "is a folder that is no SavedModel, which is not overwritten"
            raise OutputExists(path.name, "output", why)


@contextlib.contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary path to write a file to; renamed to `path` if the block ends without an error.

    Raises: OutputExists, MissingFile; InspectorError for an OSError.
    """
    check_output(path, force=force)
    if path.is_dir() and not path.is_symlink():
        raise OutputExists(path.name, "output", "is a folder; a file cannot take its place")
    with _temporary(path) as folder:
        temporary = folder / (path.name or "output")
        yield temporary
        if not force and os.path.lexists(path):  # created since the first check
            raise OutputExists(path.name, "output", _EXISTS)
        temporary.replace(path)


@contextlib.contextmanager
def new_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary folder to fill; renamed to `path` if the block ends without an error.

    Raises: OutputExists, MissingFile; InspectorError for an OSError.
    """
    check_output(path, force=force)
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        kind = "link" if path.is_symlink() else "file"
        raise OutputExists(path.name, "output", f"is a {kind}; a folder cannot take its place")
    with _temporary(path) as folder:
        temporary = folder / "new"
        temporary.mkdir()
        yield temporary
        if not path.exists():
            temporary.rename(path)
            return
        if not force:
            raise OutputExists(path.name, "output", _EXISTS)
        old = path.rename(folder / "old")
        try:
            temporary.rename(path)
        except OSError:
            old.rename(path)
            raise


def total_bytes(path: Path) -> int:
    """The bytes of what was written: of a file, or of all files below a folder. Raises: OSError."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=".inspector-", dir=path.parent))
    except OSError as err:
        raise _not_written(path, err) from err
    try:
        yield folder
    except OSError as err:
        raise _not_written(path, err) from err
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _not_written(path: Path, err: OSError) -> InspectorError:
    return InspectorError(path.name, "output", f"cannot be written: {err.strerror or err}")
