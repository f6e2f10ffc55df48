"""The canvas in Chromium: click to details on the page, open to new picture, frames. Medians.

    python benchmarks/canvas.py [--repeat 9]

Starts the page of tests/browser/canvas_app.py on a real Streamlit server.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from benchmarks.hierarchy import show  # noqa: E402
from tests.browser.conftest import serving  # noqa: E402
from tests.conftest import CHROMIUM_FLAGS, chromium_path  # noqa: E402

COLUMNS = ("page", "boxes", "click: selected in browser", "click: details on the page",
           "open or close: new picture", "pan", "zoom")  # fmt: skip

MEASURE = """async ([index, kind]) => {
  const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot);
  const root = roots.find(r => r?.querySelector('.node'));
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const until = async (test) => { while (!test()) await frame(); };
  const code = () => document.querySelector('code').innerText;
  const press = (element, names) => {
    const box = element.getBoundingClientRect();
    const at = {clientX: box.x + 8, clientY: box.y + 8, bubbles: true, composed: true, button: 0,
      pointerId: 7};
    for (const name of names)
      element.dispatchEvent(new (name === 'dblclick' ? MouseEvent : PointerEvent)(name, at));
  };
  const began = performance.now();
  if (kind === 'click') {
    const node = root.querySelectorAll('.node:not(.stub)')[index], before = code();
    press(node, ['pointerdown', 'pointerup']);
    const inBrowser = performance.now() - began;
    await until(() => code() !== before);
    return [inBrowser, performance.now() - began];
  }
  if (kind === 'toggle') {
    const scopes = [...root.querySelectorAll('.node.scope')];
    const closed = scopes.find(node => node.style.display !== 'none');
    const target = index % 2 || !closed ? root.querySelector('.cluster-title') : closed;
    const view = root.querySelector('.picture .view');
    press(target, ['dblclick']);
    await until(() => root.querySelector('.picture .view') !== view);
    await frame();
    return [performance.now() - began];
  }
  const picture = root.querySelector('.picture'), area = picture.getBoundingClientRect();
  let frames = 0;
  while (performance.now() - began < 1000) {
    const x = area.x + 200 + (frames % 40) * 3, y = area.y + 60;
    const event = {clientX: x, clientY: y, bubbles: true, composed: true, button: 0, pointerId: 7};
    if (kind === 'pan') {
      if (!frames) {
        picture.setPointerCapture = () => {};
        picture.dispatchEvent(new PointerEvent('pointerdown', event));
      }
      picture.dispatchEvent(new PointerEvent('pointermove', event));
    } else {
      const deltaY = frames % 30 < 15 ? -30 : 30;
      picture.dispatchEvent(new WheelEvent('wheel', {...event, deltaY, cancelable: true}));
    }
    await frame();
    frames += 1;
  }
  if (kind === 'pan') picture.dispatchEvent(new PointerEvent('pointercancel', {pointerId: 7}));
  return [frames * 1000 / (performance.now() - began)];
}"""


def page_row(browser: Any, address: str, name: str, query: str, repeat: int) -> list[str]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{address}/?{query}")
    page.locator(".node").first.wait_for()
    page.locator("code").first.wait_for()
    page.wait_for_timeout(500)
    boxes = page.locator(".node").count()
    clicks = [page.evaluate(MEASURE, [i % min(boxes, 8), "click"]) for i in range(repeat)]
    toggles = []
    for i in range(repeat):
        toggles.append(page.evaluate(MEASURE, [i, "toggle"])[0])
        page.wait_for_timeout(150)
    pan = page.evaluate(MEASURE, [0, "pan"])[0]
    zoom = page.evaluate(MEASURE, [0, "zoom"])[0]
    page.context.close()
    median = statistics.median
    return [
        name, str(boxes), f"{median(c[0] for c in clicks):.1f} ms",
        f"{median(c[1] for c in clicks):.0f} ms", f"{median(toggles):.0f} ms",
        f"{pan:.0f} fps", f"{zoom:.0f} fps",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    with serving(ROOT / "tests/browser/canvas_app.py") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        cases = [
            ("8 blocks", "m=layered"), ("2,000 nodes, flat", "m=flat"),
            ("8 blocks, open", "m=layered&budget=60"), ("72 blocks", "m=network&budget=250"),
            ("150 blocks", "m=larger&budget=500"),
        ]  # fmt: skip
        show(COLUMNS, [page_row(browser, address, *case, repeat) for case in cases])
        browser.close()


if __name__ == "__main__":
    main()
