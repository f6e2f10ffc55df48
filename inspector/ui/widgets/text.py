"""Names and numbers as a page shows them. Names come out of a model, so they are data."""

from __future__ import annotations

import re
from typing import Any

from inspector.text import (
    count,
    milliseconds,
    number,
    ratio,
    rounded,
    shape,
    shorten,
    signed,
    some,
    versions,
)
from inspector.text import rounded_size as size
from inspector.text import size_unit as unit

__all__ = [
    "count",
    "escape",
    "file_stem",
    "milliseconds",
    "number",
    "ratio",
    "reason",
    "rounded",
    "shape",
    "shorten",
    "signed",
    "size",
    "some",
    "unit",
    "unseen",
    "versions",
]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def escape(text: str, limit: int = 200) -> str:
    """Text that Markdown shows as it stands, cut in the middle where it is too long."""
    return _MARKDOWN.sub(r"\\\1", shorten(" ".join(text.split()), limit))


def reason(suggestion: dict[str, Any]) -> str:
    """Why a node is suggested as an output, and the inputs that it depends on."""
    inputs = suggestion["inputs"]
    return (
        f"{suggestion['why']}, depends on {some(inputs, 4)}" if inputs else str(suggestion["why"])
    )


def file_stem(name: str) -> str:
    """A model's name as the beginning of a file's, e.g. ``Iris_classifier``."""
    return re.sub(r"\W+", "_", name.removesuffix(".pb")).strip("_")[:60] or "model"


def unseen(text: str) -> str:
    """Code points of a name that are not printable, e.g. ``U+202E``; at most eight."""
    code_points = dict.fromkeys(f"U+{ord(char):04X}" for char in text if not char.isprintable())
    return ", ".join(list(code_points)[:8])
