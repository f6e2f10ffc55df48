"""The picture of a link is there before Streamlit has loaded, and goes on in the page's canvas."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.support import serving
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

PATIENCE_MS = 15_000
EARLY = "#early-picture"
LINK = "/graph?sample=iris"
PLACE = """id => {
  const hosts = [...document.querySelectorAll('div')].filter(div => div.id === id || id === '');
  const root = hosts.map(div => div.shadowRoot).find(it => it?.querySelector('.inspector-canvas'));
  const box = root.querySelector('.stage').getBoundingClientRect();
  const style = getComputedStyle(root.querySelector('.inspector-canvas'));
  return [box.x, box.y, box.width, box.height, style.color];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    workspace = str(tmp_path_factory.mktemp("early"))
    environment = {"INSPECTOR_WORKSPACE": workspace, "PYTHONPATH": str(ROOT)}
    with serving.running(command, cwd=ROOT, env=environment) as url:
        yield url


class HeldPage:
    """A page whose Streamlit does not load until it is released."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self._held: list[Any] = []
        self.page.route("**/static/js/index.*.js", self._hold)

    def _hold(self, route: Any) -> None:
        self._held.append(route)

    def release(self) -> None:
        for route in self._held:
            route.continue_()
        self.page.locator(EARLY).wait_for(state="detached")


@pytest.fixture(params=["light", "dark"])
def held(chromium: Any, request: pytest.FixtureRequest) -> Iterator[HeldPage]:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=request.param
    )
    yield HeldPage(context)
    context.close()


def test_the_early_picture_becomes_the_canvas_with_all_that_was_done_on_it(
    held: HeldPage, address: str
) -> None:
    page = held.page
    page.goto(address + LINK, wait_until="commit")
    scope = page.locator(f"{EARLY} .node.scope:not(.stub)").first
    scope.wait_for()
    assert page.locator('[data-testid="stApp"]').count() == 0
    early = page.evaluate(PLACE, EARLY[1:])
    title = scope.locator(".title").text_content()
    scope.dblclick()
    page.locator(f"{EARLY} .node.selected").wait_for()
    held.release()
    page.locator(".cluster-title").filter(has_text=title).first.wait_for()
    page.wait_for_url("**&open=*")
    assert page.locator(".inspector-canvas").count() == 1
    page.keyboard.press("Escape")  # nothing is selected, so the drawer closes
    page.locator(':root[data-drawer="closed"]').wait_for(state="attached")
    late = page.evaluate(PLACE, "")
    assert late[:4] == pytest.approx(early[:4], abs=2)
    assert late[4] == early[4]  # the colour of the theme
    assert not held.errors


def test_the_early_picture_goes_when_the_page_does(held: HeldPage, address: str) -> None:
    page = held.page
    page.goto(address + LINK, wait_until="commit")
    page.locator(f"{EARLY} .node").first.wait_for()
    page.evaluate("history.pushState({}, '', '/overview')")
    page.locator(EARLY).wait_for(state="detached")
    assert not held.errors
