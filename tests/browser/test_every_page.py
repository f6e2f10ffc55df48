"""Every page in Chromium, at four sizes of the window and in both themes, and by keyboard alone.

Axe-core finds nothing serious, nothing is cut off, every text can be read, the console is silent.

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
from tests.browser import geometry
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
CHECK = """async ([part, rules]) => {
  const where = document.querySelector(part);
  const runOnly = rules.length ? { runOnly: rules } : {};
  const { violations } = await axe.run(where, { resultTypes: ['violations'], ...runOnly });
  return violations.filter(one => ['serious', 'critical'].includes(one.impact)
    || one.id === 'heading-order')
    .map(one => `${one.id}: ${one.nodes.map(node => node.html).join()}`);
}"""

SIDEWAYS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return main.scrollWidth - main.clientWidth;
}"""
SMALLEST_TEXT = """() => {
  const sizes = [];
  for (const element of document.querySelectorAll('body *')) {
    const isText = [...element.childNodes].some(one => one.nodeType === 3 && one.data.trim());
    if (isText && element.getClientRects().length) {
      sizes.push(parseFloat(getComputedStyle(element).fontSize));
    }
  }
  return Math.min(...sizes);
}"""
STILL = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const parts = ['stSidebar', 'stMain', 'stMainBlockContainer'];
  const seen = () => JSON.stringify([
    ...parts.map(part => document.querySelector(`[data-testid=${part}]`)?.getBoundingClientRect()),
    document.querySelector('[data-test-script-state=running]') !== null,
  ]);
  for (let same = 0, before = ''; same < 9; before = seen()) {
    await frame();
    same = seen() === before && before.endsWith('false]') ? same + 1 : 0;
  }
}"""
"""Ends after nine frames (0.15 s) in which no script ran and no part of the page moved."""
CHART_CONTRASTS = """() => {
  const light = (colour) => colour.match(/\\d+/g).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const page = document.querySelector('[data-testid=stApp]');
  const back = light(getComputedStyle(page).backgroundColor) + 0.05;
  return [...document.querySelectorAll('[data-testid=stVegaLiteChart] text')].map(text => {
    const ink = light(getComputedStyle(text).fill) + 0.05;
    return Math.max(ink, back) / Math.min(ink, back);
  });
}"""
"""Of the texts of charts, which axe-core does not look at."""
TABLE_IS_DRAWN = """() => {
  const grid = document.querySelector('[data-testid=stDataFrame] canvas');
  return grid?.clientWidth > 0 && document.querySelector('[data-testid=stSkeleton]') === null;
}"""
"""The browser loads the code of tables after the page's script has run: a click before is lost."""
BACKGROUND = """(app => app && getComputedStyle(app).backgroundColor)(
  document.querySelector('[data-testid=stApp]'))"""
"""Null while a page is being loaded."""
TALL = (1440, 4000, 1)
"""A window that shows all of a page: axe-core tells no contrast of what is scrolled away."""
SIZES = ((1440, 900, 1), (1024, 768, 1), (720, 450, 2), (390, 844, 1))
"""Width, height, and device pixels per pixel: a laptop, a tablet, 200 % zoom, a phone."""
CELL = (500, 305)
"""A name in the table of operations of a window of the first size: a click opens its details."""
LEAST_TEXT = 10
LEAST_CONTRAST = 4.5
WITH_CHARTS = ("Overview", "Compare", "Predict")
PHONE_RULES = ["color-contrast", "scrollable-region-focusable", "nested-interactive"]
"""Of axe-core: those whose answer depends on the size of the window."""
LEAST_SHARE = {1440: 0.65, 1024: 0.55, 720: 0.65, 390: 0.65}
"""Of the window, by its width, that the picture has on the Graph page."""


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
    """Wait until the page's script has run and nothing of the page moves."""
    page.evaluate(STILL)


def resize(page: Any, devtools: Any, width: int, height: int, density: int) -> None:
    window = {"width": width, "height": height, "deviceScaleFactor": density, "mobile": False}
    devtools.send("Emulation.setDeviceMetricsOverride", window)
    page.wait_for_function("width => innerWidth === width", arg=width)
    opens = page.locator('[data-testid="stExpandSidebarButton"]')
    closes = page.locator('[data-testid="stSidebarCollapseButton"] button')
    if width < 1024:
        opens.wait_for()
    elif opens.is_visible():
        opens.click()
        closes.wait_for()
    page.evaluate(STILL)  # the sidebar slides


