"""Real browsers beside the clients of `benchmarks.load`: seconds from a click to what it shows."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Error, sync_playwright

from benchmarks.canvas import MEASURE
from benchmarks.support.chromium import CHROMIUM_FLAGS, chromium_path

_SHOWS = {
    "Overview": "h2:has-text('Signatures')",
    "Operations": "[data-testid=stDataFrame]",
    "Graph": ".node",
    "Optimise": "button:has-text('Run')",
    "Predict": "button:has-text('Run')",
}
"""Title of a page to what it shows of the model."""
_DETAILS = '[data-testid="stMain"] code'
_CLICKS = 0.7
_PATIENCE_MS = 60_000


@dataclass
class Seen:
    """What one browser waited for: the start of an action, and its seconds."""

    pages: list[tuple[float, float]] = field(default_factory=list)
    clicks: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def start(address: str, model: Path, think_s: float, end: float) -> tuple[threading.Thread, Seen]:
    """A Chromium that opens a model and looks at it until `end`, on ``time.perf_counter``."""
    seen = Seen()
    thread = threading.Thread(target=_look, args=(address, model, think_s, end, seen), daemon=True)
    thread.start()
    return thread, seen


def _look(address: str, model: Path, think_s: float, end: float, seen: Seen) -> None:
    chance = random.Random(model.name)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path(), args=CHROMIUM_FLAGS
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(f"{address}/overview?path={quote(str(model))}")
            page.locator(_SHOWS["Overview"]).first.wait_for()
            shown = "Overview"
            while time.perf_counter() < end:
                page.wait_for_timeout(1000 * think_s * chance.uniform(0.5, 1.5))
                began = time.perf_counter()
                if shown == "Graph" and chance.random() < _CLICKS:
                    gesture = [chance.randrange(1000), "click", _DETAILS]
                    seen.clicks.append((began, page.evaluate(MEASURE, gesture)[-1] / 1e3))
                    continue
                shown = chance.choice([title for title in _SHOWS if title != shown])
                page.get_by_test_id("stSidebarNavLink").filter(has_text=shown).click()
                page.locator("h1", has_text=shown).wait_for(state="attached")
                page.locator(_SHOWS[shown]).first.wait_for()
                seen.pages.append((began, time.perf_counter() - began))
            browser.close()
    except Error as err:
        seen.errors.append(str(err)[:300])
