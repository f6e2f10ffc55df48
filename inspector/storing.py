"""Outputs appear whole or not at all: written under a temporary name beside their place, renamed.

Source: rename(2); a folder cannot be replaced in one step, so the old one is first moved aside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inspector.errors import InspectorError, MissingFile, OutputExists

_OURS = "saved_model.pb"


def check_output(path: Path, *, force: bool = False) -> None:
    """Say before the work starts what would keep the output from being written.

    A folder is only ever replaced where it is a SavedModel, or empty: ``--force`` on a mistyped
    path must not take anybody's files away.

    Raises: OutputExists; MissingFile when the folder it shall lie in is not there.
    """
    if not path.parent.is_dir():
        raise MissingFile(path.name, "output", "the folder it shall lie in does not exist")
    if not os.path.lexists(path):
        return
    if not (path.is_symlink() or path.is_file() or path.is_dir()):
        # A rename would put a plain file in the place of, say, /dev/null.
        raise OutputExists(path.name, "output", "is a device or a pipe, which is not overwritten")
    if not force:
        raise OutputExists(path.name, "output", "is there already; --force overwrites it")
    if path.is_dir() and not path.is_symlink():
        inside = {entry.name for entry in path.iterdir()}
        if inside and _OURS not in inside:
            why = "is a folder with other things than a SavedModel, which is not overwritten"
            raise OutputExists(path.name, "output", why)


@contextlib.contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary path to write a file to; it becomes `path` if the block ends without an error."""
    check_output(path, force=force)
    if path.is_dir() and not path.is_symlink():
        raise OutputExists(path.name, "output", "is a folder; a file cannot take its place")
    with _temporary(path) as folder:
        made = folder / (path.name or "output")
        yield made
        if not force and os.path.lexists(path):  # it came while we worked
            raise OutputExists(path.name, "output", "is there already; --force overwrites it")
        made.replace(path)


@contextlib.contextmanager
def new_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary folder to fill; it becomes `path` when the block ends without an error."""
    check_output(path, force=force)
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        raise OutputExists(path.name, "output", "is a file; a folder cannot take its place")
    with _temporary(path) as folder:
        made = folder / "made"
        made.mkdir()
        yield made
        if not path.exists():
            made.rename(path)
            return
        if not force:
            raise OutputExists(path.name, "output", "is there already; --force overwrites it")
        old = path.rename(folder / "old")
        try:
            made.rename(path)
        except OSError:
            old.rename(path)
            raise


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
