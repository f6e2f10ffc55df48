"""Every page in Chromium: axe-core finds nothing serious, and narrow windows show the page.

axe/axe.min.js is axe-core 4.14.1 of npm, unchanged, under the Mozilla Public License 2.0 beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support import serving
from inspector.ui.screens.shell import PAGES
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
CHECK = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.filter(one => ['serious', 'critical'].includes(one.impact)
    || one.id === 'heading-order')
    .map(one => `${one.id}: ${one.nodes.map(node => node.html).join()}`);
}"""

SIDEWAYS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return main.scrollWidth - main.clientWidth;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("every_page")
    command = [sys.executable, "-m", "inspector", "app", "sample_models/iris/saved_model"]
    command += ["--no-browser", "--port", str(serving.unused_port())]
    environment = {"INSPECTOR_WORKSPACE": str(folder), "PYTHONPATH": str(ROOT)}
    with serving.running(command, cwd=ROOT, env=environment) as found:
        yield found


def opened(chromium: Any, address: str, theme: str, width: int, height: int) -> Any:
    size = {"width": width, "height": height}
    page = chromium.new_context(viewport=size, color_scheme=theme).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.locator("h1", has_text="Overview").wait_for()
    settle(page)
    return page


def settle(page: Any) -> None:
    """Wait until the page's script has run."""
    page.wait_for_timeout(300)
    page.locator('[data-test-script-state="running"]').wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_every_tab_has_its_title(chromium, address, theme):
    page = opened(chromium, address, theme, 1440, 900)
    for entry in PAGES:
        page.locator('[data-testid="stSidebarNav"] a', has_text=entry.title).click()
        page.locator("h1", has_text=entry.title).wait_for()
        settle(page)
        assert page.title() == f"{entry.title} · saved_model · Inspector"
        page.evaluate(AXE)
        assert page.evaluate(CHECK) == [], entry.title
    page.context.close()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (720, 450), (1000, 768)])
def test_the_sidebar_leaves_a_narrow_window_to_the_page(chromium, address, width, height):
    page = opened(chromium, address, "light", width, height)
    opens = page.locator('[data-testid="stExpandSidebarButton"]')
    closes = page.locator('[data-testid="stSidebarCollapseButton"] button')
    for title in ("Graph", "Predict"):
        opens.click()
        closes.wait_for()
        page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
        page.locator("h1", has_text=title).wait_for()
        opens.wait_for()
        settle(page)
        if title == "Graph":
            assert page.evaluate(SIDEWAYS) == 0
    page.context.close()


def test_icon_buttons_have_names(chromium, address):
    page = opened(chromium, address, "light", 1440, 900)
    page.get_by_role("button", name="Close the model").wait_for()
    page.locator('[data-testid="stSidebarNav"] a', has_text="Graph").click()
    page.locator(".node").first.click()
    for name in ("Close the details", "Export the picture", "Help on search, trace and colours"):
        page.get_by_role("button", name=name).wait_for()
    page.context.close()
