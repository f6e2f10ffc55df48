"""TFLite in Chromium: Optimise with a recipe, Compare, Predict, and the download in LiteRT."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.support import serving
from inspector import api, locations

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow]

PATIENCE_MS = 90_000
IRIS = locations.sample_models() / "iris"
PROBABILITIES = "dnn/head/predictions/probabilities:0"


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tflite")
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {"INSPECTOR_WORKSPACE": str(folder / "workspace"), "PYTHONPATH": str(root)}
    with serving.running(command, cwd=folder, env=environment) as url:
        yield url


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    yield page
    context.close()
    assert errors == []


def settle(page: Any) -> None:
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def go(page: Any, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    page.locator("h1", has_text=title).wait_for()
    settle(page)


def test_iris_becomes_a_tflite_file_that_litert_runs(page: Any, tmp_path: Path) -> None:
    page.locator(".st-key-sample_iris button").click()
    page.locator("h1", has_text="Overview").wait_for()
    settle(page)
    go(page, "Optimise")
    page.get_by_role("radio", name="TFLite").click()
    page.get_by_label("Quantise").click()
    page.get_by_role("option", name="dynamic:").click()
    settle(page)
    page.locator(".st-key-run button").click()
    page.get_by_text("TFLite, quantised by dynamic").wait_for()
    settle(page)
    with page.expect_download() as download:
        page.locator(".st-key-download_tflite button").click()
    file = tmp_path / "iris.tflite"
    download.value.save_as(file)
    go(page, "Compare")
    page.get_by_text("Compared with the model as opened, on 150 rows").wait_for()
    page.locator(".st-key-agreement_card").wait_for()
    go(page, "Predict")
    page.locator(".st-key-predict button").click()
    page.get_by_role("heading", name="Do they agree?").wait_for()
    page.get_by_text("the TFLite model by LiteRT").wait_for()

    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(file)).get_signature_runner()
    columns = np.genfromtxt(IRIS / "iris.csv", delimiter=",", names=True)
    rows = {name: columns[name].astype(np.float32) for name in runner.get_input_details()}
    answers = runner(**rows)["probabilities"]
    model = api.open_model(IRIS / "saved_model")
    opened = api.predict(model, rows, [PROBABILITIES]).outputs[PROBABILITIES]
    # Rounding and 8 bits together: most of the 150 flowers keep their class.
    assert (answers.argmax(1) == opened.argmax(1)).mean() > 0.95
