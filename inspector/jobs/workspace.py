"""The one folder that Inspector writes to: models by content, results by request.

``models/<hash>/<name>`` and ``results/<hash>/`` hold finished entries only: each is made under
``tmp/`` and renamed. What was used longest ago goes first when the size limit is passed; what a
process holds open stays, whichever process it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from inspector import settings
from inspector.errors import LimitExceeded, MissingFile, UnsupportedModel
from inspector.jobs.requests import MIB

_ENTRY = "entry.json"
_VALUE = "value.json"
_CHUNK = 1 << 20
_LEFTOVER_S = 24 * 3600


@dataclass(frozen=True)
class ModelKey:
    """A model in the workspace."""

    hash: str
    """SHA-256 over names and contents."""
    name: str
    path: Path
    bytes: int


@dataclass(frozen=True)
class StoredResult:
    """A job's answer as the workspace keeps it."""

    value: dict[str, Any]
    blobs: dict[str, bytes]
    folder: Path | None
    """The files the job wrote, or None."""


def default_root() -> Path:
    """The setting ``INSPECTOR_WORKSPACE``, else a folder in the user's cache directory."""
    if chosen := settings.WORKSPACE():
        return chosen.resolve()
    if sys.platform == "darwin":
        caches = Path.home() / "Library" / "Caches"
    else:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "tf-graph-inspector"


def safe_relative(name: str) -> PurePosixPath:
    """A file's path inside a model, from a source that may lie about it.

    Raises: UnsupportedModel for absolute paths, ``..``, empty parts, NUL and overlong names.
    """
    parts = name.replace("\\", "/").split("/")
    bad = any(part in ("", ".", "..") or not 0 < _encoded_length(part) <= 200 for part in parts)
    if bad or "\0" in name or len(parts) > 32 or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise UnsupportedModel(name[:100].replace("\0", " "), "path", "not a safe relative path")
    return PurePosixPath(*parts)


