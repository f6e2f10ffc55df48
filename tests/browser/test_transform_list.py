"""The list of transforms on the Optimise page in Chromium: rows are dragged to another place."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.support import serving
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

NAMES = """() => [...document.querySelectorAll('[class*="st-key-step_"] .name code')]
  .map(code => code.textContent)"""
TORN = """() => [...document.querySelectorAll('[class*="st-key-step_"] .name code')]
  .filter(code => [...code.childNodes].some(part => {
    const range = document.createRange();
    range.selectNodeContents(part);
    const word = part.textContent.split(/[_.,-]/).every(word => word.length < 12);
    const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top))).size;
    return word && lines > part.textContent.split(/[_.,-]/).length;
  })).map(code => code.textContent)"""
"""The calls in which a line ends within a word."""


@pytest.fixture(scope="module")
def page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    command = [sys.executable, "-m", "inspector", "app", "sample_models/iris/saved_model"]
    command += ["--no-browser", "--port", str(serving.unused_port())]
    environment = {
        "INSPECTOR_WORKSPACE": str(tmp_path_factory.mktemp("list")), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with serving.running(command, cwd=ROOT, env=environment) as address:
        page = chromium.new_context(viewport={"width": 1440, "height": 1400}).new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.locator("h1", has_text="Overview").wait_for()
        page.locator('[data-testid="stSidebarNav"] a', has_text="Optimise").click()
        page.locator("h1", has_text="Optimise").wait_for()
        page.locator(".drag_handle").nth(7).wait_for()
        yield page
        page.context.close()


def drag(page: Any, row: int, onto: int, *, then: str = "") -> None:
    """Hold the handle of a row and move it onto that of another one; press a key before it ends."""
    start, end = (page.locator(".drag_handle").nth(place).bounding_box() for place in (row, onto))
    page.mouse.move(start["x"] + 8, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 8, end["y"] + 10, steps=8)
    if then:
        page.keyboard.press(then)
    page.mouse.up()


def test_a_row_is_dragged_to_another_place(page: Any) -> None:
    names = page.evaluate(NAMES)
    moved = [names[1], names[2], names[0], *names[3:]]
    drag(page, 0, 2)
    page.wait_for_function(f"names => JSON.stringify(({NAMES})()) === names", arg=_json(moved))
    # The text follows in the same run of the page, which the browser draws part by part.
    expect(page.get_by_role("textbox", name="Transforms")).to_have_value("\n".join(moved))
    drag(page, 2, 0)
    page.wait_for_function(f"names => JSON.stringify(({NAMES})()) === names", arg=_json(names))
    page.get_by_role("button", name="Preset: Classic list").wait_for()
    drag(page, 0, 3, then="Escape")
    page.get_by_role("button", name="Move down").first.click()
    moved = [names[1], names[0], *names[2:]]
    page.wait_for_function(f"names => JSON.stringify(({NAMES})()) === names", arg=_json(moved))


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_the_calls_are_not_torn(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1400})
    page.wait_for_function("width => innerWidth === width", arg=width)
    page.wait_for_function(f"() => ({TORN})().length === 0")
    first = page.locator('[class*="st-key-step_"]').first
    buttons = [
        first.locator(f'[class*="st-key-{key}_"] button:visible') for key in ("up", "down", "drop")
    ]
    tops = {round(button.bounding_box()["y"]) for button in buttons}
    assert len(tops) == 1  # they stay beside each other


def _json(names: list[str]) -> str:
    return json.dumps(names, separators=(",", ":"))
