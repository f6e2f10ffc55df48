"""The whole journey in Chromium, on the app as the `inspector` command starts it.

Open the sample, read the figures, click the softmax node in the picture, run the list of the
notebook, read what became of size, predictions and latency, and load the download with TensorFlow.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from benchmarks.support import serving
from inspector.view.export.svg import MARKS

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow]

SOFTMAX = "dnn/head/predictions/probabilities"
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("journey")
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {"INSPECTOR_WORKSPACE": str(folder / "workspace"), "PYTHONPATH": str(root)}
    with serving.running(command, cwd=folder, env=environment) as found:
        yield found


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Any, address: str) -> Iterator[Any]:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=request.param, accept_downloads=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname or ""))
    page.goto(address)
    yield page
    context.close()
    assert errors == []
    assert asked <= {"127.0.0.1", ""}  # no request leaves the machine; blobs have no host


def go(page: Any, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    page.locator("h1", has_text=title).wait_for()
    # A page still moves while it is drawn: a click may land beside what it was meant for.
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def metric(page: Any, label: str) -> str:
    card = page.locator('[data-testid="stMetric"]').filter(has_text=label).first
    card.wait_for()
    return str(card.locator('[data-testid="stMetricValue"]').inner_text())


def open_sample(page: Any, name: str) -> None:
    page.locator(f".st-key-sample_{name} button").click()
    page.locator("h1", has_text="Overview").wait_for()


def node(page: Any, title: str) -> Any:
    return page.locator(".node:not(.stub)").filter(has_text=title).first


def before_and_after_move_together(page: Any) -> None:
    page.get_by_text("Side by side").click()
    views = page.locator(".picture .view")
    views.nth(1).wait_for(state="attached")
    before, after = (page.locator(".stage").nth(place) for place in (0, 1))
    gone = ".node.removed"
    assert before.locator(gone).first.is_visible()
    assert not after.locator(gone).first.is_visible()
    was = views.nth(1).get_attribute("transform")
    before.hover()
    page.keyboard.down("Control")  # the wheel alone scrolls the page
    page.mouse.wheel(0, 40)
    page.keyboard.up("Control")
    page.wait_for_function(
        """(was) => {
            const roots = [...document.querySelectorAll("*")].map((element) => element.shadowRoot);
            const views = roots.filter((root) => root)
                .flatMap((root) => [...root.querySelectorAll(".picture .view")]);
            const [one, other] = views.map((view) => view.getAttribute("transform"));
            return views.length === 2 && one === other && one !== was;
        }""",
        arg=was,
    )
    before.locator(".node.changed", has_text="MatMul").first.click()
    page.get_by_text("MatMul · changed").wait_for()
    after.locator(".node.selected", has_text="MatMul").wait_for()


def the_report_opens_from_the_disk(page: Any, folder: Path) -> None:
    """One click saves the report; it shows the same verdict without the server."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Report", exact=True).click()
    file = folder / waiting.value.suggested_filename
    assert file.name.endswith("_report.html")
    waiting.value.save_as(file)
    report = page.context.new_page()
    asked: list[str] = []
    report.on("request", lambda request: asked.append(request.url))
    report.goto(file.as_uri())
    report.locator("#report-canvas .node").first.wait_for()
    assert (
        "the top-1 prediction changes for 1 of 150 rows" in report.locator(".verdict").inner_text()
    )
    assert "Latency: not measured" in report.locator("body").inner_text()
    assert asked == [file.as_uri()]
    report.close()


def the_picture_of_changes_is_saved(page: Any) -> None:
    """The legend counts what is added and removed; the file has the borders of the canvas."""
    legend = page.get_by_role("list", name="Legend of changes")
    legend.get_by_text("removed: ").wait_for()
    page.get_by_role("button", name="Export the picture").click()
    with page.expect_download() as waiting:
        page.locator(".st-key-compare_export_svg button").click()
    assert MARKS["removed"] in waiting.value.path().read_text()
    page.keyboard.press("Escape")


def test_from_the_sample_to_the_download(page: Any, tmp_path: Path) -> None:
    open_sample(page, "iris")
    assert metric(page, "Size") == "3.1 MiB"
    figures = ("Operations", "Constants", "Variables", "Identities")
    assert [metric(page, label) for label in figures] == ["252", "84", "11", "23"]

    go(page, "Graph")
    for scope in ("head", "predictions"):
        page.get_by_role("button", name="Fit all").click()
        node(page, scope).dblclick()
        page.locator(".cluster-title", has_text=scope).first.wait_for(state="attached")
        page.wait_for_timeout(500)
    page.get_by_role("button", name="Fit all").click()
    node(page, "probabilities").click()
    page.locator(".st-key-pick_output button", has_text="Use as output").click()
    page.locator(".st-key-sidebar_outputs code", has_text=SOFTMAX).first.wait_for()

    go(page, "Optimise")
    page.locator(".st-key-run button").click()
    page.get_by_text("3.1 MiB → 0.8 MiB, 252 → 86 operations (91 after freezing).").wait_for()

    go(page, "Compare")
    assert metric(page, "Top-1 agreement") == "99.3%"
    assert metric(page, "Size reduction") == "3.97×"
    assert metric(page, "Latency") == "–"
    with page.expect_download() as waiting:
        page.get_by_role("button", name="SavedModel (zip) ·").first.click()
    waiting.value.save_as(tmp_path / "model.zip")
    the_report_opens_from_the_disk(page, tmp_path)
    the_picture_of_changes_is_saved(page)
    before_and_after_move_together(page)

    go(page, "Predict")
    page.locator(".st-key-predict button").click()
    page.locator("h2", has_text="Do they agree?").wait_for()

    assert_serves(tmp_path)


