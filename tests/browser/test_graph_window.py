"""The Graph page in a window of 1440 by 900: how much of it the picture has, and what can be read.

The lengths are measured in Chromium, on the sample and on networks that TensorFlow and Keras make.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import frozen_graphs
from benchmarks.support import serving
from tests.browser.geometry import IN_VIEW, MEASURE, settle
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

WINDOW = {"width": 1440, "height": 900}
NETWORKS = ("MobileNetV2", "ResNet50", "transformer, 12 layers")
LEAST_PX, CLOSED, OPEN = 10, 0.65, 0.5


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("window")
    roots = str(frozen_graphs.path_of(NETWORKS[0]).parent)
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {
        "INSPECTOR_WORKSPACE": str(folder), "PYTHONPATH": str(ROOT), "INSPECTOR_ROOTS": roots,
    }  # fmt: skip
    with serving.running(command, cwd=ROOT, env=environment) as found:
        yield found


@pytest.fixture(scope="module")
def window(chromium: Any) -> Iterator[Any]:
    page = chromium.new_context(viewport=WINDOW).new_page()
    page.set_default_timeout(60_000)
    yield page
    page.context.close()


def show(page: Any, address: str, which: str) -> None:
    page.goto(f"{address}/graph?{which}")
    page.locator(".node").first.wait_for()
    settle(page)


def node(page: Any, title: str) -> Any:
    return page.locator(".node:not(.stub)").filter(has_text=title).first


def drawer(page: Any, is_open: bool) -> None:
    page.locator(f":root[data-drawer={'open' if is_open else 'closed'}]").wait_for(state="attached")
    settle(page)


def check_first_picture(page: Any) -> None:
    seen = page.evaluate(MEASURE)
    assert seen["share"] >= CLOSED
    assert seen["smallest"] >= LEAST_PX
    assert seen["texts"] > 20
    assert (seen["outside"], seen["covered"], seen["scrolls"]) == (0, 0, False)


def test_the_sample_has_the_window_and_its_first_picture_is_whole_and_legible(window, address):
    show(window, address, "sample=iris")
    check_first_picture(window)
    shape = window.locator(".labels .edge-label")  # of the edge from one column to the next
    assert shape.all_text_contents() == ["[None, 512]"]
    assert shape.is_visible()
    window.get_by_role("button", name="Zoom out").click()
    settle(window)
    assert shape.is_hidden()  # too small to be read


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("network", NETWORKS)
def test_the_first_picture_of_a_network_is_whole_and_legible(window, address, network):
    show(window, address, f"path={frozen_graphs.path_of(network)}")
    check_first_picture(window)


def test_a_scope_that_is_opened_comes_into_view_and_nothing_lies_over_a_box(window, address):
    show(window, address, "sample=iris")
    node(window, "head").dblclick()
    drawer(window, is_open=True)
    window.wait_for_function(IN_VIEW, arg="head")
    node(window, "predictions").dblclick()
    window.wait_for_function(IN_VIEW, arg="predictions")
    settle(window)
    seen = window.evaluate(MEASURE)
    assert seen["share"] >= OPEN
    assert seen["covered"] == 0


def test_the_picture_follows_a_window_that_only_becomes_lower_or_higher(window, address):
    show(window, address, "sample=iris")
    before = window.evaluate(MEASURE)["share"]
    for height in (720, 1100, 900):
        window.set_viewport_size({"width": 1440, "height": height})
        window.wait_for_function(
            f"least => (({MEASURE})().share) >= least", arg=before - 0.08, timeout=10_000
        )
        settle(window)
        seen = window.evaluate(MEASURE)
        assert (seen["outside"], seen["scrolls"]) == (0, False), height


def test_the_house_shows_the_whole_first_picture_again(window, address):
    show(window, address, "sample=iris")
    before = window.locator(".picture .view").get_attribute("transform")
    for _ in range(5):
        window.get_by_role("button", name="Zoom in").click()
    settle(window)
    assert window.evaluate(MEASURE)["outside"] > 0
    window.get_by_role("button", name="First picture").click()
    settle(window)
    assert window.locator(".picture .view").get_attribute("transform") == before


def test_the_overview_is_closed_and_comes_back(window, address):
    show(window, address, "sample=iris")
    overview = window.locator(".overview")
    for _ in range(6):
        window.get_by_role("button", name="Zoom in").click()
    window.locator(".picture").focus()
    while not overview.is_visible():  # no corner is empty yet
        window.keyboard.press("Shift+ArrowUp")
        settle(window)
    assert window.evaluate(MEASURE)["covered"] == 0
    window.get_by_role("button", name="Close the overview").click()
    overview.wait_for(state="hidden")
    assert (
        window.get_by_role("button", name="Overview", exact=True).get_attribute("aria-pressed")
        == "false"
    )
    window.locator(".picture").focus()
    window.keyboard.press("m")
    overview.wait_for()


def test_details_are_resized_and_closed_by_mouse_and_by_key(window, address):
    show(window, address, "sample=iris")
    drawer(window, is_open=False)
    node(window, "Relu").click()
    drawer(window, is_open=True)
    details = window.locator(".st-key-graph_drawer")
    width = details.bounding_box()["width"]
    handle = window.get_by_role("separator", name="Width of the details")
    box = handle.bounding_box()
    window.mouse.move(box["x"] + 4, 500)
    window.mouse.down()
    window.mouse.move(box["x"] - 96, 500, steps=4)
    window.mouse.up()
    settle(window)
    wide = details.bounding_box()["width"]
    assert wide == pytest.approx(width + 100, abs=10)
    handle.focus()
    window.keyboard.press("ArrowRight")
    settle(window)
    assert details.bounding_box()["width"] == wide - 24
    stage = window.locator(".stage").bounding_box()
    assert stage["x"] + stage["width"] <= details.bounding_box()["x"]
    window.locator(".st-key-close_drawer button >> visible=true").click()
    drawer(window, is_open=False)
    assert details.is_hidden()
    window.locator(".picture").focus()
    window.keyboard.press("d")
    drawer(window, is_open=True)
    window.keyboard.press("Escape")  # selects nothing
    drawer(window, is_open=False)


def test_the_full_screen_shows_all_with_search_and_details_and_escape_leaves(window, address):
    show(window, address, "sample=iris")
    small = window.locator(".stage").bounding_box()
    window.get_by_role("button", name="Zoom in").click()
    window.get_by_role("button", name="Full screen").click()
    window.locator(":root:fullscreen").wait_for(state="attached")
    window.locator('[data-testid="stSidebar"]').wait_for(state="hidden")
    settle(window)
    seen = window.evaluate(MEASURE)
    assert window.locator(".stage").bounding_box()["width"] > small["width"] + 200
    assert (seen["outside"], seen["covered"]) == (0, 0)
    assert window.get_by_placeholder("name, op:Conv2D").is_visible()
    node(window, "Relu").click()
    drawer(window, is_open=True)
    window.get_by_text("dnn/hiddenlayer_0/Relu", exact=True).first.wait_for()
    window.locator(".picture").focus()
    window.keyboard.press("Escape")
    window.locator(":root:fullscreen").wait_for(state="detached")
    assert window.locator(".node.selected").count() == 1
    window.keyboard.press("Escape")
    drawer(window, is_open=False)
    assert window.locator(".stage").bounding_box() == small


@pytest.mark.tensorflow
def test_measured_times_are_on_the_boxes_and_a_row_of_the_list_shows_its_node(window, address):
    show(window, address, "sample=iris")
    window.locator(".st-key-colour_by [role=combobox], .st-key-colour_by input").first.click()
    window.get_by_role("option", name="Measured time").click()
    drawer(window, is_open=True)
    window.get_by_text("of the").get_by_text("that a whole run takes").wait_for()
    line = node(window, "MatMul").locator(".sub").text_content()
    assert re.fullmatch(r"[\d.]+ (µs|ms) \([\d.]+ %\)", line)
    rows = window.locator(".st-key-slowest_nodes").bounding_box()
    window.mouse.click(rows["x"] + 12, rows["y"] + 52)
    selected = window.locator(".node.selected .sub")
    selected.wait_for()
    most = window.locator(".legend").inner_text()
    assert selected.text_content() in most


def test_a_search_does_not_move_the_picture(window, address):
    show(window, address, "sample=iris")
    before = window.locator(".stage").bounding_box()
    window.get_by_placeholder("name, op:Conv2D").fill("Relu")
    window.get_by_placeholder("matches").wait_for()
    settle(window)
    assert window.locator(".stage").bounding_box() == before
    window.get_by_placeholder("name, op:Conv2D").fill("there is no such node")
    window.get_by_placeholder("No matches").wait_for()
