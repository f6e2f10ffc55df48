"""Real Chromium on real `streamlit run` servers, each on a free port."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.support.serving import streamlit_page


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Address of a server for a script; one server per script and session."""
    with contextlib.ExitStack() as stack:
        running: dict[Path, str] = {}

        def address(script: Path) -> str:
            if script not in running:
                running[script] = stack.enter_context(streamlit_page(script))
            return running[script]

        yield address
