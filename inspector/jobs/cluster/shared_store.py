"""The folder or object store that all machines of a cluster reach, through fsspec.

``inputs/`` holds files of models by their SHA-256; whoever runs short of space may delete from it
at any time, as what is missing is sent again. ``runs/`` holds what one run sends, and is removed
when the run has ended. Sizes and hashes are compared at every read: the store need not be trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inspector import extras
from inspector.errors import InspectorError, MissingFile, UnsupportedModel, WorkspaceError
from inspector.files.paths import is_url
from inspector.jobs.cluster.input_files import InputFile

_CHUNK = 1 << 20


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
