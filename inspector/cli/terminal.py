"""Tables and progress for a terminal. Names are untrusted: control characters are escaped."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TextIO

from inspector.text import plain

_EVERY_S = 0.1


def table(
    rows: Iterable[Sequence[object]],
    headers: Sequence[str] = (),
    right: Iterable[int] = (),
    indent: str = "",
) -> str:
    """Aligned columns.

    Args:
        headers: Titles, underlined; none for a list of figures.
        right: Columns set flush right: counts and bytes.
        indent: Put before every line.
    """
    lines = [[plain(cell) for cell in row] for row in rows]
    columns = max([len(headers), *map(len, lines)], default=0)
    full = [
        [*row, *[""] * (columns - len(row))] for row in ([list(headers)] if headers else []) + lines
    ]
    widths = [max((len(row[at]) for row in full), default=0) for at in range(columns)]
    if headers:
        full.insert(1, ["-" * width for width in widths])
    flush = set(right)
    return "\n".join(
        indent
        + "  ".join(
            cell.rjust(width) if at in flush else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in full
    )


class Progress:
    """One line on standard error that says how far the work is; silent where nobody watches."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._watched = self._stream.isatty()
        self._shown_at = 0.0
        self._text = ""
        self._dirty = False

    def __call__(self, fraction: float | None, text: str) -> None:
        """Show a step at once, and how far it is at most ten times a second."""
        now = time.monotonic()
        is_news = text != self._text or now - self._shown_at >= _EVERY_S
        if not self._watched or not text or not is_news:
            return
        self._text, self._shown_at, self._dirty = text, now, True
        share = "    " if fraction is None else f"{min(max(fraction, 0.0), 1.0):4.0%}"
        width = shutil.get_terminal_size().columns - 1
        self._stream.write("\r\x1b[2K" + f"{share} {plain(text)}"[:width])
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._dirty:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._dirty = False
        self._text = ""
