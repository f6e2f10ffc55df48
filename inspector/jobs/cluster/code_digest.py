"""Tells whether two machines run the same Inspector."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from inspector.version import __version__

_APP = "_app"
"""Where a wheel has what a checkout keeps beside the package."""


@functools.cache
def code_digest() -> str:
    """Version and hash of the code of this package, e.g. ``0.1.0 3fa2b1c09d8e``."""
    package = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        if not name.startswith(f"{_APP}/"):
            digest.update(f"{name}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return f"{__version__} {digest.hexdigest()[:12]}"
