"""From handing a file over to its first picture in Chromium, ours beside Netron and Model Explorer.

    python -m benchmarks.first_picture [--peers ENVIRONMENT] [--rounds 3] [--graphs GRAPH ...]
                                       [--pictures FOLDER]

The same frozen graphs for all. The file is handed over by opening the page that a tool's own
command opens for a file named there. The server is up and has shown another model where it can,
the browser is warm, the file is new to both: each run has a server and a browser profile of its
own. The clock stops when the picture stands: of ours three boxes with text of 7 pixels or more in
the window; of a peer its own sign, which may come before that and never after. Beside the clock
stands the processor's time, which other work on the machine changes less. Tools take turns.

Of ours two ways are measured: the Overview, which the command opens, and from there a click on
Graph as soon as it can be made; and a link straight to the Graph page.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Error, Page, ViewportSize, sync_playwright

from benchmarks import frozen_graphs
from benchmarks.support.chromium import CHROMIUM_FLAGS, chromium_path
from benchmarks.support.serving import unused_port

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 120.0
EXPLORER = "Model Explorer"
WINDOW: ViewportSize = {"width": 1440, "height": 900}
SMALL = ROOT / "sample_models" / "iris" / "saved_model" / "saved_model.pb"
"""What a peer shows first, to be warm; ours shows the same model."""
# No way to any other host: what phones home gets its answer at once.
FLAGS = [*CHROMIUM_FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""What Model Explorer needs to draw at all without a GPU."""
STAGES = ("read", "draw up the node table", "group the nodes", "describe", "answered", "adopted",
          "laid out")  # fmt: skip

OURS = """() => {
  let seen = 0;
  for (const host of document.querySelectorAll('[data-testid="stBidiComponentRegular"], div')) {
    if (!host.shadowRoot) continue;
    for (const text of host.shadowRoot.querySelectorAll('.node .title, .node text')) {
      const box = text.getBoundingClientRect();
      if (box.height >= 7 && box.width && box.top >= 0 && box.left >= 0 &&
          box.bottom <= innerHeight && box.right <= innerWidth && ++seen >= 3) return true;
    }
  }
  return false;
}"""
NETRON = """() => document.body.classList.contains('default') &&
  document.querySelector('.node')?.getBoundingClientRect().width > 0"""
MODEL_EXPLORER = """() => document.querySelector('canvas.main')?.clientWidth > 0 &&
  !document.querySelector('.loading')"""

_WATCH = """(() => {
  const stands = %s;
  const look = () => {
    let found = false;
    try { found = stands(); } catch {}
    if (found) requestAnimationFrame(() => setTimeout(() => pictureStands(Date.now())));
    else setTimeout(look, 10);
  };
  look();
})();"""

# The app as the command starts it, which also says when its stages were reached.
_APP = """
import sys, threading, time
from inspector.jobs.job import Job, Run
from inspector.ui.server import serve

def say(what):
    print(f"AT {time.time():.4f} {what}", flush=True)

def progress(self, report):
    self.__dict__["progress"] = report
    if report[1]:
        say(report[1])

def tell(owner, name, what):
    function = getattr(owner, name)
    def call(*args, **options):
        answer = function(*args, **options)
        say(what)
        return answer
    setattr(owner, name, call)

def tell_of_pages():
    # The pages load Streamlit, which must not be before its server runs.
    while not hasattr(sys.modules.get("inspector.ui.screens.graph"), "layout"):
        time.sleep(0.01)
    tell(sys.modules["inspector.ui.session.open_model"], "adopt", "adopted")
    tell(sys.modules["inspector.view.layout.layout"], "picture_of", "laid out")

Run.progress = property(lambda self: self.__dict__.get("progress", (None, "")), progress)
tell(Job, "set_result", "answered")
threading.Thread(target=tell_of_pages, daemon=True).start()
serve.serve(sys.argv[2], port=int(sys.argv[1]), open_browser=False)
"""


