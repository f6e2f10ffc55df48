"""Paths on the command line: models, files to read and to write; ``-`` is standard input or output.

A model or file from standard input is copied to a temporary file, which goes when the command ends.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

STDOUT = Path("-")
"""Standard output as the place to write to; every other path of `Out` is absolute."""

_STDIN, _FOLDERS = "inspector.stdin", "inspector.folders"
_SUFFIXES = (
    (b"PK\x03\x04", ".npz"),
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"{", ".json"),
    (b"[", ".json"),
)
"""How files of feeds start; what starts otherwise is text in columns."""


class In(click.ParamType[str]):
    """A file to read; ``-`` is standard input."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The path; that of a temporary file for standard input."""
        text = str(value)
        if not text:
            self.fail("the path is empty; '.' is the current folder", param, ctx)
        if text != "-" or ctx is None or ctx.resilient_parsing:
            return text
        root = ctx.find_root()
        if _STDIN in root.meta:
            self.fail("standard input can be read once", param, ctx)
        folder = tempfile.TemporaryDirectory(prefix="inspector-")
        root.call_on_close(folder.cleanup)
        data = sys.stdin.buffer.read()
        path = Path(folder.name) / self.file_name(data)
        path.write_bytes(data)
        root.meta[_STDIN] = str(path)
        return str(path)

    def file_name(self, data: bytes) -> str:
        """What the temporary file is called."""
        return "stdin" + next((end for start, end in _SUFFIXES if data.startswith(start)), ".csv")

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Paths, which the shell completes by itself."""
        return [CompletionItem(incomplete, type="file")]


class ModelPath(In):
    """A model: a folder, a file, an archive, a URL; ``-`` is a file on standard input."""

    name = "model"

    def file_name(self, data: bytes) -> str:
        """Without a suffix: the content decides the format."""
        return "stdin"


class Out(click.ParamType[Path]):
    """A path to write to.

    Args:
        stdout: ``-`` is standard output.
    """

    name = "path"

    def __init__(self, *, stdout: bool = False) -> None:
        self._stdout = stdout

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """An absolute path, with ``~`` expanded, or `STDOUT`; never the current folder itself."""
        text = str(value)
        if text == "-":
            if not self._stdout:
                self.fail("'-' is standard output, which does not take this; name a file")
            return STDOUT
        path = Path(text).expanduser().absolute()
        if not text or path.name in ("", ".."):
            self.fail("names no file", param, ctx)
        if text.endswith("/") and ctx is not None:
            ctx.find_root().meta.setdefault(_FOLDERS, set()).add(path)
        return path

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Paths, which the shell completes by itself."""
        return [CompletionItem(incomplete, type="file")]


def named_as_folder(path: Path) -> bool:
    """Whether a path of `Out` was typed with a slash at its end."""
    return path in click.get_current_context().find_root().meta.get(_FOLDERS, ())


def typed(path: str) -> str:
    """A path as it was typed: ``-`` for standard input."""
    return "-" if path == click.get_current_context().find_root().meta.get(_STDIN) else path