def prepare(page: Any, title: str) -> None:
    """Fill a page that is empty at first, or open a scope on the Graph page."""
    if title == "Optimise":
        page.get_by_text("after freezing").wait_for()
    elif title == "Compare":
        page.get_by_text("Top-1 agreement").wait_for()
    elif title == "Predict":
        page.locator(".st-key-predict button").click()
        page.locator("h2", has_text="Do they agree?").wait_for()
    elif title == "Graph":
        page.locator(".node").first.wait_for()
    elif title == "Operations":
        page.wait_for_function(TABLE_IS_DRAWN)
        page.mouse.click(*CELL)
        page.get_by_role("button", name="Use as output").wait_for()
    settle(page)


def check_graph(page: Any, width: int) -> None:
    """The picture has the window, nothing lies over a box, a scope that opens comes into view."""
    geometry.settle(page)
    seen = page.evaluate(geometry.MEASURE)
    assert seen["share"] >= LEAST_SHARE[width], width
    assert seen["smallest"] >= (7 if width == 1024 else 10), width
    assert (seen["covered"], seen["scrolls"]) == (0, False), width
    if width == 1440:
        assert seen["outside"] == 0
    page.locator(".picture").focus()
    page.keyboard.press("End")
    page.keyboard.press("e")
    page.wait_for_function(geometry.IN_VIEW, arg="save and initialise", timeout=10_000)
    geometry.settle(page)
    assert page.evaluate(geometry.MEASURE)["covered"] == 0
    page.keyboard.press("h")
    page.locator(".node.scope", has_text="save and initialise").wait_for(state="attached")


def check_charts(page: Any, title: str) -> None:
    """The texts of charts can be read in the theme of now."""
    contrasts = page.evaluate(CHART_CONTRASTS)
    assert bool(contrasts) or title not in WITH_CHARTS, title
    assert min(contrasts, default=LEAST_CONTRAST) >= LEAST_CONTRAST, title


def use_theme(page: Any, theme: str) -> None:
    before = page.evaluate(BACKGROUND)
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(f"before => {BACKGROUND} !== before", arg=before)
    settle(page)


@pytest.fixture(scope="module")
def window(chromium: Any, address: str) -> Iterator[Any]:
    """A window with a model and its result; what went wrong in it is in ``problems``."""
    page = opened(chromium, address, "light", 1440, 900)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda line: line.type == "error" and page.problems.append(line.text))
    page.devtools = page.context.new_cdp_session(page)
    resize(page, page.devtools, *TALL)
    page.locator('[data-testid="stSidebarNav"] a', has_text="Optimise").click()
    page.locator(".st-key-run button").click()
    page.get_by_text("after freezing").wait_for()
    settle(page)
    yield page
    page.context.close()


@pytest.mark.parametrize("title", [entry.title for entry in PAGES])
def test_every_page_at_every_size_is_whole_legible_and_accessible(window: Any, title: str) -> None:
    # A test for each page, so that each ends well before the limit on a busy machine.
    page = window
    resize(page, page.devtools, *TALL)
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    page.locator("h1", has_text=title).wait_for()
    prepare(page, title)
    assert page.title() == f"{title} · saved_model · Inspector"
    page.evaluate(AXE)
    assert page.evaluate(CHECK, ["html", []]) == []
    check_charts(page, title)
    use_theme(page, "dark")
    assert page.evaluate(CHECK, ["html", ["color-contrast"]]) == []
    check_charts(page, title)
    use_theme(page, "light")
    for size in SIZES:
        resize(page, page.devtools, *size)
        page.wait_for_function(f"() => ({SIDEWAYS})() === 0")  # charts follow the window late
        assert page.evaluate(SMALLEST_TEXT) >= LEAST_TEXT, size
        if title == "Graph":
            check_graph(page, size[0])
    assert page.evaluate(CHECK, ["[data-testid=stMain]", PHONE_RULES]) == []
    assert page.problems == []