@dataclass
class Run:
    """One opening, or why it showed no picture.

    Attributes:
        began: When the file was handed over.
        seconds: From then to the picture.
        processor: Seconds that browser and server ran on a core meanwhile.
        stages: Seconds from then to when our stages were done.
    """

    began: float
    seconds: float = float("nan")
    processor: float = float("nan")
    why: str = ""
    stages: dict[str, float] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="environment with netron and model-explorer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--graphs", nargs="*", default=list(frozen_graphs.GRAPHS))
    parser.add_argument("--tools", nargs="*", help="only these columns of the table")
    parser.add_argument("--pictures", type=Path, help="keep what was seen when the clock stopped")
    options = parser.parse_args()
    tools: dict[str, Callable[[Path, BrowserContext, Path | None], Run]] = {
        "Inspector, Overview first": inspector_app,
        "Inspector, link": inspector_link,
    }
    if options.peers:
        tools["Netron"] = lambda *args: netron(options.peers / "bin", *args)
        tools[EXPLORER] = lambda *args: model_explorer(options.peers / "bin", *args)
    tools = {name: run for name, run in tools.items() if name in (options.tools or tools)}
    runs: dict[tuple[str, str], list[Run]] = {}
    with sync_playwright() as driver:
        for _ in range(options.rounds):
            for graph in options.graphs:
                path = frozen_graphs.path_of(graph)
                for name, opened in tools.items():
                    graph_runs = runs.setdefault((graph, name), [])
                    if any(run.why for run in graph_runs):
                        continue  # what failed once, or took too long, is not waited for again
                    picture = options.pictures and options.pictures / f"{path.stem}_{name}.png"
                    with tempfile.TemporaryDirectory() as profile:
                        context = driver.chromium.launch_persistent_context(
                            profile,
                            executable_path=chromium_path(),
                            args=[*FLAGS, *(WEBGL if name == EXPLORER else [])],
                            viewport=WINDOW,
                        )
                        context.set_default_timeout(PATIENCE_S * 1000)
                        graph_runs.append(opened(path, context, picture))
                        with contextlib.suppress(Error):
                            context.close()
                    print(f"{graph} · {name}: {cell(graph_runs[-1:])}", file=sys.stderr, flush=True)
    show(options.graphs, list(tools), runs)


def show(graphs: list[str], tools: list[str], runs: dict[tuple[str, str], list[Run]]) -> None:
    """The table of all, and what our own time went into."""
    print("Seconds to the first picture, and in brackets of processor time, browser and server\n")
    print("| graph | " + " | ".join(tools) + " |")
    print("|" + " --- |" * (len(tools) + 1))
    for graph in graphs:
        print(f"| {graph} | " + " | ".join(cell(runs[graph, name]) for name in tools) + " |")
    for name in tools:
        if not any(run.stages for graph in graphs for run in runs[graph, name]):
            continue
        print(f"\n{name}: seconds since the page was opened at which each stage was done\n")
        print(
            "| graph | " + " | ".join((*STAGES, "picture", "since read", "since answered")) + " |"
        )
        print("|" + " --- |" * (len(STAGES) + 4))
        for graph in graphs:
            done = [run for run in runs[graph, name] if not run.why]
            cells = [_median([run.stages.get(stage) for run in done]) for stage in STAGES]
            cells.append(_median([run.seconds for run in done]))
            for since in ("read", "answered"):
                cells.append(
                    _median([run.seconds - run.stages.get(since, float("nan")) for run in done])
                )
            print(f"| {graph} | " + " | ".join(cells) + " |")


def cell(runs: list[Run]) -> str:
    """The median of some runs, or why there is none."""
    if failed := next((run.why for run in runs if run.why), ""):
        return failed
    return f"{_median([run.seconds for run in runs])} ({_median([run.processor for run in runs])})"


def inspector_app(path: Path, context: BrowserContext, picture: Path | None) -> Run:
    """Ours as `inspector app FILE` opens it, and then the click on Graph."""

    def hand_over(page: Page, address: str) -> None:
        page.goto(address, wait_until="commit")
        page.locator("h1", has_text="Overview").wait_for()
        # Not at the link's place on the screen, where another part of a page that is still being
        # built may lie.
        page.locator('[data-testid="stSidebarNav"] a', has_text="Graph").dispatch_event("click")

    return _inspector(path, context, picture, hand_over)


def inspector_link(path: Path, context: BrowserContext, picture: Path | None) -> Run:
    """Ours by a link to the Graph page with the file in it."""

    def hand_over(page: Page, address: str) -> None:
        page.goto(f"{address}/graph?start=1", wait_until="commit")

    return _inspector(path, context, picture, hand_over)


def _inspector(
    path: Path,
    context: BrowserContext,
    picture: Path | None,
    hand_over: Callable[[Page, str], None],
) -> Run:
    port = unused_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", _APP, str(port), str(path)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {"INSPECTOR_WORKSPACE": folder, "PYTHONPATH": str(ROOT)}
        with _server(command, address, environment) as (server, printed):

            def warm(page: Page) -> None:
                page.goto(f"{address}/?sample=iris")
                page.locator("h1", has_text="Overview").wait_for()
                page.locator('[data-testid="stSidebarNav"] a', has_text="Graph").click()
                page.locator("h1", has_text="Graph").wait_for()
                page.locator(".node").first.wait_for()

            _warm(context, warm, server)
            run = _opened(context, OURS, picture, lambda page: hand_over(page, address))
            stages = re.findall(r"AT ([\d.]+) (.*)", printed().decode())
    begins: dict[str, float] = {}
    for at, what in stages:
        # What was before is of the other model.
        if float(at) > run.began:
            begins.setdefault(what, float(at) - run.began)
    run.stages = dict(begins)
    for stage, after in itertools.pairwise(STAGES[:5]):
        # A job says what it begins with; a stage is done when the next begins.
        run.stages[stage] = begins.get(after, float("nan"))
    return run