def assert_serves(folder: Path) -> None:
    """The downloaded SavedModel loads in TensorFlow and answers as the seed's optimised one."""
    import tensorflow as tf

    with zipfile.ZipFile(folder / "model.zip") as archive:
        archive.extractall(folder)
    (path,) = folder.glob("*/saved_model.pb")
    served = tf.saved_model.load(str(path.parent)).signatures["serving_default"]
    feeds = {
        name: tf.constant([value])
        for name, value in {
            "sepal_length": 5.1,
            "sepal_width": 3.5,
            "petal_length": 1.4,
            "petal_width": 0.2,
        }.items()
    }
    answers = served(**feeds)
    assert list(answers) == ["probabilities"]
    probabilities = answers["probabilities"].numpy()
    assert probabilities.shape == (1, 3)
    assert np.isclose(probabilities.sum(), 1.0)
    assert probabilities.argmax() == 0


def test_a_row_of_the_table_opens_the_attributes(page: Any) -> None:
    open_sample(page, "iris")
    go(page, "Operations")
    page.get_by_placeholder("name, op, tensor").fill("probabilities")
    page.get_by_text("of 252 operations").wait_for()
    canvas = page.locator(".st-key-op_table canvas").first
    canvas.wait_for()
    box = canvas.bounding_box()
    # The first column holds the boxes that select a row; the table itself is drawn on a canvas.
    page.mouse.click(box["x"] + 18, box["y"] + 54)
    page.get_by_text("Attributes", exact=True).wait_for()
    page.locator(".st-key-use_output button").click()
    page.locator(".st-key-sidebar_outputs code").first.wait_for()


def test_a_broken_upload_is_one_clear_message(page: Any) -> None:
    page.locator(".st-key-sample_iris").wait_for()
    page.locator('input[type="file"]').first.set_input_files(
        {"name": "broken.pb", "mimeType": "application/octet-stream", "buffer": b"\x0a\xff" * 40}
    )
    alert = page.locator('[data-testid="stAlert"]')
    alert.wait_for()
    assert "broken.pb: file: the bytes are no SavedModel" in alert.inner_text()
    open_sample(page, "iris")


def test_a_long_job_is_cancelled(page: Any) -> None:
    open_sample(page, "iris")
    go(page, "Predict")
    page.locator(".st-key-feeds").get_by_text("range(n)").click()
    n = page.locator('.st-key-feed_n input[type="number"], .st-key-feed_n input').first
    n.fill("200000")
    n.press("Enter")
    page.locator(".st-key-predict button").click()
    page.get_by_role("button", name="Cancel").click()
    page.locator("text=Cancelled after").wait_for()
    assert page.locator(".st-key-predict button").is_visible()


def test_rows_are_typed_into_a_table_and_a_picture_is_classified(
    page: Any, address: str, tmp_path: Path
) -> None:
    open_sample(page, "iris")
    go(page, "Predict")
    feeds = page.locator(".st-key-feeds")
    feeds.get_by_text("Values", exact=True).click()
    feeds.get_by_text("Fill in at least one row").wait_for()
    assert page.locator(".st-key-predict button").is_disabled()
    table = feeds.locator('[data-testid="stDataFrameResizable"]')
    table.wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()
    # The table is a canvas: its first cell lies below the header, right of the markers of rows.
    table.click(position={"x": 120, "y": 52})
    cell = page.locator("#portal input")
    for number in ("1.7", "0.5", "5.1", "3.3"):  # in the order of the columns
        page.keyboard.press("Enter")
        cell.fill(number)
        cell.press("Tab")
        cell.wait_for(state="detached")
    page.locator(".st-key-predict button:enabled").click()
    page.get_by_text("1 row per run").wait_for()
    with page.expect_download() as download:
        page.locator(".st-key-download_csv button").click()
    header, row = download.value.path().read_text().splitlines()
    assert "probabilities:0.setosa" in header
    assert "setosa" in row.split(",")

    page.goto(f"{address}/predict?sample=shapes")
    feeds.get_by_text("Values", exact=True).click()
    picture = tmp_path / "shape.png"
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(picture)
    send = page.locator('.st-key-picture_image input[type="file"]')
    send.wait_for(state="attached")
    send.set_input_files(str(picture))
    page.locator(".st-key-predict button:enabled").click()
    page.get_by_text("1 row per run").wait_for()
    page.get_by_text("Row 1: most likely classes").wait_for()
