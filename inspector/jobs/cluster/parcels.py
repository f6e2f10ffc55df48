"""What crosses between two machines, as bytes: a line of JSON, then blobs; never a pickle.

A parcel of more than `INLINE_BYTES` goes through the shared store; Dask carries its reference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from inspector.jobs import protocol
from inspector.jobs.cluster.shared_store import SharedStore, StoredFile

INLINE_BYTES = 1 << 20
"""A scheduler holds its messages in memory."""
_HEAD_BYTES = 1 << 16
"""A reference, or a report of an error, is shorter."""
_HERE, _STORED = b"=", b"@"


def pack(value: Mapping[str, Any], blobs: Mapping[str, bytes]) -> bytes:
    """JSON and blobs as bytes."""
    sizes = [[name, len(blob)] for name, blob in blobs.items()]
    head = json.dumps({**value, "blobs": sizes}, separators=(",", ":")).encode()
    return b"".join([head, b"\n", *blobs.values()])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What was packed. Raises: WireError for anything else, however it came about."""
    head, newline, rest = data.partition(b"\n")
    value = protocol.parse(head)
    sizes = protocol.announced_blobs(value)
    if not newline or sum(size for _name, size in sizes) != len(rest):
        raise protocol.WireError("the blobs are not those that were announced")
    blobs, at = {}, 0
    for name, size in sizes:
        blobs[name] = rest[at : at + size]
        at += size
    return value, blobs


def pack_small(data: bytes) -> bytes:
    """A parcel of at most `INLINE_BYTES` for Dask."""
    return _HERE + data


def send(data: bytes, store: SharedStore, place: str) -> bytes:
    """The bytes for Dask: the parcel itself, or where in the store it lies.

    Args:
        place: Where in the store, if it is too large for Dask.
    Raises: WorkspaceError.
    """
    if len(data) <= INLINE_BYTES:
        return pack_small(data)
    store.write(place, data)
    digest = hashlib.sha256(data).hexdigest()
    return _STORED + json.dumps({"bytes": len(data), "sha256": digest}).encode()


def receive(message: object, store: SharedStore, place: str, most: int) -> bytes:
    """The parcel behind what Dask has delivered.

    Args:
        place: Where in the store it lies, if it does: what was sent does not choose.
        most: Bytes that it may have.
    Raises: WireError; MissingFile, WorkspaceError.
    """
    if not isinstance(message, bytes):
        raise protocol.WireError("the answer is not bytes")
    if message[:1] == _HERE and len(message) <= INLINE_BYTES + 1:
        return message[1:]
    if message[:1] != _STORED or len(message) > _HEAD_BYTES:
        raise protocol.WireError("the answer is no parcel")
    file = stored_file(["parcel", *map(protocol.parse(message[1:]).get, ("bytes", "sha256"))])
    if file.bytes > most:
        raise protocol.WireError("the answer is larger than its limit")
    return b"".join(store.chunks(place, file))


def stored_file(entry: object) -> StoredFile:
    """A file from ``[path, bytes, SHA-256]``. Raises: WireError."""
    match entry:
        case [str(relative), int(size), str(digest)] if (
            size >= 0 and len(digest) == 64 and set(digest) <= set("0123456789abcdef")
        ):
            return StoredFile(relative, size, digest)
        case _:
            raise protocol.WireError("a file is not given by path, bytes and SHA-256")
