"""Progress on a terminal. Names are untrusted: control characters are escaped."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from inspector.text import plain

_EVERY_S = 0.1


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
