"""Small disks of their own (tmpfs) for tests that fill them or make them read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A mounted tmpfs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make_read_only(self) -> None:
        """From now on nothing can be opened for writing; what is open already stays so."""
        _mount("--bind", str(self.path), str(self.path))
        _mount("-o", "remount,bind,ro", str(self.path))

    def make_writable(self) -> None:
        """Take `make_read_only` back."""
        _unmount(self.path)

    def fill(self) -> Path:
        """Take up every byte that is left; gives the file to remove again."""
        file = self.path / "filler"
        with file.open("wb", buffering=0) as stream:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        stream.write(bytes(size))
                except OSError:
                    continue
        return file


@contextmanager
def mounted(path: Path, options: str) -> Iterator[Disk]:
    """A tmpfs at a folder, e.g. with ``size=2m``; the test is skipped where none can be mounted."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        _mount("-t", "tmpfs", "-o", options, "tmpfs", str(path))
    except (OSError, subprocess.CalledProcessError) as err:
        pytest.skip(f"this user may not mount a tmpfs ({err}); try: unshare -rm python -m pytest")
    try:
        yield Disk(path)
    finally:
        while path.is_mount():
            _unmount(path)


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "-l", str(path)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
