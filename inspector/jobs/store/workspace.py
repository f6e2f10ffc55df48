"""The one folder that Inspector writes to: models by content, results by request.

``models/<hash>/<name>`` and ``results/<hash>/`` hold finished entries only; `store` keeps them. A
fault of the disk, or of the folder itself, becomes one `WorkspaceError`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inspector import settings
from inspector.errors import InspectorError, LimitExceeded, MissingFile, UnsupportedModel
from inspector.jobs.requests import MIB
from inspector.jobs.store import answers, home, manifest, names, sources, staging
from inspector.jobs.store.answers import ANSWER, FILES, StoredResult
from inspector.jobs.store.entries import Lease, Store, model_key
from inspector.jobs.store.manifest import FileFacts

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelKey:
    """A model in the workspace."""

    hash: str
    """SHA-256 over names and contents."""
    name: str
    path: Path
    bytes: int
    part: str = ""
    """The model that is meant, by its path in a folder or an archive of several; see `parts`."""


class Incoming:
    """A model that is being received: its files, in any order; see `Workspace.receive`.

    Files may be written by several threads, each file by one. Nothing is held in memory.
    """

    def __init__(self, store: Store, name: str, max_bytes: int) -> None:
        self.name = name
        self.max_bytes = max_bytes
        self.bytes: int = 0
        """Written so far, all files together."""
        self._store = store
        self._max_files = settings.FILES()
        self._stage = store.stage()
        self._lock = threading.Lock()
        self._files: dict[str, IncomingFile] = {}

    def file(self, relative: str) -> IncomingFile:
        """Start one file; close it, or leave its block, before `finish`.

        Args:
            relative: Its path inside the model, ``/`` between parts. A single file of the model's
                own name is a model that is a file; all else makes a folder of that name.
        Raises: UnsupportedModel for an unsafe path, or one that was there before; LimitExceeded
            for too many files; WorkspaceError.
        """
        inside = names.safe_relative(relative)
        with self._lock:
            if len(self._files) >= self._max_files:
                raise LimitExceeded(self.name, "upload", f"more than {self._max_files:,} files")
            with home.translated(self._store.root):
                path = self._stage.content / self.name / inside
                file = IncomingFile(self, self._store, str(inside), path)
            self._files[str(inside)] = file
            return file

    def finish(self) -> ModelKey:
        """Give the model its place in the workspace; the same as `Workspace.add_files` gives.

        Raises: MissingFile when there is no file in it; LimitExceeded when models in use leave no
            room; WorkspaceError.
        """
        if not self._files:
            raise MissingFile(self.name, "upload", "there is no file in it")
        for file in self._files.values():
            file.close()
        with home.translated(self._store.root):
            if list(self._files) == [self.name]:
                folder = (self._stage.content / self.name).rename(self._stage.path / "folder")
                (folder / self.name).rename(self._stage.content / self.name)
                files = {self.name: self._files[self.name].facts}
            else:
                files = {f"{self.name}/{path}": file.facts for path, file in self._files.items()}
            key = model_key(files)
            entry = self._store.place(self._stage, home.MODELS, key, files)
        return ModelKey(key, self.name, entry / self.name, self.bytes)

    def discard(self) -> None:
        """Remove what was received, unless it was finished; safe to call more than once."""
        for file in self._files.values():
            file.close()
        self._stage.discard()

    def grow(self, size: int) -> None:
        """Count bytes that are about to be written. Raises: LimitExceeded when it is too much."""
        with self._lock:
            if self.bytes + size > self.max_bytes:
                why = f"more than {self.max_bytes // MIB:,} MiB"
                raise LimitExceeded(self.name, "size", why)
            self.bytes += size


class IncomingFile:
    """One file of a model that is being received; hashed while it is written."""

    def __init__(self, incoming: Incoming, store: Store, name: str, path: Path) -> None:
        self.name = name
        self._incoming = incoming
        self._store = store
        self._digest = hashlib.sha256()
        self._size = 0
        try:
            store.with_room(0, lambda: path.parent.mkdir(parents=True, exist_ok=True))
            self._file = store.with_room(0, lambda: path.open("xb", buffering=0))
        except (FileExistsError, NotADirectoryError) as err:
            raise UnsupportedModel(name[:100], "path", "is there twice") from err
        except OSError as err:
            if err.errno == errno.ENAMETOOLONG:
                raise UnsupportedModel(name[:100], "path", "is too long") from err
            raise

    @property
    def facts(self) -> FileFacts:
        """Bytes, and SHA-256 in hex."""
        return self._size, self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append bytes, which may block for as long as the disk does.

        Raises: LimitExceeded when the model becomes too large; WorkspaceError.
        """
        self._incoming.grow(len(chunk))
        self._digest.update(chunk)
        self._size += len(chunk)
        rest = memoryview(chunk)

        def write() -> int:
            return self._file.write(rest)

        with home.translated(self._store.root):
            while rest:
                rest = rest[self._store.with_room(len(rest), write) :]

    def close(self) -> None:
        """End the file; safe to call more than once."""
        self._file.close()

    def __enter__(self) -> IncomingFile:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Workspace:
    """A folder of models and results. Safe to share between threads and processes.

    Args:
        root: The folder; by default that of this user, see `home.find`.
        max_bytes: What it may hold; by default what the settings say.
    Raises: WorkspaceError, as all methods do, when the folder cannot be read or written.
    """

    def __init__(self, root: Path | None = None, max_bytes: int | None = None) -> None:
        place = (root.absolute(), None) if root is not None else home.find()
        self.root: Path = place[0]
        self._temporary = place[1]
        self.max_bytes: int = settings.WORKSPACE_SIZE() if max_bytes is None else max_bytes
        with home.translated(self.root):
            self._store = Store(self.root, self.max_bytes)
        self._jobs: dict[Path, staging.Stage] = {}

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
        with self.receive(name) as incoming:
            for relative, stream in files:
                with incoming.file(relative) as file:
                    while chunk := sources.read(stream, relative):
                        file.write(chunk)
            return incoming.finish()

    @contextlib.contextmanager
    def receive(self, name: str, max_bytes: int | None = None) -> Iterator[Incoming]:
        """Take a model in piece by piece, written to the workspace as it arrives.

        ::

            with workspace.receive("model.pb") as incoming:
                with incoming.file("model.pb") as file:
                    for chunk in chunks:
                        file.write(chunk)
                key = incoming.finish()

        A block that ends without `Incoming.finish`, by an error or not, leaves nothing behind.

        Args:
            name: The model's name, a single path part.
            max_bytes: What all files together may take; by default what the workspace may hold.
        Raises: UnsupportedModel for an unsafe name.
        """
        limit = self.max_bytes if max_bytes is None else min(max_bytes, self.max_bytes)
        top = names.single(name)
        with home.translated(self.root):
            incoming = Incoming(self._store, top, limit)
        try:
            yield incoming
        finally:
            incoming.discard()

    def add_folder(self, path: Path) -> ModelKey:
        """Copy a file or folder of this machine in. Links are refused, not followed.

        Raises: MissingFile for what is not there or cannot be read; what `add_files` raises.
        """
        path = path.absolute()
        name = path.name or "model"
        if not path.exists():
            raise MissingFile(name, "path", "there is nothing here")

        def files() -> Iterator[tuple[str, IO[bytes]]]:
            for relative in [name] if path.is_file() else sources.plain_files(path, name):
                with sources.opened(path if path.is_file() else path / relative) as stream:
                    yield relative, stream

        return self.add_files(files(), name)

    def model(self, key: str) -> ModelKey | None:
        """The model of this hash, if it is still there and sound."""
        with home.translated(self.root):
            entry = self._store.check(home.MODELS, _hex(key))
        if entry is None:
            return None
        name = next(iter(entry.files)).partition("/")[0]
        return ModelKey(key, name, self._store.folder(home.MODELS, key) / name, entry.size)

    def lease(self, path: Path, is_wanted: Callable[[], bool] = lambda: True) -> Lease | None:
        """Keep the model or result that a path lies in from being removed to make room.

        Args:
            is_wanted: Asked when room is short, on any thread; False gives it free.
        Returns: What keeps it as long as it exists; None for a path outside of the workspace.
        Raises: MissingFile when it is not there any more, or was damaged.
        """
        if not path.is_relative_to(self.root):
            return None
        part, key = path.relative_to(self.root).parts[:2]
        with home.translated(self.root):
            return self._store.lease(part, _hex(key), is_wanted)

    @contextlib.contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Keep a model from being removed to make room while it is in use."""
        with home.translated(self.root):
            lease = self._store.lease(home.MODELS, _hex(key))
        try:
            yield
        finally:
            lease.release()

    def result_key(self, model: str, kind: str, args: Mapping[str, Any], version: str) -> str:
        """The name of a result: a hash of the model, the request in canonical form, the code."""
        return manifest.hash_of([model, kind, dict(args), version])

    def result(self, key: str) -> StoredResult | None:
        """A kept result, or None; also where the workspace cannot be read: a job makes it anew."""
        try:
            entry = self._store.check(home.RESULTS, _hex(key), skip=ANSWER)
            if entry is None:
                return None
            folder = self._store.folder(home.RESULTS, key)
            data = (folder / ANSWER).read_bytes()
            if (len(data), hashlib.sha256(data).hexdigest()) == entry.files[ANSWER]:
                return answers.unpack(data, folder)
            _log.warning("workspace: %s of results is damaged and dropped", key[:12])
            self._store.drop(home.RESULTS, key)
        except FileNotFoundError:
            pass  # removed to make room while we read
        except OSError as err:
            _log.warning("%s", home.unusable(self.root, err))
        return None

    def new_result(self) -> Path:
        """A private folder for a job to write to; pass it to `keep_result` or `discard`."""
        with home.translated(self.root):
            self._store.reserve()
            stage = self._store.stage()
            files = stage.content / FILES
            files.mkdir()
        self._jobs[files] = stage
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

        An answer without files is given even where it cannot be kept.

        Args:
            files: What `new_result` gave.
            key: What `result_key` gave; None for an answer that is only kept for its files.
            max_bytes: How much the files may take.
        Raises: LimitExceeded; UnsupportedModel when there is a link or a device among the files.
        """
        answer = StoredResult(value, dict(blobs), None)
        with home.translated(self.root):
            has_files = any(files.iterdir())
            facts = answers.files_of(files, max_bytes)
        if not has_files and key is None:
            self.discard(files)
            return answer
        try:
            folder = self._keep(files, key or secrets.token_hex(32), facts, answer)
        except InspectorError as err:
            if has_files:
                raise
            _log.warning("a result is not kept: %s", err)
            return answer
        finally:
            self.discard(files)
        files = folder / FILES
        return StoredResult(value, dict(blobs), files if files.is_dir() else None)

    def discard(self, files: Path) -> None:
        """Remove what `new_result` gave, or a result that was kept without a key."""
        stage = self._jobs.pop(files, None)
        if stage is not None:
            stage.discard()
        elif files.is_relative_to(self.root / home.RESULTS):
            with contextlib.suppress(OSError):
                self._store.drop(home.RESULTS, files.relative_to(self.root).parts[1])

    def size(self) -> int:
        """Bytes of all entries."""
        with home.translated(self.root):
            return self._store.size()

    def _keep(
        self, files: Path, key: str, facts: dict[str, FileFacts], answer: StoredResult
    ) -> Path:
        stage = self._jobs[files]
        data = answers.pack(answer)
        with home.translated(self.root):
            if not facts:
                staging.remove(files)
            path = stage.content / ANSWER
            self._store.with_room(len(data), lambda: path.write_bytes(data))
            facts[ANSWER] = len(data), hashlib.sha256(data).hexdigest()
            return self._store.place(stage, home.RESULTS, key, facts)


def _hex(key: str) -> str:
    """A hash from outside, which becomes part of a path."""
    if not key or not set(key) <= set("0123456789abcdef"):
        raise MissingFile("workspace", key[:64], "not a key of the workspace")
    return key
