"""Logs the last lines that a worker printed, escaped: a model may control every byte.

Each line carries the job's mark, and every character that moves a cursor, ends a line, turns the
direction of writing or is not seen is written as an escape of Python's.
"""

from __future__ import annotations

import logging

_LINES = 100
_WIDTH = 500


def escaped(line: str) -> str:
    r"""One line in printable characters, e.g. ``\x1b[31m``; a backslash is doubled."""
    if line.isprintable() and "\\" not in line:
        return line
    return "".join(char if char.isprintable() and char != "\\" else _escape(char) for char in line)


def log(logger: logging.Logger, level: int, mark: str, message: str, printed: str = "") -> None:
    """Log a message, and below it the last lines of what was printed, each a record of its own.

    Args:
        mark: Whose lines they are, e.g. ``job 3fa2b1 predict``.
        message: One line, safe to show.
        printed: Text of any kind; only its last lines are logged.
    """
    logger.log(level, "%s: %s", mark, message)
    lines = printed.rstrip("\r\n").split("\n") if printed.strip() else []
    for line in lines[-_LINES:]:
        text = escaped(line.removesuffix("\r")[: _WIDTH + 1])
        logger.log(level, "%s | %s", mark, text if len(text) <= _WIDTH else text[:_WIDTH] + "…")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
