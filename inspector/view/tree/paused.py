"""Disables the garbage collector while large tables are built.

A hundred thousand small lists that all stay alive trigger it again and again: with it, reading a
table takes three times as long.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Disable the collector inside; with several threads inside, until the first one leaves."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
