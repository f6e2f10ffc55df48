"""Addresses in real Chromium: another browser, a restart of the server, Back and Forward."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support import serving

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(300)]

SOFTMAX = "dnn/head/predictions/probabilities"
PATIENCE_MS = 60_000


@pytest.fixture
def served(root: Path, tmp_path: Path) -> Callable[[], AbstractContextManager[str]]:
    """Starts the app; each time on the same port and workspace."""
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {"INSPECTOR_WORKSPACE": str(tmp_path / "workspace"), "PYTHONPATH": str(root)}
    return lambda: serving.running(command, cwd=tmp_path, env=environment)


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[[str], Any]]:
    """Opens an address in a browser of its own."""
    contexts = []

    def new_page(url: str) -> Any:
        context = chromium.new_context(
            viewport={"width": 1440, "height": 900},
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        return page

    yield new_page
    for context in contexts:
        context.close()


def drawn(page: Any, title: str) -> None:
    page.locator("h1", has_text=title).wait_for(state="attached")
    # A page still moves while it is drawn: a click may land beside what it was meant for.
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def go(page: Any, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    drawn(page, title)


def open_iris(page: Any) -> None:
    page.locator(".st-key-sample_iris button").click()
    drawn(page, "Overview")


def type_output(page: Any, name: str) -> None:
    field = page.locator(".st-key-typed_output input")
    field.fill(name)
    field.press("Enter")


def compared(page: Any) -> list[str]:
    """The figures of Compare, once they are all there."""
    page.get_by_text("The ratio is the median").wait_for()
    metrics = page.locator('[data-testid="stMetric"]')
    for title, value in (("Size", "×"), ("Latency", "×"), ("Top-1", "%")):
        # The figures at the top are drawn last.
        metrics.filter(has_text=title).filter(has_text=value).first.wait_for()
    drawn(page, "Compare")
    caption = page.get_by_text("The ratio is the median").inner_text()
    return [*metrics.all_inner_texts(), caption]


def copied(page: Any) -> str:
    page.locator(".copy-link").click()
    page.get_by_text("Link copied").wait_for()
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_the_same_compare_in_another_browser_and_after_a_restart(
    served: Callable[[], AbstractContextManager[str]], visit: Callable[[str], Any]
) -> None:
    with served() as address:
        page = visit(address)
        open_iris(page)
        go(page, "Optimise")
        type_output(page, "probabilitie")
        page.get_by_text(f"did you mean '{SOFTMAX}'?").wait_for()
        type_output(page, SOFTMAX)
        page.locator(".st-key-sidebar_outputs code").first.wait_for()
        drawn(page, "Optimise")
        page.locator(".st-key-run button").click()
        page.get_by_text(re.compile("operations .* after freezing")).wait_for()
        go(page, "Compare")
        page.get_by_text("Top-1 agreement").first.wait_for()
        drawn(page, "Compare")
        page.locator(".st-key-measure_latency button").first.click()
        figures = compared(page)
        page.locator(".st-key-compare_how").get_by_text("Side by side").click()
        page.wait_for_url(re.compile("show=Side"))
        link = copied(page)
        assert link == page.url
        page.reload()
        assert compared(page) == figures
        assert compared(visit(link)) == figures
    with served() as address:
        assert link.startswith(address)
        page = visit(link)
        assert compared(page) == figures
        page.locator(".picture .view").nth(1).wait_for(state="attached")  # side by side
        page.locator(".st-key-sidebar_outputs code", has_text=SOFTMAX).wait_for()
        assert page.url == link
        go(page, "Optimise")
        page.get_by_text(re.compile("operations .* after freezing")).wait_for()


def test_back_and_forward_go_from_page_to_page_and_to_the_model_before(
    served: Callable[[], AbstractContextManager[str]], visit: Callable[[str], Any]
) -> None:
    with served() as address:
        page = visit(address)
        open_iris(page)
        go(page, "Graph")
        before = page.evaluate("history.length")
        boxes = page.locator(".node:not(.stub)")
        boxes.first.wait_for()
        for place in range(2):
            before_click = page.url
            boxes.nth(place).click()
            page.wait_for_function("url => location.href !== url", arg=before_click)
        assert page.evaluate("history.length") == before
        selected = page.url
        go(page, "Operations")
        page.go_back()
        drawn(page, "Graph")
        page.wait_for_url(selected)
        page.go_forward()
        drawn(page, "Operations")
        go(page, "Open")
        page.locator(".st-key-sample_shapes button").click()
        drawn(page, "Overview")
        page.wait_for_url(re.compile("sample=shapes"))
        model = page.locator(".st-key-sidebar_model")
        page.go_back()
        drawn(page, "Open")
        page.go_back()
        drawn(page, "Operations")
        model.get_by_text("Iris").wait_for()
        page.wait_for_url(re.compile("operations.*sample=iris"))


def test_closing_a_model_is_undone(
    served: Callable[[], AbstractContextManager[str]], visit: Callable[[str], Any]
) -> None:
    with served() as address:
        page = visit(f"{address}/optimise?sample=iris&out={SOFTMAX}&preset=smaller")
        drawn(page, "Optimise")
        outputs = page.locator(".st-key-sidebar_outputs code", has_text=SOFTMAX)
        outputs.wait_for()
        page.locator(".st-key-close_model button").first.click()
        page.get_by_text("Undo is in the sidebar").wait_for()
        page.locator(".st-key-reopen_closed button").click()
        outputs.wait_for()
        drawn(page, "Optimise")
        assert "quantize_weights" in page.locator(".st-key-pipeline_text textarea").input_value()
