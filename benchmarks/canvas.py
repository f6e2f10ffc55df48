"""The canvas in Chromium: click to details, scopes opened and closed, frames, bytes.

    python benchmarks/canvas.py [--repeat 20]

Starts the page of tests/browser/canvas_app.py on a real Streamlit server. Medians; of opening and
closing also the 95th percentile, and of bytes the picture as it is sent, and a rerun without one.
What opens is a closed scope that was closed before, so that Graphviz has to lay it out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from benchmarks.hierarchy import show  # noqa: E402
from benchmarks.support.chromium import CHROMIUM_FLAGS, chromium_path  # noqa: E402
from benchmarks.support.serving import streamlit_page  # noqa: E402

COLUMNS = ("page", "boxes", "click: in browser", "details", "open", "p95", "close", "p95",
           "pan", "zoom", "fewest shown", "picture")  # fmt: skip

MEASURE = """async ([index, kind, details]) => {
  const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot);
  const root = roots.find(r => r?.querySelector('.node'));
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const until = async (test) => {
    const last = performance.now() + 60000;
    while (!test()) {
      if (performance.now() > last) throw new Error(`${kind} ${index} had no answer`);
      await frame();
    }
  };
  const all = (which) => [...root.querySelectorAll(which)];
  const code = () => document.querySelector(details)?.innerText;
  const press = (element, names) => {
    const box = element.getBoundingClientRect();
    const at = {clientX: box.x + 8, clientY: box.y + 8, bubbles: true, composed: true, button: 0,
      pointerId: 7};
    for (const name of names)
      element.dispatchEvent(new (name === 'dblclick' ? MouseEvent : PointerEvent)(name, at));
  };
  const click = ['pointerdown', 'pointerup'];
  const titles = () => all('.cluster-title').map(title => title.textContent);
  const began = performance.now(), took = () => performance.now() - began;
  if (kind === 'click') {
    const nodes = all('.node:not(.stub):not(.selected)'), before = code();
    press(nodes[index % nodes.length], click);
    const inBrowser = took();
    await until(() => code() !== before);
    return [inBrowser, took()];
  }
  if (kind === 'open' || kind === 'close') {
    const view = root.querySelector('.picture .view'), closed = all('.node.scope:not(.stub)');
    let target = closed[index % closed.length];
    if (kind === 'open') window.titlesBefore = titles();
    else {
      const place = titles().findIndex((title, i) => title !== window.titlesBefore[i]);
      target = all('.cluster-title')[Math.max(0, place)];
    }
    press(target, [...click, ...click, 'dblclick']);
    await until(() => root.querySelector('.picture .view') !== view);
    await frame();
    return [took()];
  }
  if (kind === 'pick') {
    const ops = all('.node:not(.stub):not(.scope)');
    const picked = all('.badge.picked').map(badge => badge.closest('.node'))[0];
    press(picked ?? ops[index % ops.length], click);
    root.querySelector('.picture').dispatchEvent(new KeyboardEvent('keydown', {key: 'o'}));
    await until(() => all('.badge.picked').length === (picked ? 0 : 1));
    return [took()];
  }
  const picture = root.querySelector('.picture'), area = picture.getBoundingClientRect();
  let frames = 0;
  while (took() < 1000) {
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
  return [frames * 1000 / took()];
}"""
"""A gesture's milliseconds until its answer is seen, or the frames a second of a movement."""


SIZES = """() => {
  const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot);
  const root = roots.find(r => r?.querySelector('.node'));
  const items = [...root.querySelectorAll('.node')];
  return [items.length, items.filter(item => item.style.display !== 'none').length];
}"""
"""How many boxes there are, and how many are not hidden for lying far outside."""


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 are not above."""
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def page_row(browser: Any, address: str, name: str, query: str, repeat: int) -> list[str]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    received: list[int] = []
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.on(
        "Network.webSocketFrameReceived",
        lambda event: received.append(len(event["response"]["payloadData"]) * 3 // 4),
    )
    page.goto(f"{address}/?{query}")
    page.locator(".node").first.wait_for()
    page.locator("code").first.wait_for()
    page.wait_for_timeout(500)
    picture = max(received)
    boxes, _ = page.evaluate(SIZES)

    def repeated(kind: str, place: int) -> list[float]:
        page.wait_for_timeout(150)
        return list(page.evaluate(MEASURE, [place, kind, "code"]))

    clicks = [repeated("click", i) for i in range(repeat)]
    opened, closed = [], []
    for i in range(repeat):
        opened += repeated("open", i)
        closed += repeated("close", 0)
    pan, zoom = repeated("pan", 0)[0], repeated("zoom", 0)[0]
    for _ in range(12):
        page.mouse.move(500, 400)
        page.mouse.wheel(0, -300)
    page.wait_for_timeout(200)
    _, packed_sizes = page.evaluate(SIZES)
    page.context.close()
    median = statistics.median
    return [
        name, str(boxes), f"{median(c[0] for c in clicks):.1f} ms",
        f"{median(c[1] for c in clicks):.0f} ms",
        f"{median(opened):.0f} ms", f"{p95(opened):.0f} ms",
        f"{median(closed):.0f} ms", f"{p95(closed):.0f} ms",
        f"{pan:.0f} fps", f"{zoom:.0f} fps", str(packed_sizes), f"{picture / 1e3:.0f} KB",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20)
    repeat = parser.parse_args().repeat
    with (
        streamlit_page(ROOT / "tests/browser/canvas_app.py") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        cases = [
            ("8 blocks", "m=layered"), ("20 blocks", "m=twenty&budget=60&least=60"),
            ("83 blocks", "m=network&budget=60&least=240"),
            ("400 blocks", "m=largest&budget=60&least=400"),
            ("166 blocks", "m=larger&budget=60&least=480"),
        ]  # fmt: skip
        show(COLUMNS, [page_row(browser, address, *case, repeat) for case in cases])
        browser.close()


if __name__ == "__main__":
    main()
