"""What every test file may use: where things lie, and third parties told to be quiet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

# Before TensorFlow is imported anywhere: no start-up banner, no GPU search, no telemetry.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared(relative: str) -> Path:
    """A file of ../shared, or the test is skipped and says which file it missed."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs ../shared/{relative}, which is not part of the repository")
    return path


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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless; one per test file."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert program, "Chromium is missing: make browser"
    with sync_playwright() as driver:
        # Without a sandbox of its own, as root has to; the only pages it opens are ours.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
