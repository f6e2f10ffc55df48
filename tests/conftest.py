"""Paths, workspace and browser of all tests; the order of test files, and which tests run alone."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright
from xdist.scheduler import LoadFileScheduling

from benchmarks.support.chromium import CHROMIUM_FLAGS, chromium_path
from tests.turns import Turns

# Before TensorFlow is imported anywhere: no start-up banner, no GPU search, no telemetry.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# No test is timed: a busy machine is no bug.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Files of these folders come first: each takes long, and at the end a worker would be idle.
LONG = ("browser", "pages", "jobs", "backend", "optimisation")
TENSORFLOW_FILE = re.compile(
    r"^pytestmark = (pytest\.mark\.tensorflow$|\[[^]]*pytest\.mark\.tensorflow\b)", re.MULTILINE
)

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"


# Any two files of the checkout will do.
TURNS = Turns(ROOT / "tests" / "turns.py", ROOT / "tests" / "conftest.py")


def data_path(relative: str) -> Path:
    """A file or folder of tests/data: models of others, recorded cases of the old tool."""
    path = DATA / relative
    assert path.exists(), f"tests/data/{relative} is missing from the checkout"
    return path


def _is_without_tensorflow(config: pytest.Config) -> bool:
    return "not tensorflow" in config.getoption("markexpr")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without TensorFlow, do not import a file whose tests all need it."""
    if collection_path.suffix == ".py" and _is_without_tensorflow(config):
        return bool(TENSORFLOW_FILE.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first; give browser tests, as Playwright does, a second try.

    The summary lists a test that needed it as RERUN. That is a defect to be mended, in the product
    or in the test, but no reason to call a commit broken that passes.
    """

    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return LONG.index(folder) if folder in LONG else len(LONG)

    items.sort(key=rank)
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


class BrowserInOneWorker(LoadFileScheduling):
    """Gives all tests of a file to one worker, and those of all files in tests/browser, too.

    One browser and its server keep two cores busy: a second pair beside them runs into time limits.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(super()._split_scope(nodeid))
        return str(file.parent if file.parent.name == "browser" else file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BrowserInOneWorker:
    """The scheduler of ``make pytest``, whatever ``--dist`` says."""
    return BrowserInOneWorker(config, log)


def pytest_collection_finish() -> None:
    """Take TensorFlow's modules and all test items out of later garbage collections.

    A full collection of them takes over a second, and each run of a page causes several.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run tests marked ``alone`` while no other worker runs a test; waiting is no test time."""
    with TURNS.turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


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


@pytest.fixture(autouse=True)
def _marked_if_it_imports_tensorflow(request: pytest.FixtureRequest) -> Iterator[None]:
    """In a run without TensorFlow, a test that imports it fails."""
    was_imported = "tensorflow" in sys.modules
    yield
    if _is_without_tensorflow(request.config) and not was_imported:
        assert "tensorflow" not in sys.modules, "imports TensorFlow and is not marked tensorflow"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless, for all tests: a process can hold one driver at a time."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