FOCUSED = """text => {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element !== document.body && element.textContent.trim().endsWith(text);
}"""


def press(page: Any, text: str) -> None:
    """Press Tab until the focus is on what ends with a text, then Enter."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, text):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab does not lead to {text}")


def test_the_tour_and_the_way_to_a_download_by_keyboard_alone(chromium, address):
    page = opened(chromium, address, "light", 1440, 900)
    guide = page.locator(".guide:visible")
    assert guide.count() == 0  # a model is open
    press(page, "Close the model")
    page.get_by_text("No model is open.").first.wait_for()
    press(page, "Open")
    page.locator("h1", has_text="Open a model").wait_for()
    settle(page)
    press(page, "Start with the sample")
    for title, button in (("Overview", "Continue"), ("Graph", "Next: optimise")):
        page.locator("h1", has_text=title).wait_for()
        guide.get_by_text("2 of 3").wait_for()
        settle(page)
        press(page, button)
    page.locator("h1", has_text="Optimise").wait_for()
    guide.get_by_text("3 of 3").wait_for()
    settle(page)
    press(page, "Done")
    guide.wait_for(state="hidden")
    press(page, "Run")
    page.get_by_text("after freezing").wait_for()
    settle(page)
    press(page, "Compare and download")
    page.get_by_text("Top-1 agreement").wait_for()
    settle(page)
    with page.expect_download() as download:
        press(page, "KiB")
    assert download.value.path().stat().st_size > 100_000
    press(page, "Close the model")
    page.get_by_text("No model is open.").first.wait_for()
    press(page, "Open")
    page.locator("h1", has_text="Open a model").wait_for()
    settle(page)
    assert guide.count() == 0  # it does not come back
    page.context.close()


def test_who_skips_the_tour_or_does_not_start_it_is_left_alone(chromium, address):
    page = opened(chromium, address, "light", 1440, 900)
    page.get_by_role("button", name="Close the model").click()
    page.locator('[data-testid="stSidebarNav"] a', has_text="Open").click()
    page.get_by_role("button", name="Skip the tour").wait_for()
    page.locator(".st-key-sample_iris button").click()
    page.locator("h1", has_text="Overview").wait_for()
    settle(page)
    assert page.locator(".guide:visible").count() == 0
    page.get_by_role("button", name="Close the model").click()
    page.locator('[data-testid="stSidebarNav"] a', has_text="Open").click()
    page.get_by_role("button", name="Skip the tour").click()
    page.locator('[data-testid="stSidebarNav"] a', has_text="Search").click()
    page.locator("h1", has_text="Search").wait_for()
    page.locator('[data-testid="stSidebarNav"] a', has_text="Open").click()
    page.locator("h1", has_text="Open a model").wait_for()
    settle(page)
    assert page.locator(".guide:visible").count() == 0
    page.context.close()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (720, 450), (1000, 768)])
def test_the_sidebar_leaves_a_narrow_window_to_the_page(chromium, address, width, height):
    page = opened(chromium, address, "light", width, height)
    opens = page.locator('[data-testid="stExpandSidebarButton"]')
    closes = page.locator('[data-testid="stSidebarCollapseButton"] button')
    page.locator("html[data-narrow-window]").wait_for(state="attached")
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


def test_icon_buttons_have_names_and_the_theme_is_switched_on_all_pages(chromium, address):
    page = opened(chromium, address, "light", 1440, 900)
    page.get_by_role("button", name="Close the model").wait_for()
    page.locator('[data-testid="stSidebarNav"] a', has_text="Graph").click()
    page.locator(".node").first.click()
    for name in ("Close the details", "Export the picture", "Help on search, trace and colours"):
        page.get_by_role("button", name=name).wait_for()
    before = page.evaluate(BACKGROUND)
    page.get_by_role("button", name="Dark", exact=True).click()
    page.wait_for_function(f"before => ![null, before].includes({BACKGROUND})", arg=before)
    page.locator(".node").first.wait_for()  # the picture again, from its address
    page.goto(address)
    page.locator('[role=group] [data-theme="Dark"][aria-pressed="true"]').wait_for()
    assert page.evaluate(BACKGROUND) != before
    page.context.close()
