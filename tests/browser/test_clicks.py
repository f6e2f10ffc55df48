"""Clicks on the Graph page of the real app: what they show, and what the server sends for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.support import serving
from tests.browser.geometry import settle
from tests.conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("clicks")
    command = [sys.executable, "-m", "inspector", "app", "sample_models/iris/saved_model"]
    command += ["--no-browser", "--port", str(serving.unused_port())]
    environment = {"INSPECTOR_WORKSPACE": str(folder), "PYTHONPATH": str(ROOT)}
    with serving.running(command, cwd=ROOT, env=environment) as address:
        page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.locator("h1", has_text="Overview").wait_for()
        page.locator('[data-testid="stSidebarNav"] a', has_text="Graph").click()
        page.locator(".node").first.wait_for()
        yield page
        page.context.close()


def node(page: Any, title: str) -> Any:
    return page.locator(".node:not(.stub)").filter(has_text=title).first


def details(page: Any, name: str) -> None:
    """Wait until these details are on the page."""
    page.wait_for_function(
        "name => document.querySelector('[data-testid=stMain] code')?.innerText === name", arg=name
    )


def test_what_is_done_beside_the_picture_is_seen_in_it(page: Any) -> None:
    node(page, "Relu").click()
    details(page, "dnn/hiddenlayer_0/Relu")
    page.get_by_text("Attributes").wait_for()
    page.locator(".st-key-go_Inputs_0 button >> visible=true").first.click()
    details(page, "dnn/hiddenlayer_0/BiasAdd")
    page.locator(".node.selected .title", has_text="BiasAdd").wait_for()
    assert page.locator(".node.selected").count() == 1
    node(page, "input_layer").click()
    page.locator(".st-key-toggle_scope button", has_text="Expand").click()
    page.locator(".cluster-title", has_text="input_layer").wait_for()
    page.locator(".st-key-toggle_scope button", has_text="Collapse").click()
    page.locator(".cluster-title", has_text="input_layer").wait_for(state="detached")
    settle(page)  # else the second click of two meets what has moved
    node(page, "input_layer").dblclick()  # selects and opens in one message
    page.locator(".cluster-title", has_text="input_layer").wait_for()
    details(page, "dnn/input_from_feature_columns/input_layer")
    page.locator("[data-do=back]").click()
    node(page, "input_layer").wait_for()


def test_a_click_sends_the_details_and_neither_picture_nor_icon(page: Any) -> None:
    node(page, "MatMul").click()
    details(page, "dnn/hiddenlayer_0/MatMul")
    # The first step changes the picture: now one can go back, and no more forward.
    page.locator("[data-do=forward][disabled]").wait_for()
    frames: list[int] = []
    asked: list[str] = []
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.on(
        "Network.webSocketFrameReceived",
        lambda event: frames.append(len(event["response"]["payloadData"]) * 3 // 4),
    )
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1000)
    while frames:  # a busy server is still answering the first click
        frames.clear()
        page.wait_for_timeout(1000)
    asked.clear()
    node(page, "Relu").click()
    details(page, "dnn/hiddenlayer_0/Relu")
    page.get_by_text("Attributes").wait_for()
    assert page.get_by_text("A scope of").count() == 0
    page.wait_for_timeout(500)
    assert 0 < max(frames) < 2_500  # the picture has fifty thousand bytes
    assert sum(frames) < 12_000
    assert [url for url in asked if "/media/" in url] == []
