"""Make the pictures of the docs anew: drive the app in Chromium and save what it shows.

python -m tests.browser.screenshots                         # into docs/images
python -m tests.browser.screenshots --to /tmp/images
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from benchmarks.support import serving
from benchmarks.support.chromium import CHROMIUM_FLAGS, chromium_path

ROOT = Path(__file__).resolve().parents[2]
SOFTMAX = "dnn/head/predictions/probabilities"
WIDTH, HEIGHT = 1440, 900
COLOURS = 256
"""Of a saved picture: a screen of flat colours needs no more, and takes a third of the bytes."""
IS_DRAWN = """() => ![...document.querySelectorAll('[data-testid=stSkeleton]')]
  .map(part => part.getBoundingClientRect())
  .some(box => box.height && box.top < innerHeight && box.bottom > 0)"""
"""Whether no part of the window is a placeholder; below the window they stay."""


class Tour:
    """One browser window on the app, and where its pictures go."""

    def __init__(self, browser: Any, address: str, folder: Path, scheme: str) -> None:
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme
        )
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.folder = folder
        self.suffix = "" if scheme == "light" else f"_{scheme}"
        self.page.goto(address)
        self.page.locator(".st-key-sample_iris").wait_for()

    def open_sample(self, name: str) -> None:
        if "Open" not in self.page.locator("h1").inner_text():
            self.go("Open")
        self.settle()
        self.page.locator(f".st-key-sample_{name} button").click()
        self.page.locator("h1", has_text="Overview").wait_for()

    def go(self, title: str) -> None:
        self.page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
        self.page.locator("h1", has_text=title).wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until the page's script has run."""
        self.page.wait_for_timeout(500)
        self.page.locator('[data-test-script-state="running"]').wait_for(state="detached")
        self.page.wait_for_function(IS_DRAWN)

    def show(self, name: str) -> None:
        """Bring a node into the picture by its search, and select it."""
        self.page.get_by_placeholder("name, op:Conv2D").fill(name)
        self.page.locator('[class*="st-key-hits_"] input').click()
        self.page.keyboard.press("Enter")
        self.page.locator(".st-key-pick_output button").wait_for()

    def pick(self) -> None:
        self.page.locator(".st-key-pick_output button", has_text="Use as output").click()
        self.page.locator(".st-key-sidebar_outputs code").first.wait_for()

    def run(self) -> None:
        self.page.locator(".st-key-run button").click()
        self.page.get_by_text("after freezing").wait_for()

    def compare(self) -> None:
        self.go("Compare")
        self.page.get_by_text("Top-1 agreement").wait_for()

    def predict(self) -> None:
        self.go("Predict")
        self.page.locator(".st-key-predict button").click()
        self.page.locator("h2", has_text="Do they agree?").wait_for()

    def save(self, name: str) -> None:
        """The window as it is, once nothing moves any more."""
        self.page.mouse.move(WIDTH - 5, HEIGHT - 5)
        self.page.locator('[data-testid="stToast"]').first.wait_for(state="hidden")
        self.page.wait_for_timeout(1500)
        self.page.wait_for_function(IS_DRAWN)
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        file = self.folder / f"{name}{self.suffix}.png"
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        print(f"{file.name}: {file.stat().st_size // 1024} KiB")


def light(tour: Tour) -> None:
    """Every page with the iris model, and the graph of a TensorFlow 2 model."""
    tour.save("open")
    tour.open_sample("iris")
    tour.save("overview")
    tour.go("Graph")
    tour.show(SOFTMAX)
    tour.pick()
    tour.save("graph")
    tour.go("Optimise")
    tour.run()
    tour.save("optimise")
    tour.compare()
    tour.save("compare")
    tour.predict()
    tour.save("predict")
    tour.open_sample("bikes")
    tour.go("Graph")
    tour.save("graph_tf2")


def dark(tour: Tour) -> None:
    """Graph and comparison."""
    tour.open_sample("iris")
    tour.go("Graph")
    tour.show(SOFTMAX)
    tour.pick()
    tour.save("graph")
    tour.go("Optimise")
    tour.run()
    tour.compare()
    tour.save("compare")


def main() -> None:
    """Start the app, take the tour in light and dark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    folder: Path = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    with tempfile.TemporaryDirectory() as workspace, sync_playwright() as playwright:
        environment = {"INSPECTOR_WORKSPACE": workspace, "PYTHONPATH": str(ROOT)}
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        with serving.running(command, cwd=Path(workspace), env=environment) as address:
            light(Tour(browser, address, folder, "light"))
            dark(Tour(browser, address, folder, "dark"))
        browser.close()


if __name__ == "__main__":
    main()
