"""Recognises Git LFS pointers, the small text files that replace large files in a repository.

A clone without Git LFS, or a download of the raw file, yields the pointer instead of the file.

Source: the specification of Git LFS, docs/spec.md; a pointer is shorter than 1024 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from inspector.text import size

MAX_BYTES = 1024

_VERSION = re.compile(rb"\s*version https?://(?:git-lfs|hawser)\.github\.com/spec/v\d+\s")
_SIZE = re.compile(rb"^size (\d{1,19})\s*$", re.MULTILINE)


def reason(data: bytes | memoryview) -> str | None:
    """Why a pointer cannot be read, with the size of the real file; None if it is no pointer."""
    if len(data) >= MAX_BYTES:
        return None
    text = bytes(data)
    if _VERSION.match(text) is None:
        return None
    stored = _SIZE.search(text)
    file = "the file itself" if stored is None else f"the file itself, of {size(int(stored[1]))}"
    return f"a Git LFS pointer and not {file}: fetch it with 'git lfs pull'"


def reason_of(path: Path) -> str | None:
    """`reason` for the content of a file; also None if the file cannot be read."""
    try:
        if path.stat().st_size >= MAX_BYTES:
            return None
        return reason(path.read_bytes())
    except OSError:
        return None


def pointers(files: Iterable[Path]) -> dict[str, str]:
    """File name to `reason`, for those of the files that are Git LFS pointers."""
    reasons = ((path.name, reason_of(path)) for path in files)
    return {name: reason for name, reason in reasons if reason is not None}
