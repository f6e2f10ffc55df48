"""Names that may come from a model, asked of the file system: one that it cannot have is not there.

Python's own questions raise an error for a name that is too long, and for one with a zero in it.
"""

from __future__ import annotations

from pathlib import Path


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
