"""Finds the workspace folder, checks that it is usable, and words the error where it is not."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inspector import settings
from inspector.errors import WorkspaceError
from inspector.jobs.store import staging

PARTS = MODELS, RESULTS, TMP, LOCKS = ("models", "results", "tmp", "locks")
FULL = (errno.ENOSPC, errno.EDQUOT)

_log = logging.getLogger(__name__)
_NAME = "tf-graph-inspector"
_WHY = {
    errno.ENOSPC: "its disk is full",
    errno.EDQUOT: "the disk quota of this user is used up",
    errno.EROFS: "it is read-only",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.ENOENT: "it was removed while it was in use",
    errno.ENOTDIR: "there is a file where a folder is needed",
    errno.EEXIST: "there is a file where a folder is needed",
    errno.EIO: "its disk cannot be read or written",
}


def default_root() -> Path:
    """The setting ``INSPECTOR_WORKSPACE``, else a folder in the user's cache directory.

    Raises: WorkspaceError where this user has no home directory.
    """
    try:
        if chosen := settings.WORKSPACE():
            return chosen.resolve()
        if sys.platform == "darwin":
            caches = Path.home() / "Library" / "Caches"
        else:
            caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as err:
        raise _refused(Path(_NAME), "this user has no home directory") from err
    return caches.absolute() / _NAME


def find() -> tuple[Path, staging.Stage | None]:
    """The root of this user's workspace, made where it is missing.

    Where the home directory cannot be written, as in a container with a random user id, it is a
    private temporary folder, which is removed with the Stage that is given beside it.

    Raises: WorkspaceError when `INSPECTOR_WORKSPACE` names a folder that cannot be used.
    """
    try:
        root = default_root()
        with translated(root):
            make(root)
    except WorkspaceError as err:
        if settings.WORKSPACE():
            raise
        stage = _private()
        _log.warning("%s; until this process ends a temporary folder serves", str(err))
        return stage.content / _NAME, stage
    return root, None


def make(root: Path) -> None:
    """Make the folders of a workspace where they are missing, and see that they are ours alone.

    Raises: WorkspaceError when somebody else might change what is in them; OSError.
    """
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileNotFoundError as err:  # as below /proc, where nobody makes folders
        raise _refused(root, "it cannot be made there") from err
    mode = root.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise _refused(root, "every user may write to it")
    for name in PARTS:
        part = root / name
        part.mkdir(exist_ok=True, mode=0o700)
        status = part.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise _refused(root, f"{name} in it is a link")
        if status.st_uid != os.geteuid():
            raise _refused(root, f"{name} in it belongs to another user")
        if status.st_mode & 0o077:
            part.chmod(0o700)
        if not os.access(part, os.W_OK | os.X_OK):
            read_only = os.statvfs(part).f_flag & os.ST_RDONLY
            code = errno.EROFS if read_only else errno.EACCES
            raise OSError(code, os.strerror(code), str(part))


@contextlib.contextmanager
def translated(root: Path) -> Iterator[None]:
    """Turn an OSError of the block into the sentence about the workspace."""
    try:
        yield
    except OSError as err:
        raise unusable(root, err) from err


def root_of_job(folder: Path) -> Path:
    """The workspace that a job's folder lies in: ``<root>/tmp/<stage>/content/files``."""
    return folder.parents[3]


def unusable(root: Path, err: OSError) -> WorkspaceError:
    """The sentence for a workspace that an operation failed on."""
    return _refused(root, _WHY.get(err.errno or 0) or err.strerror or str(err))


def _refused(root: Path, why: str) -> WorkspaceError:
    advice = f"set {settings.WORKSPACE.name} to another folder or put this one right"
    return WorkspaceError("workspace", _display_name(root), f"{why}: {advice}")


def _display_name(root: Path) -> str:
    """The folder as a user may read it, who need not know the paths of a server."""
    if settings.WORKSPACE():
        return root.name
    try:
        return f"~/{root.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return root.name


def _private() -> staging.Stage:
    """A temporary folder with the parts of a workspace; those of dead processes are removed."""
    parent, prefix = Path(tempfile.gettempdir()), f"inspector-{os.geteuid()}-"
    with translated(parent):
        staging.sweep(parent, prefix)
        stage = staging.new(parent, prefix)
        make(stage.content / _NAME)
    return stage
