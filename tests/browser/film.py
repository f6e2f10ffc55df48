"""Make the film of the README anew: pick an output, freeze and transform, compare.

python -m tests.browser.film                        # docs/images/film.gif
python -m tests.browser.film --to /tmp/film.gif
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

from benchmarks.support import serving
from benchmarks.support.chromium import CHROMIUM_FLAGS, chromium_path
from tests.browser.screenshots import HEIGHT, ROOT, WIDTH, Tour

WIDE = 960
"""Pixels of the film."""
COLOURS = 96
MOST_BYTES = 2_000_000
READ_MS, LOOK_MS, STEP_MS = 1800, 1100, 450


class Film(Tour):
    """A tour of which every step is a frame, with the pointer drawn in."""

    def __init__(self, browser: Any, address: str) -> None:
        super().__init__(browser, address, Path(), "light")
        self.pointer = (WIDTH // 2, HEIGHT // 2)
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def shoot(self, ms: int, press: bool = False) -> None:
        """Add the window as it is."""
        self.page.wait_for_timeout(250)
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        draw, (x, y) = ImageDraw.Draw(picture), self.pointer
        if press:
            draw.ellipse((x - 17, y - 17, x + 17, y + 17), outline="#d6336c", width=4)
        arrow = [(0, 0), (0, 26), (7, 20), (12, 31), (17, 29), (12, 18), (21, 18)]
        draw.polygon([(x + a, y + b) for a, b in arrow], fill="#111", outline="#fff")
        picture = picture.resize((WIDE, WIDE * HEIGHT // WIDTH), Image.Resampling.LANCZOS)
        self.frames.append(picture.quantize(COLOURS, dither=Image.Dither.NONE))
        self.times.append(ms)

    def press(self, target: Any, double: bool = False) -> None:
        """Move to something and click it; the pointer and the click are frames."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 60)
        self.page.mouse.move(x, y)
        self.pointer = (round(x), round(y))
        self.shoot(STEP_MS)
        self.shoot(STEP_MS, press=True)
        if double:
            self.page.mouse.dblclick(x, y)
        else:
            self.page.mouse.click(x, y)
        self.settle()

    def to(self, title: str) -> None:
        """Go to a page by the navigation."""
        self.press(self.page.locator('[data-testid="stSidebarNav"] a', has_text=title))
        self.page.locator("h1", has_text=title).wait_for()
        self.settle()

    def save_film(self, file: Path) -> None:
        """Write the GIF. Raises: AssertionError if it is too large for a README."""
        first, *rest = self.frames
        first.save(file, save_all=True, append_images=rest, duration=self.times, loop=0)
        size = file.stat().st_size
        print(
            f"{file.name}: {len(self.frames)} frames, {sum(self.times) / 1000:.0f} s, {size} bytes"
        )
        assert size < MOST_BYTES


def play(film: Film) -> None:
    """The film: the sample of iris, its softmax as the output, a run, and what became of it."""
    page = film.page
    film.settle()
    film.shoot(READ_MS)
    film.press(page.locator(".st-key-sample_iris button"))
    page.locator("h1", has_text="Overview").wait_for()
    film.settle()
    film.shoot(READ_MS)
    film.to("Graph")
    page.locator(".node").first.wait_for()
    film.shoot(READ_MS)
    film.press(page.locator(".node.scope", has_text="head"), double=True)
    page.locator(".cluster-title", has_text="head").wait_for()
    film.shoot(LOOK_MS)
    film.press(page.locator(".node.scope", has_text="predictions"), double=True)
    page.locator(".cluster-title", has_text="predictions").wait_for()
    film.shoot(LOOK_MS)
    film.press(page.locator(".node", has_text="probabilities").first)
    film.shoot(READ_MS)
    film.press(page.locator(".st-key-pick_output button", has_text="Use as output"))
    page.locator(".st-key-sidebar_outputs code").first.wait_for()
    film.shoot(READ_MS)
    film.to("Optimise")
    film.shoot(READ_MS)
    film.press(page.locator(".st-key-run button"))
    page.get_by_text("after freezing").wait_for()
    film.shoot(READ_MS)
    film.to("Compare")
    page.get_by_text("Top-1 agreement").wait_for()
    film.settle()
    film.shoot(2 * READ_MS)
    page.evaluate("document.querySelector('.change-legend').scrollIntoView()")
    film.shoot(2 * READ_MS)


def main() -> None:
    """Start the app and play the film."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images" / "film.gif")
    file: Path = parser.parse_args().to
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    with tempfile.TemporaryDirectory() as workspace, sync_playwright() as playwright:
        environment = {"INSPECTOR_WORKSPACE": workspace, "PYTHONPATH": str(ROOT)}
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        with serving.running(command, cwd=Path(workspace), env=environment) as address:
            film = Film(browser, address)
            play(film)
            film.save_film(file)
        browser.close()


if __name__ == "__main__":
    main()
