"""Every click on the Graph page: what it costs the server, the wire and whoever waits for it.

    python -m benchmarks.clicks [CLICKS] [MODEL ...]

Starts the app as a user does, opens each of three models in real Chromium and clicks: boxes in
turn, every tenth time a scope opened and closed again, every twentieth an output picked and taken
back.
By default 200 clicks each; 1,000 show whether anything grows. Bytes are those that go from the
server to the browser, counted by a relay between the two. CPU is that of the web process, threads
that have ended included; jobs have processes of their own.

Targets: details within 300 ms, a toggle within 300 ms (p95), CPU of a click under 25 ms (median),
under 2 KB where the picture stays, no growth over 1,000 clicks.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import sync_playwright

from benchmarks.canvas import MEASURE, p95
from benchmarks.opening import MODELS
from benchmarks.resnet50 import CACHE
from benchmarks.support import serving
from benchmarks.support.chromium import CHROMIUM_FLAGS, chromium_path
from benchmarks.support.web_process import Web
from inspector.cli import terminal

ROOT = Path(__file__).resolve().parent.parent
BASE = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "inspector" / "benchmarks")
CASES: dict[str, Callable[[], Path]] = {
    "iris": lambda: ROOT / "sample_models/iris/saved_model",
    "ResNet50": lambda: MODELS["SavedModel of ResNet50"](BASE),
    "100,000 nodes": lambda: MODELS["GraphDef of 100,000 nodes"](BASE),
}
DETAILS = '[data-testid="stMain"] code'
QUIET_S = 0.1
"""What a run of the page is given to end after its answer is seen, before its CPU is read."""


@dataclass
class Done:
    """What was measured of one kind of gesture; milliseconds, bytes."""

    waited: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)


class Relay:
    """A port of its own that hands everything on to the app, and counts what comes back."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._server.accept()
            except OSError:  # closed
                return
            try:
                app = socket.create_connection(("127.0.0.1", self._to))
            except OSError:  # the app has ended
                browser.close()
                continue
            for one, other, counts in ((browser, app, False), (app, browser, True)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(
                    target=self._hand_on, args=(one, other, counts), daemon=True
                ).start()

    def _hand_on(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        try:
            while data := one.recv(1 << 16):
                self.sent += len(data) if counts else 0
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:  # either side has gone
            pass

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()


@contextmanager
def app() -> Iterator[tuple[Relay, Web]]:
    """The app on a workspace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        port = serving.unused_port()
        command = [sys.executable, "-m", "inspector", "app", "--no-browser", "--port", str(port)]
        environment = {
            "INSPECTOR_WORKSPACE": folder,
            "INSPECTOR_ROOTS": f"{ROOT}:{BASE}",
            "PYTHONPATH": str(ROOT),
        }
        with serving.running(command, cwd=ROOT, env=environment) as address:
            relay = Relay(urlsplit(address).port or port)
            yield relay, Web(port)
            relay.close()


class Session:
    """One browser on the Graph page of one model."""

    def __init__(self, page: Any, relay: Relay, web: Web) -> None:
        self.page, self.relay, self.web = page, relay, web
        self.clicks, self.opens, self.closes, self.picks = Done(), Done(), Done(), Done()

    def go(self, path: Path) -> float:
        """Open a model; seconds to the first picture."""
        address = f"http://127.0.0.1:{self.relay.port}"
        self.page.goto(address)
        self.page.locator("h1", has_text="Open").wait_for()
        began = time.perf_counter()
        self.page.goto(f"{address}/graph?path={quote(str(path))}")
        self.page.locator(".node").first.wait_for()
        return time.perf_counter() - began

    def gesture(self, done: Done, kind: str, place: int) -> None:
        """One gesture, waited for until its answer is on the page, then until the server rests."""
        cpu, sent = self.web.cpu(), self.relay.sent
        done.waited.append(self.page.evaluate(MEASURE, [place, kind, DETAILS])[-1])
        time.sleep(QUIET_S)
        done.cpu.append(self.web.cpu() - cpu)
        done.sent.append(self.relay.sent - sent)

    def run(self, clicks: int) -> list[str]:
        """So many clicks, and every now and then something else; MiB on the way."""
        resident = {0: self.web.resident()}
        for number in range(1, clicks + 1):
            self.gesture(self.clicks, "click", number)
            if number % 10 == 0:
                self.gesture(self.opens, "open", number // 10)
                self.gesture(self.closes, "close", 0)
            if number % 20 == 0:
                self.gesture(self.picks, "pick", number)
                self.gesture(self.picks, "pick", number)
            if number in (100, 500, 1000):
                resident[number] = self.web.resident()
        return [f"{resident[at]:.0f}" if at in resident else "" for at in (0, 100, 500, 1000)]


def rows_of(name: str, session: Session, resident: list[str]) -> list[list[str]]:
    rows = []
    kinds = (("click", session.clicks), ("open", session.opens), ("close", session.closes),
             ("pick", session.picks))  # fmt: skip
    for kind, done in kinds:
        if not done.waited:
            continue
        rows.append(
            [
                name,
                kind,
                f"{statistics.median(done.waited):.0f}",
                f"{p95(done.waited):.0f}",
                f"{done.cpu[0]:.0f}",
                f"{statistics.median(done.cpu):.1f}",
                f"{p95(done.cpu):.1f}",
                f"{statistics.median(done.sent) / 1e3:.1f}",
                f"{p95(done.sent) / 1e3:.1f}",
            ]
            + (resident if kind == "click" else [""] * 4)
        )
    return rows


COLUMNS = ["model", "gesture", "ms", "p95", "CPU ms: first", "median", "p95", "KB sent", "p95",
           "MiB: 0", "100", "500", "1,000"]  # fmt: skip


def main(clicks: int = 200, *names: str) -> None:
    rows: list[list[str]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        for name in names or CASES:
            path = CASES[name]()
            with app() as (relay, web):
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                session = Session(context.new_page(), relay, web)
                session.page.set_default_timeout(120_000)
                opened = session.go(path)
                session.page.wait_for_timeout(1500)
                boxes = session.page.locator(".node").count()
                print(f"{name}: {boxes} boxes after {opened:.1f} s, {relay.sent / 1e3:,.0f} KB")
                resident = session.run(clicks)
                rows += rows_of(name, session, resident)
                context.close()
        browser.close()
    print(terminal.table(rows, COLUMNS, right=range(2, len(COLUMNS))))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
