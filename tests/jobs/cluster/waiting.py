"""Waits for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(happens: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until a function returns something that is true."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
