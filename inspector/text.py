"""Names, sizes, counts, shapes and values as text: every form that Inspector prints.

Names and values come out of a model: `plain` and `printable` let no control character through.
A size has three forms: `size` with the exact bytes, for reports; `rounded_size` for tables;
`brief_size` where room is short. A shape is written by `shape`; `brief_shape` cuts a long one, for
boxes of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Dims = Sequence[int | None] | None
"""A shape: None for an unknown size, or for a shape whose rank is unknown."""

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
MAX_VALUE = 60
"""Characters of one value of a tensor."""
BRIEF_RANK = 8
"""Sizes that `brief_shape` writes."""


def plain(text: object) -> str:
    """Text on one line; a control or formatting character shows as its escape, ``x1b`` for ESC."""
    return "".join(char if char.isprintable() else _escaped(char) for char in str(text))


def printable(text: str) -> str:
    """Text with a replacement character for each control or formatting character."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def spreadsheet_cell(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters; the end gives way to ``…``."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shorten(text: str, limit: int = 60) -> str:
    """Printable, on one line, at most ``limit`` characters; the middle gives way to ``…``."""
    if len(text) > limit:
        tail = (limit - 1) * 3 // 5
        text = f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"
    return printable(text)


def number(amount: int) -> str:
    """A count in groups of three digits: ``792,068``."""
    return f"{amount:,}"


def count(amount: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 row``, ``1,831 ops``; the plural is with ``s`` by default."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def some(names: Sequence[str], limit: int = 3) -> str:
    """The first names and how many there are beside them: ``a, b, c and 2 more``."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def versions(numbers: Mapping[str, Any]) -> str:
    """The versions of a GraphDef, those that state something: ``producer 26, min_consumer 12``."""
    parts = [f"{key} {numbers[key]}" for key in ("producer", "min_consumer") if numbers[key]]
    if bad := numbers.get("bad_consumers"):
        parts.append(f"bad_consumers {some(list(map(str, bad)))}")
    return ", ".join(parts)


def signed(amount: int) -> str:
    """A change: ``+3``, ``−1,166``, ``0``."""
    sign = "+" if amount > 0 else "−" if amount < 0 else ""
    return sign + number(abs(amount))


def size(amount: int) -> str:
    """Bytes, exact and rounded: ``815,926 bytes (796.8 KiB)``."""
    text = f"{amount:,} bytes"
    return text if amount < 1024 else f"{text} ({rounded_size(amount)})"


def rounded_size(amount: float | None, like: float | None = None) -> str:
    """Bytes with one decimal: ``3.1 MiB``, ``12 bytes``; ``–`` for None.

    Args:
        like: Take this number's unit if it is the next larger one and the figure is not too small,
            so that the two can be compared.
    """
    if amount is None:
        return "–"
    _, power = _scaled(amount)
    if like is not None and _scaled(like)[1] == power + 1 and amount >= 0.05 * 1024 ** (power + 1):
        power += 1
    value = amount / 1024**power
    return f"{value:.0f} bytes" if power == 0 else f"{value:.1f} {UNITS[power]}"


def brief_size(amount: int) -> str:
    """Bytes in at most three digits: ``8 KiB``, ``1.2 MiB``, ``12 B``."""
    value, power = _scaled(amount, 999.5)
    if power == 0:
        return f"{value:.0f} B"
    return f"{value:.0f} {UNITS[power]}" if value >= 9.95 else f"{value:.1f} {UNITS[power]}"


def size_unit(amount: float) -> tuple[str, int]:
    """The unit that `rounded_size` writes, and its number of bytes."""
    _, power = _scaled(amount)
    return UNITS[power], 1024**power


def shape(dims: Dims, limit: int | None = None) -> str:
    """``[None, 4]``, as TensorFlow writes it; ``unknown`` for an unknown rank.

    Args:
        limit: Sizes that are written; more show as ``...``.
    """
    if dims is None:
        return "unknown"
    more = ", ..." if limit is not None and len(dims) > limit else ""
    return f"[{', '.join(map(str, dims[:limit]))}{more}]"


def brief_shape(dims: Dims) -> str:
    """``[None, 4]``; ``scalar`` without sizes, empty for an unknown rank."""
    if dims is None:
        return ""
    return shape(dims, BRIEF_RANK) if dims else "scalar"


def value(item: object, digits: int = 7) -> str:
    """One value of a tensor: bytes as UTF-8, a float in ``digits`` digits, at most 60 characters.

    Control characters stay: the caller decides how they are shown.
    """
    if isinstance(item, bytes):
        return cut(item.decode("utf-8", "backslashreplace"), MAX_VALUE)
    if isinstance(item, bool):
        return "true" if item else "false"
    return f"{item:.{digits}g}" if isinstance(item, float) else cut(str(item), MAX_VALUE)


def rounded(item: object) -> str:
    """A value as a table shows it: a float in six digits, anything else as ``str`` gives it."""
    return f"{item:.6g}" if isinstance(item, float) else str(item)


def milliseconds(duration: float | None) -> str:
    """A duration in milliseconds with three digits: ``12.3 ms``; ``–`` for None."""
    if duration is None:
        return "–"
    return f"{duration:.0f} ms" if duration >= 100 else f"{duration:.3g} ms"


def ratio(value: float | None, interval: Sequence[float] | None) -> str:
    """A ratio with its interval: ``0.72 (0.70 to 0.75)``; ``–`` for None."""
    if value is None:
        return "–"
    return f"{value:.2f}" + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")


def microseconds(duration: float) -> str:
    """A duration in microseconds: ``12 µs``, ``3.40 ms``."""
    return f"{duration / 1000:.2f} ms" if duration >= 1000 else f"{duration:.0f} µs"


def metric(amount: float) -> str:
    """A large count with a metric prefix: ``3.9 G``, ``12.0 k``, ``999``."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= factor:
            return f"{amount / factor:.1f} {prefix}"
    return f"{amount:.0f}"


def percent(share: float) -> str:
    """A share from 0 to 1 in two digits: ``34 %``, ``1.2 %``."""
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def _scaled(amount: float, limit: float = 1024.0) -> tuple[float, int]:
    """A number of bytes below ``limit`` in the smallest unit, and the unit's place in `UNITS`."""
    scaled, power = float(amount), 0
    while abs(scaled) >= limit and power < len(UNITS) - 1:
        scaled /= 1024
        power += 1
    return scaled, power


def _escaped(char: str) -> str:
    code = ord(char)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
