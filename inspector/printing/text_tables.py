"""Tables of text. Names are untrusted: control characters are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from inspector.text import plain


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


def titled(title: str, text: str) -> str:
    """A text below its title, indented; empty for an empty text."""
    return f"{title}\n" + "\n".join(f"  {line}" for line in text.splitlines()) if text else ""


def html(text: str) -> str:
    """A text as a notebook shows it: as on a terminal, without scripts and links."""
    return f'<pre style="line-height:1.25;overflow-x:auto">{escape(text)}</pre>'
