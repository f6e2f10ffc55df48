"""Which release of TensorFlow first knows an op or an attribute of one.

``scripts/write_op_releases.py`` compares the op registries of some releases. What a release added
counts from the next one of `RELEASES` on, so that a graph made for a release loads in it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

RELEASES = ("1.15", "2.2", "2.4", "2.12", "2.15", "2.18")
"""The releases that are compared, besides that of `opdefs`."""

_DATA = Path(__file__).parent / "data" / "op_releases.txt"


def is_known(release: str, op: str, attribute: str = "") -> bool:
    """Whether a release of `RELEASES` knows the op, or an attribute of it; True for custom ops."""
    first = _first().get((op, attribute))
    return first is None or (first in RELEASES and _place(first) <= _place(release))


@functools.cache
def _first() -> Mapping[tuple[str, str], str]:
    """Op and attribute, empty for the op itself, to the first release; those of 1.15 are absent."""
    lines = (line.split("\t") for line in _DATA.read_text(encoding="ascii").splitlines())
    return {(op, attribute): release for op, attribute, release in lines}


def _place(release: str) -> int:
    return RELEASES.index(release)