def netron(programs: Path, path: Path, context: BrowserContext, picture: Path | None) -> Run:
    """Netron, its question about cookies answered before."""
    port = unused_port()
    address = f"http://127.0.0.1:{port}"
    context.add_cookies([{"name": "consent", "value": "1", "url": address}])

    def command(file: Path) -> list[str]:
        program = str(programs / "netron")
        return [program, "--host", "127.0.0.1", "--port", str(port), str(file)]

    # It serves one file: the browser gets warm by another server at the same address.
    with _server(command(SMALL), address, {}) as (server, _):
        warm = lambda page: (page.goto(f"{address}/"), page.locator(".node").first.wait_for())  # noqa: E731
        _warm(context, warm, server)
    with _server(command(path), address, {}):
        hand_over = lambda page: page.goto(f"{address}/", wait_until="commit")  # noqa: E731
        return _opened(context, NETRON, picture, hand_over)


def model_explorer(
    programs: Path, path: Path, context: BrowserContext, picture: Path | None
) -> Run:
    """Model Explorer with its reader of GraphDefs, which a .pb does not get by itself."""
    port = unused_port()
    address = f"http://127.0.0.1:{port}"
    program = str(programs / "model-explorer")
    command = [program, "--host", "127.0.0.1", "--port", str(port), "--no_open_in_browser"]

    def link(file: Path, reader: dict[str, str]) -> str:
        return f"{address}/?data={quote(json.dumps({'models': [{'url': str(file), **reader}]}))}"

    with _server(command, address, {}) as (server, _):

        def warm(page: Page) -> None:
            page.goto(link(SMALL, {}))
            page.locator("canvas.main").first.wait_for()

        _warm(context, warm, server)
        at = link(path, {"adapterId": "builtin_graphdef"})
        return _opened(
            context, MODEL_EXPLORER, picture, lambda page: page.goto(at, wait_until="commit")
        )


def _warm(context: BrowserContext, warm: Callable[[Page], Any], server: int) -> None:
    """Show another model twice (after that a browser keeps compiled scripts), and let it rest."""
    for _ in range(2):
        page = context.new_page()
        warm(page)
        page.close()
    _settle(server)


def _opened(
    context: BrowserContext,
    stands: str,
    picture: Path | None,
    hand_over: Callable[[Page], Any],
) -> Run:
    """Hand a file over in a new page, and wait for its picture.

    Args:
        stands: What is true in the page once the picture is there.
        picture: Where to keep what is seen then.
    """
    stood: list[float] = []
    crashed: list[str] = []
    context.expose_binding("pictureStands", lambda _source, at: stood.append(at / 1000))
    context.add_init_script(_WATCH % stands)
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.on("crash", lambda _page: crashed.append("the page crashed"))
    used = _processor_s(os.getpid())
    run = Run(began=time.time())
    try:
        hand_over(page)
        while not stood and not crashed and time.time() < run.began + PATIENCE_S:
            page.wait_for_timeout(20)
        run.processor = _processor_s(os.getpid()) - used
        if picture and not crashed:
            picture.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(picture), timeout=20_000)
    except Error as err:
        is_late = "imeout" in err.message
        crashed += [] if stood or is_late else ["the page crashed"]
    if stood and stood[0] < run.began + PATIENCE_S:
        run.seconds = stood[0] - run.began
    else:
        run.why = crashed[0] if crashed else f"none in {PATIENCE_S:g} s"
    return run


@contextlib.contextmanager
def _server(
    command: list[str], address: str, environment: dict[str, str]
) -> Iterator[tuple[int, Callable[[], bytes]]]:
    """A server that answers; stopped at the end. Gives its process, and what reads its output."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, **environment}, start_new_session=True,
        )  # fmt: skip

        def printed() -> bytes:
            output.seek(0)
            return output.read()

        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/"):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} does not answer: {printed().decode()[-2000:]}")
                time.sleep(0.1)
            yield process.pid, printed
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _settle(server: int, busy: float = 0.1, most_s: float = 60.0) -> None:
    """Wait until a server's processes rest: ours loads TensorFlow beside the first page.

    Args:
        server: The first of them.
        busy: The part of one core below which they rest.
    """
    deadline = time.monotonic() + most_s
    before = _processor_s(server)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        after = _processor_s(server)
        if after - before < busy * 0.5:
            return
        before = after


def _processor_s(first: int) -> float:
    """Seconds that a process, all below it, and those of them that have ended, ran on a core."""
    below: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            process = int(file.parent.name)
            words = file.read_text().rpartition(")")[2].split()
            below.setdefault(int(words[1]), []).append(process)
            ticks[process] = sum(map(int, words[11:15]))
    total, todo = 0, [first]
    while todo:
        process = todo.pop()
        total += ticks.get(process, 0)
        todo += below.get(process, [])
    return total / os.sysconf("SC_CLK_TCK")


def _median(seconds: list[float | None]) -> str:
    values = [value for value in seconds if value is not None and value == value]
    return f"{statistics.median(values):.2f}" if values else "–"


if __name__ == "__main__":
    main()
