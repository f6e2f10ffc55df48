"""Names that may come from a model, asked of the file system: one that it cannot have is not there.
And which names are no paths at all.

Python's own questions raise an error for a name that is too long, and for one with a zero in it.
"""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(text: str) -> bool:
    """Whether this is meant as a URL and not as a path."""
    return _SCHEME.match(text) is not None


def is_file(path: Path) -> bool:
    """True for a file, also behind a link."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """True for a folder, also behind a link."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_link(path: Path) -> bool:
    """True for a link."""
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """True for what is there, whatever it is."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
