"""Faults that a review of the pages named blockers or major, each held by what a user sees."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from benchmarks.support import serving
from tests.conftest import ROOT, data_path

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow]

PATIENCE_MS = 60_000
SOFTMAX = "dnn/head/predictions/probabilities"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("faults")
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {"INSPECTOR_WORKSPACE": str(folder / "workspace"), "PYTHONPATH": str(ROOT)}
    with serving.running(command, cwd=folder, env=environment) as url:
        yield url


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def opened(page: Any, url: str, title: str) -> None:
    page.goto(url)
    page.locator("h1", has_text=title).wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def sent(page: Any, address: str, file: Path) -> None:
    """Open a file of the user's own."""
    opened(page, address, "Open")
    page.locator('input[type="file"]').first.set_input_files(file)
    page.locator("h1", has_text="Overview").wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def go(page: Any, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    page.locator("h1", has_text=title).wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def test_a_list_that_is_not_valid_is_never_run(page: Any, address: str) -> None:
    opened(page, f"{address}/optimise?sample=iris&output={SOFTMAX}", "Optimise")
    run = page.locator(".st-key-run button")
    assert run.is_enabled()
    text = page.get_by_role("textbox", name="Transforms")
    text.fill("fold_batch_norm")
    text.blur()
    page.get_by_text("not a valid list of transforms").wait_for()
    assert run.is_disabled()
    text.fill("fold_batch_norms")
    text.blur()
    page.locator(".st-key-run button:not([disabled])").wait_for()


def test_the_steps_of_a_run_show_size_and_nodes(page: Any, address: str) -> None:
    opened(page, f"{address}/optimise?sample=iris&output={SOFTMAX}", "Optimise")
    page.locator(".st-key-run button").click()
    page.get_by_text("after freezing").first.wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()
    table = page.locator('[data-testid="stDataFrame"]').first
    table.scroll_into_view_if_needed()
    table.locator("canvas thead th").first.wait_for(state="attached")
    titles = table.locator("canvas thead th").all_text_contents()
    assert {"Size", "Nodes"} <= set(titles[:4]), titles
    assert table.bounding_box()["width"] > 900


def test_an_output_that_does_not_exist_is_not_taken(page: Any, address: str) -> None:
    opened(page, f"{address}/optimise?sample=iris", "Optimise")
    field = page.locator(".st-key-typed_output input")
    field.fill(SOFTMAX[:-1])
    field.press("Enter")
    problem = page.get_by_text("did you mean")
    problem.wait_for()
    assert SOFTMAX in problem.inner_text()
    outputs = page.locator(".st-key-sidebar_outputs")
    assert "none selected" in outputs.inner_text()
    field.fill(SOFTMAX)
    field.press("Enter")
    outputs.get_by_text("1 selected").wait_for()


def test_what_a_tflite_file_cannot_do_is_disabled_with_the_reason(page: Any, address: str) -> None:
    sent(page, address, data_path("models/public/tflm_person_detect_vela/model.tflite"))
    go(page, "Predict")
    page.get_by_text("LiteRT has no kernel for ethos-u").wait_for()
    assert page.locator(".st-key-predict button").is_disabled()
    go(page, "Optimise")
    assert page.locator(".st-key-run button").is_disabled()
    go(page, "Compare")
    assert page.locator('[data-testid="stException"]').count() == 0


def test_compare_says_of_what_the_size_before_is(page: Any, address: str) -> None:
    sent(page, address, data_path("models/seed/keras/prod_model.h5"))
    go(page, "Optimise")
    page.locator(".st-key-run button").click()
    page.get_by_text("after freezing").first.wait_for()
    go(page, "Compare")
    page.get_by_text("Sizes are those of the inference graph").wait_for()


def test_a_search_shows_the_box_that_it_marks(page: Any, address: str) -> None:
    opened(page, f"{address}/graph?sample=iris", "Graph")
    page.get_by_placeholder("name, op:Conv2D").fill("hiddenlayer_1")
    page.locator('[class*="st-key-hits_"] input').click()
    page.keyboard.press("Enter")
    page.locator(".st-key-pick_output button").wait_for()
    # The product of the layer, no weight and no initialiser; the details are those of the box.
    assert page.locator(".node.selected .title").all_text_contents() == ["MatMul"]
    name = "dnn/hiddenlayer_1/MatMul"
    page.get_by_text(name, exact=True).first.wait_for()
    assert parse_qs(urlsplit(page.url).query)["node"] == [name]