class Workspace:
    """A folder of models and results. Safe to share between threads and processes."""

    def __init__(self, root: Path | None = None, max_bytes: int | None = None) -> None:
        self.root = (root or default_root()).absolute()
        self.max_bytes = settings.WORKSPACE_SIZE() if max_bytes is None else max_bytes
        self._models, self._results, self._tmp = (
            self.root / part for part in ("models", "results", "tmp")
        )
        for folder in (self._models, self._results, self._tmp):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()

    def add_file(self, stream: IO[bytes], name: str) -> ModelKey:
        """Copy one uploaded file in, a chunk at a time.

        Raises: LimitExceeded when it does not fit; UnsupportedModel for an unsafe name.
        """
        return self.add_files([(name, stream)], name)

    def add_files(self, files: Iterable[tuple[str, IO[bytes]]], name: str) -> ModelKey:
        """Copy a model of one file or several in.

        Args:
            files: Relative path (``/`` between parts) and content of each. A single file of the
                model's own name is a model that is a file; all else makes a folder of that name.
            name: The model's name, a single path part.
        """
        top = _single(name)
        entry = self._fresh()
        try:
            listing: list[tuple[str, int, str]] = []
            for relative, stream in files:
                inside = safe_relative(relative)
                target = entry / top / inside
                size, digest = self._copy(stream, target, sum(row[1] for row in listing))
                listing.append((str(inside), size, digest))
            if not listing:
                raise MissingFile(name, "upload", "there is no file in it")
            if [row[0] for row in listing] == [top]:
                (entry / top).rename(entry / "folder")
                (entry / "folder" / top).rename(entry / top)
                (entry / "folder").rmdir()
            total = sum(row[1] for row in listing)
            key = _hash([top, sorted(listing)])
            self._keep(entry, self._models / key, total)
        except BaseException:
            shutil.rmtree(entry, ignore_errors=True)
            raise
        return ModelKey(key, top, self._models / key / top, total)

    def add_folder(self, path: Path) -> ModelKey:
        """Copy a file or folder of this machine in. Links are refused, not followed."""
        path = path.absolute()
        name = path.name or "model"
        if not path.exists():
            raise MissingFile(name, "path", "there is nothing here")
        if path.is_file():
            with path.open("rb") as stream:
                return self.add_file(stream, name)

        def files() -> Iterator[tuple[str, IO[bytes]]]:
            for file in _plain_files(path, name):
                with file.open("rb") as stream:
                    yield file.relative_to(path).as_posix(), stream

        return self.add_files(files(), name)

    def model(self, key: str) -> ModelKey | None:
        """The model of this hash, if it is still there."""
        folder = self._models / _hex(key)
        entry = _entry(folder)
        if entry is None:
            return None
        name = next(path.name for path in folder.iterdir() if path.name != _ENTRY)
        return ModelKey(key, name, folder / name, entry["bytes"])

    @contextlib.contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Keep a model from being removed to make room while it is in use."""
        file = self._models / _hex(key) / _ENTRY
        with contextlib.ExitStack() as stack:
            try:
                handle = stack.enter_context(file.open("rb"))
                fcntl.flock(handle, fcntl.LOCK_SH)
                file.stat()  # it may have gone while we waited for the lock
            except FileNotFoundError:
                why = "it was removed to make room; open it again"
                raise MissingFile("model", "workspace", why) from None
            yield

    def result_key(self, model: str, kind: str, args: Mapping[str, Any], version: str) -> str:
        """The name of a result: a hash of the model, the request in canonical form, the code."""
        return _hash([model, kind, dict(args), version])

    def result(self, key: str) -> StoredResult | None:
        """A kept result, or None."""
        folder = self._results / _hex(key)
        if _entry(folder) is None:
            return None
        try:
            stored = json.loads((folder / _VALUE).read_bytes())
            blobs = {
                name: (folder / "blobs" / str(i)).read_bytes()
                for i, name in enumerate(stored["blobs"])
            }
        except FileNotFoundError:
            return None  # removed to make room while we read
        files = folder / "files"
        return StoredResult(stored["value"], blobs, files if files.is_dir() else None)

    def new_result(self) -> Path:
        """A private folder for a job to write to; pass it to `keep_result` or `discard`."""
        files = self._fresh() / "files"
        files.mkdir()
        return files

    def keep_result(
        self,
        files: Path,
        key: str | None,
        value: dict[str, Any],
        blobs: Mapping[str, bytes],
        max_bytes: int,
    ) -> StoredResult:
        """Take a job's answer over, with the files it wrote, into ``results/``.

        Args:
            files: What `new_result` gave.
            key: What `result_key` gave; None for an answer that is only kept for its files.
            max_bytes: How much the files may take.
        Raises: LimitExceeded; UnsupportedModel when there is a link or a device among the files.
        """
        entry = files.parent
        size = 0
        for file in _plain_files(files, "result"):
            status = file.stat()
            if status.st_nlink > 1:  # a second name of a file elsewhere on the server
                raise UnsupportedModel("result", file.name, "is a link, not a file")
            size += status.st_size
        if size > max_bytes:
            raise LimitExceeded("result", "files", f"more than {max_bytes // MIB:,} MiB")
        if not any(files.iterdir()):
            files.rmdir()
            if key is None:
                shutil.rmtree(entry)
                return StoredResult(value, dict(blobs), None)
        (entry / "blobs").mkdir()
        for i, blob in enumerate(blobs.values()):
            (entry / "blobs" / str(i)).write_bytes(blob)
            size += len(blob)
        text = json.dumps({"value": value, "blobs": list(blobs)}).encode()
        (entry / _VALUE).write_bytes(text)
        folder = self._results / (key or entry.name)
        self._keep(entry, folder, size + len(text))
        kept = folder / "files"
        return StoredResult(value, dict(blobs), kept if kept.is_dir() else None)

    def discard(self, files: Path) -> None:
        """Remove what `new_result` gave."""
        shutil.rmtree(files.parent, ignore_errors=True)

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(entry["bytes"] for _folder, entry in self._entries())

    def _fresh(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._tmp))

    def _copy(self, stream: IO[bytes], target: Path, before: int) -> tuple[int, str]:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with target.open("xb") as out:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if before + size > self.max_bytes:
                    raise LimitExceeded(
                        target.name, "size", f"more than {self.max_bytes // MIB:,} MiB"
                    )
                digest.update(chunk)
                out.write(chunk)
        return size, digest.hexdigest()

    def _keep(self, entry: Path, folder: Path, size: int) -> None:
        """Give a finished entry its place. One that is there already is the same, and stays."""
        (entry / _ENTRY).write_text(json.dumps({"bytes": size}))
        self._make_room(size, {folder})
        try:
            entry.rename(folder)
        except OSError:
            if _entry(folder) is None:
                raise
            shutil.rmtree(entry)

    def _make_room(self, size: int, spare: set[Path]) -> None:
        entries = list(self._entries())
        total = sum(entry["bytes"] for _folder, entry in entries) + size
        for folder, entry in sorted(entries, key=lambda pair: pair[1]["used"]):
            if total <= self.max_bytes:
                return
            if folder not in spare and self._remove(folder):
                total -= entry["bytes"]

    def _remove(self, folder: Path) -> bool:
        """Remove an entry unless it is held; first out of sight, then from the disk."""
        try:
            with (folder / _ENTRY).open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                gone = self._fresh()
                folder.rename(gone / "removed")
        except OSError:
            return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def _entries(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for part in (self._models, self._results):
            for folder in part.iterdir():
                entry = _entry(folder, touch=False)
                if entry is not None:
                    yield folder, entry

    def _sweep(self) -> None:
        """Remove what crashed processes left under ``tmp/`` long ago."""
        for left in self._tmp.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _LEFTOVER_S:
                    shutil.rmtree(left, ignore_errors=True)


def _entry(folder: Path, *, touch: bool = True) -> dict[str, Any] | None:
    """An entry's facts and when it was last used, which is now when ``touch``."""
    file = folder / _ENTRY
    try:
        entry: dict[str, Any] = json.loads(file.read_bytes())
        entry["used"] = file.stat().st_mtime_ns
        if touch:
            os.utime(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return entry


def _plain_files(root: Path, name: str) -> list[Path]:
    """Every file below a folder, in order; links and devices are refused."""
    found: list[Path] = []
    todo = [root]
    while todo:
        for item in sorted(todo.pop().iterdir()):
            status = item.lstat()
            if stat.S_ISDIR(status.st_mode):
                todo.append(item)
            elif stat.S_ISREG(status.st_mode):
                found.append(item)
            else:
                raise UnsupportedModel(name, item.name, "is a link or a device, not a file")
    return found


def _encoded_length(part: str) -> int:
    """Bytes that a name takes on the disk; 0 for what cannot be a name there (half a character)."""
    try:
        return len(part.encode())
    except UnicodeEncodeError:
        return 0


def _single(name: str) -> str:
    path = safe_relative(name)
    if len(path.parts) != 1 or name == _ENTRY:
        raise UnsupportedModel(name[:100], "name", "must be a single name, without folders")
    return str(path)


def _hex(key: str) -> str:
    """A hash from outside, which becomes part of a path."""
    if not key or not set(key) <= set("0123456789abcdef"):
        raise MissingFile("workspace", key[:64], "not a key of the workspace")
    return key


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
