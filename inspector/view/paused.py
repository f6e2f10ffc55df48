"""Large tables are read and made with the collector of cycles at rest.

A hundred thousand small lists that all stay set it off again and again for nothing: reading a
table takes three times as long with it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No collection inside; where several threads are inside, until the first of them leaves."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
