"""Names and numbers as a page shows them. Names come out of a model, so they are data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector.view.text import printable

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def escape(text: str, limit: int = 200) -> str:
    """Text that Markdown shows as it stands, cut in the middle where it is too long."""
    return _MARKDOWN.sub(r"\\\1", shorten(" ".join(text.split()), limit))


def file_stem(name: str) -> str:
    """A model's name as the beginning of a file's, e.g. ``Iris_classifier``."""
    return re.sub(r"\W+", "_", name.removesuffix(".pb")).strip("_")[:60] or "model"


def shorten(text: str, limit: int = 60) -> str:
    """One line that can be seen, its middle left out where it is longer than `limit` characters."""
    if len(text) > limit:
        head = (limit - 1) * 2 // 5
        text = f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
    return printable(text)


def unseen(text: str) -> str:
    """What of a name is not seen, e.g. ``U+202E``; nothing where all of it is."""
    found = dict.fromkeys(f"U+{ord(char):04X}" for char in text if not char.isprintable())
    return ", ".join(list(found)[:8])


_UNITS = ("bytes", "KiB", "MiB", "GiB")


def size(count: int | float | None, like: int | float | None = None) -> str:
    """Bytes for people, e.g. ``3.1 MiB``.

    Args:
        like: Take this number's unit where that leaves a figure, so that the two compare at sight.
    """
    if count is None:
        return "–"
    power = _power(count)
    if like is not None and _power(like) == power + 1 and count >= 0.05 * 1024 ** (power + 1):
        power += 1
    value = count / 1024**power
    return f"{value:.0f} bytes" if power == 0 else f"{value:.1f} {_UNITS[power]}"


def unit(count: int | float) -> tuple[str, int]:
    """The unit that `size` gives a number of bytes, and how many bytes it has."""
    power = _power(count)
    return _UNITS[power], 1024**power


def _power(count: int | float) -> int:
    power = 0
    while power < len(_UNITS) - 1 and abs(count) >= 1024 ** (power + 1):
        power += 1
    return power


def plain(value: object) -> str:
    """A value of a tensor as text: floats with six figures."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def number(count: int) -> str:
    """A count in groups, e.g. ``792,068``."""
    return f"{count:,}"


def count(amount: int, noun: str) -> str:
    """A number with its noun, e.g. ``1 row``, ``252 operations``."""
    return f"{number(amount)} {noun}{'' if amount == 1 else 's'}"


def signed(amount: int) -> str:
    """A change, e.g. ``+3``, ``−1,166``, ``0``."""
    sign = "+" if amount > 0 else "−" if amount < 0 else ""
    return sign + number(abs(amount))


def shape(dims: Sequence[int | None] | None) -> str:
    """A shape, e.g. ``? × 4``; ``unknown`` where not even the rank is known; ``scalar``."""
    if dims is None:
        return "unknown"
    return " × ".join("?" if dim is None else str(dim) for dim in dims) or "scalar"


def milliseconds(value: float | None) -> str:
    """A duration, three figures, e.g. ``12.3 ms``."""
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"
