"""The folder or object store that all machines of a cluster reach, through fsspec.

``inputs/`` holds files of models by their SHA-256; whoever runs short of space may delete from it
at any time, as what is missing is sent again. ``runs/`` holds what one run sends and the list of
the inputs that it needs, and is removed when the run has ended. `SharedStore.prune` removes what no
run needs. Sizes and hashes are compared at every read: the store need not be trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inspector import extras
from inspector.errors import InspectorError, MissingFile, UnsupportedModel, WorkspaceError
from inspector.files.paths import is_url
from inspector.jobs.cluster.input_files import InputFile

INPUT_KEPT_S = 24 * 3600.0
"""Seconds after which an input that no run needs is removed: clocks of machines differ by less."""
RUN_KEPT_S = 7 * 24 * 3600.0
"""Seconds after which a run has ended, or the process that asked for it has been killed."""
_CHUNK = 1 << 20
_NEEDS = "needs"
"""The name of the list of inputs that a run needs."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the store, as the order or the answer describes it.

    Attributes:
        relative: Its path in the model or result.
    """

    relative: str
    bytes: int
    sha256: str


class SharedStore:
    """A place for files. Thread-safe.

    Args:
        url: An absolute path, or what fsspec understands, e.g. ``s3://bucket/inspector``.
    Raises: MissingPackage; InspectorError for a URL that is none; WorkspaceError.
    """

    def __init__(self, url: str) -> None:
        with extras.needed("cluster"):
            import fsspec
        if not is_url(url) and not Path(url).is_absolute():
            why = "is neither an absolute path nor a URL such as s3://bucket/inspector"
            raise InspectorError(url[:100], "shared store", why)
        self.url: str = url
        self._name = re.sub(r"//[^/@]*@", "//", url)
        """For errors, without a password."""
        with self._translated("opened"):
            self._fs, self._root = fsspec.core.url_to_fs(url)

    def add_input(self, file: InputFile, *, again: bool = False) -> None:
        """Bring a file of a model to the store, unless it is there.

        Args:
            again: It is there, and cannot be read.
        Raises: WorkspaceError; MissingFile.
        """
        place = self._input(file.sha256)
        with self._translated("written"):
            if not again and self._size(place) == file.bytes:
                return
            self._put(place, lambda target: _copy(file.path, target))

    def need(self, run: str, sha256s: Iterable[str]) -> None:
        """Say which inputs a run needs, before it looks for them. Raises: WorkspaceError."""
        self.write(f"runs/{run}/{_NEEDS}", json.dumps(sorted(set(sha256s))).encode())

    def prune(self) -> None:
        """Remove inputs that no run has needed for long, and what killed processes left in runs.

        Other processes may do the same meanwhile. An input that a run has missed in the moment of
        its removal is sent again, and then it is too new for whoever else removes.
        """
        needed: set[str] = set()
        for place in self._listed(f"{self._root}/runs/*/{_NEEDS}"):
            if self._age(place) > RUN_KEPT_S:
                self.remove(f"runs/{place.split('/')[-2]}")
            else:
                # One that cannot be read is of a run that has just ended.
                with contextlib.suppress(Exception):
                    needed.update(map(str, json.loads(self._fs.cat_file(place))))
        for place in self._listed(f"{self._root}/inputs/*/*"):
            is_needed = place.rpartition("/")[2] in needed
            if not is_needed and self._age(place) > INPUT_KEPT_S:
                with contextlib.suppress(Exception):  # another process was first
                    self._fs.rm_file(place)

    def _listed(self, pattern: str) -> list[str]:
        """The files of a pattern; none where the store cannot be listed."""
        with contextlib.suppress(Exception):
            self._fs.invalidate_cache()
            return list(map(str, self._fs.glob(pattern)))
        return []

    def _age(self, place: str) -> float:
        """Seconds since a file was written; 0 where the store does not say."""
        with contextlib.suppress(Exception):
            return time.time() - float(self._fs.modified(place).timestamp())
        return 0.0

    def input_chunks(self, file: StoredFile) -> Iterator[bytes]:
        """The content of a file of a model. Raises: MissingFile, WorkspaceError."""
        return self._read(self._input(file.sha256), file)

    def write(self, place: str, data: bytes) -> None:
        """Write what one run sends. Raises: WorkspaceError."""
        with self._translated("written"):
            self._put(f"{self._root}/{place}", lambda target: target.write(data))

    def write_file(self, place: str, path: Path) -> StoredFile:
        """Write a file of one run; its size and hash, and no path. Raises: WorkspaceError."""
        digest, size = hashlib.sha256(), 0

        def copy(target: IO[bytes]) -> None:
            nonlocal size
            with path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    size += target.write(chunk)

        with self._translated("written"):
            self._put(f"{self._root}/{place}", copy)
        return StoredFile("", size, digest.hexdigest())

    def chunks(self, place: str, file: StoredFile) -> Iterator[bytes]:
        """The content of what one run has sent. Raises: MissingFile, WorkspaceError."""
        return self._read(f"{self._root}/{place}", file)

    def remove(self, place: str) -> None:
        """Remove what one run has sent; that it cannot be removed is no error."""
        with contextlib.suppress(Exception):  # whatever the package of the protocol raises
            self._fs.rm(f"{self._root}/{place}", recursive=True)

    def _read(self, place: str, file: StoredFile) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        with self._translated("read"):
            try:
                source: IO[bytes] = self._fs.open(place, "rb")
            except FileNotFoundError as err:
                why = f"is not in the shared store {self._name}"
                raise MissingFile(file.relative[:100], "file", why) from err
            with source:
                while size <= file.bytes and (chunk := source.read(_CHUNK)):
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk
        if (size, digest.hexdigest()) != (file.bytes, file.sha256):
            why = f"is damaged in the shared store {self._name}"
            raise MissingFile(file.relative[:100], "file", why)

    def _input(self, sha256: str) -> str:
        return f"{self._root}/inputs/{sha256[:2]}/{sha256}"

    def _size(self, place: str) -> int | None:
        try:
            size: int = self._fs.info(place)["size"]
        except FileNotFoundError:
            return None
        return size

    def _put(self, place: str, write: Any) -> None:
        """Write under another name first: nobody reads half a file, and none is left behind."""
        self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)
        part = f"{place}.{secrets.token_hex(8)}.part"
        try:
            with self._fs.open(part, "wb") as target:
                write(target)
            self._fs.mv(part, place)
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs.rm(part)
            raise

    @contextlib.contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        """One sentence for whatever the package of the protocol raises."""
        try:
            yield
        except InspectorError:
            raise
        except (ImportError, ValueError) as err:
            raise UnsupportedModel(self._name, "shared store", str(err)) from err
        except Exception as err:
            reason = getattr(err, "strerror", None) or str(err) or type(err).__name__
            why = f"cannot be {done}: {reason}"
            raise WorkspaceError(self._name, "shared store", why) from err


def _copy(path: Path, target: IO[bytes]) -> None:
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
