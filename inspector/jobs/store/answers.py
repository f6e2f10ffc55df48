"""Answers of jobs as the workspace keeps them: the file ``answer``, beside it the job's files."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.errors import UnsupportedModel
from inspector.jobs import watching
from inspector.jobs.store import manifest
from inspector.jobs.store.manifest import DamagedEntryError, FileFacts

ANSWER, FILES = "answer", "files"


@dataclass(frozen=True)
class StoredResult:
    """A job's answer as the workspace keeps it."""

    value: dict[str, Any]
    blobs: dict[str, bytes]
    folder: Path | None
    """The files the job wrote, or None."""


def pack(answer: StoredResult) -> bytes:
    """Value and blobs as the file ``answer``: a line of JSON, then the blobs."""
    sizes = [[name, len(blob)] for name, blob in answer.blobs.items()]
    head = json.dumps({"value": answer.value, "blobs": sizes}).encode()
    return b"".join([head, b"\n", *answer.blobs.values()])


def unpack(data: bytes, folder: Path) -> StoredResult:
    """What was packed, as the answer of an entry that lies in `folder`."""
    end = data.index(b"\n")
    head = json.loads(data[:end])
    blobs, at = {}, end + 1
    for name, size in head["blobs"]:
        blobs[name] = data[at : at + size]
        at += size
    files = folder / FILES
    return StoredResult(head["value"], blobs, files if files.is_dir() else None)


def files_of(files: Path, max_bytes: int) -> dict[str, FileFacts]:
    """Bytes and SHA-256 of what a job wrote, by path inside its entry.

    Raises: UnsupportedModel; LimitExceeded; OSError.
    """
    facts, size = {}, 0
    watching.usage(files).check()
    for relative, status in _walked(files):
        # A second name may be one of a file elsewhere on the server.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise UnsupportedModel("result", relative, "is a link or a device, not a file")
        size += status.st_size
        if size > max_bytes:
            raise watching.too_many_bytes(max_bytes)
        try:
            facts[f"{FILES}/{relative}"] = manifest.facts_of(files / relative)
        except DamagedEntryError as err:
            raise UnsupportedModel("result", relative, "cannot be read") from err
    return facts


def _walked(files: Path) -> Iterator[tuple[str, os.stat_result]]:
    """What lies below a folder that a job has written. Raises: UnsupportedModel; OSError."""
    try:
        yield from manifest.walk(files)
    except OSError as err:
        if err.errno in (errno.EACCES, errno.ENAMETOOLONG):  # what the job chose, not the disk
            why = "holds a folder that cannot be read, or one whose path is too long"
            raise UnsupportedModel("result", "folder", why) from err
        raise
