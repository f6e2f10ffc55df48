"""Debian's Chromium, as benchmarks and tests start it."""

from __future__ import annotations

import shutil

# Root cannot start it with a sandbox, and the only pages it opens are ours. No requests to others.
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str:
    """The path of the program. Raises: AssertionError where it is not installed."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert program, "Chromium is missing: make browser"
    return program
