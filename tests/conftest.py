"""What every test file may use: where things lie, and third parties told to be quiet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

# Before TensorFlow is imported anywhere: no start-up banner, no GPU search, no telemetry.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# No test is timed: a busy machine is no bug.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Without a sandbox of its own, as root has to (the only pages it opens are ours), and without a
# word to anybody outside.
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

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared(relative: str) -> Path:
    """A file of ../shared, or the test is skipped and says which file it missed."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs ../shared/{relative}, which is not part of the repository")
    return path


def chromium_path() -> str:
    """Where Debian's Chromium is."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert program, "Chromium is missing: make browser"
    return program


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(autouse=True)
def _own_workspace(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test reads or writes the user's own workspace."""
    monkeypatch.setenv("INSPECTOR_WORKSPACE", str(tmp_path_factory.getbasetemp() / "workspace"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless, for all tests: a process can hold one driver at a time."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
