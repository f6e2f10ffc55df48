"""Path tests for untrusted names: an impossible name counts as missing instead of raising.

`pathlib` raises OSError for a name that is too long and ValueError for one with a NUL character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(text: str) -> bool:
    """True if the text starts with a scheme (``gs://``), so that it is no path."""
    return _SCHEME.match(text) is not None


def is_file(path: Path) -> bool:
    """True for a file, also behind a link."""
    return _holds(path.is_file)


def is_folder(path: Path) -> bool:
    """True for a folder, also behind a link."""
    return _holds(path.is_dir)


def is_link(path: Path) -> bool:
    """True for a symbolic link."""
    return _holds(path.is_symlink)


def exists(path: Path) -> bool:
    """True for anything that exists; False for a broken link."""
    return _holds(path.exists)


def _holds(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except (OSError, ValueError):
        return False
