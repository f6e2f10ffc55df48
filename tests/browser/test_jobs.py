"""Jobs and browsers in real Chromium: tabs that close, pages that reload, sessions that share."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support import serving
from inspector import locations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),  # several browsers and the patience of a reload
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

MODEL = locations.sample_models() / "iris" / "saved_model" / "saved_model.pb"
PATIENCE_MS = 60_000
GONE_S = 15.0
"""Seconds after which a session is gone whose browser has gone."""
END_S = 60.0
"""Seconds within which a job ends that nobody waits for; it would run for minutes."""


class SlowModel(BaseHTTPRequestHandler):
    """Sends a model byte by byte until its path is in `released`."""

    released: set[str] = set()  # noqa: RUF012  shared by the requests on purpose

    def do_GET(self) -> None:
        data = MODEL.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            for place in range(len(data)):
                if self.path in self.released:
                    self.wfile.write(data[place:])
                    return
                self.wfile.write(data[place : place + 1])
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *_args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowModel) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs") / "workspace"


@pytest.fixture(scope="module")
def address(root: Path, workspace: Path, models: str) -> Iterator[str]:
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {
        "INSPECTOR_WORKSPACE": str(workspace),
        "INSPECTOR_URLS": models,
        "PYTHONPATH": str(root),
    }
    with serving.running(command, cwd=workspace.parent, env=environment) as found:
        yield found


@pytest.fixture
def visit(chromium: Any, address: str, workspace: Path) -> Iterator[Callable[[], Any]]:
    """Opens the app in a browser session of its own."""
    contexts = []

    def new_page() -> Any:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.locator(".st-key-sample_iris").wait_for()
        return page

    yield new_page
    for context in contexts:
        context.close()
    until(lambda: not workers(workspace), END_S)


def workers(workspace: Path) -> set[int]:
    """The processes of this app's jobs: children of a template, inside of the sandbox.

    The template's self-test is such a child too, with the same command line, but in no sandbox.
    """
    parents: dict[int, int] = {}
    filters: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            status = (folder / "status").read_text()
        except OSError:
            continue
        is_ours = str(workspace).encode() in environment
        if is_ours and b"inspector.jobs import template" in command and fields[0] != "Z":
            parents[int(folder.name)] = int(fields[1])
            number = re.search(r"^Seccomp_filters:\s+(\d+)$", status, re.MULTILINE)
            filters[int(folder.name)] = int(number[1]) if number else 0
    # In a container every process may have a filter; a worker has one more than its template.
    return {pid for pid, up in parents.items() if up in parents and filters[pid] > filters[up]}


def running_workers(workspace: Path, count: int) -> set[int]:
    """The processes of the jobs, once there are that many."""
    until(lambda: len(workers(workspace)) == count, END_S)
    return workers(workspace)


def until(condition: Callable[[], bool], seconds: float) -> float:
    """Seconds that it took until the condition held."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - start


def fetch(page: Any, url: str) -> None:
    page.get_by_role("tab", name="A URL").click()
    box = page.locator(".st-key-open_url_text input")
    box.fill(url)
    box.press("Enter")
    page.locator(".st-key-open_url button").click()
    progress(page).wait_for()


def progress(page: Any) -> Any:
    return page.locator('[data-testid="stProgress"]')


def go(page: Any, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    page.locator("h1", has_text=title).wait_for()


def test_a_closed_tab_ends_its_job(visit: Callable[[], Any], workspace: Path, models: str) -> None:
    page = visit()
    fetch(page, f"{models}closed.pb")
    running_workers(workspace, 1)
    page.context.close()
    seconds = until(lambda: not workers(workspace), END_S)
    assert seconds > 3, "a reload takes seconds, and finds its job again"


def test_a_reload_finds_its_job_and_the_answer(
    visit: Callable[[], Any], workspace: Path, models: str
) -> None:
    page = visit()
    fetch(page, f"{models}reload.pb")
    page.wait_for_url(re.compile(r"job=[\w-]{20,}"))
    before = running_workers(workspace, 1)
    page.reload()
    progress(page).get_by_text("Fetching reload").wait_for()
    time.sleep(GONE_S)  # the session before is gone, and with it its interest
    assert workers(workspace) == before
    SlowModel.released.add("/reload.pb")
    page.locator("h1", has_text="Overview").wait_for()
    assert "reload.pb" in page.locator(".st-key-sidebar_model").inner_text()


def test_two_sessions_share_one_process_and_one_may_leave(
    visit: Callable[[], Any], workspace: Path, models: str
) -> None:
    first, second = visit(), visit()
    fetch(first, f"{models}shared.pb")
    fetch(second, f"{models}shared.pb")
    shared = running_workers(workspace, 1)
    time.sleep(1)
    assert workers(workspace) == shared
    first.get_by_role("button", name="Cancel").click()
    first.get_by_text(re.compile(r"Cancelled after \d+ s")).wait_for()
    progress(second).wait_for()
    assert workers(workspace) == shared
    SlowModel.released.add("/shared.pb")
    second.locator("h1", has_text="Overview").wait_for()


def test_the_place_in_the_queue_is_shown_and_small_models_open_meanwhile(
    visit: Callable[[], Any], workspace: Path, models: str
) -> None:
    busy = [visit() for _ in range(os.cpu_count() or 1)]
    for number, page in enumerate(busy):
        fetch(page, f"{models}long{number}.pb")
    waits, other = visit(), visit()
    fetch(waits, f"{models}waits.pb")
    progress(waits).get_by_text("place 1 of 1 in the queue").wait_for()
    other.locator(".st-key-sample_iris button").click()
    other.locator("h1", has_text="Overview").wait_for()
    running_workers(workspace, len(busy))
    SlowModel.released.update({"/long0.pb", "/waits.pb"})
    waits.locator("h1", has_text="Overview").wait_for()


@pytest.mark.tensorflow
def test_results_and_runs_of_other_pages_survive_a_reload(
    visit: Callable[[], Any], workspace: Path
) -> None:
    page = visit()
    page.locator(".st-key-sample_iris button").click()
    page.locator("h1", has_text="Overview").wait_for()
    go(page, "Optimise")
    page.locator(".st-key-run button").click()
    gain = page.get_by_text(re.compile(r"3\.1 MiB → .* operations"))
    gain.wait_for()
    page.reload()
    gain.wait_for()

    go(page, "Predict")
    page.locator(".st-key-feeds").get_by_text("range(n)").click()
    box = page.locator('.st-key-feed_n input[type="number"], .st-key-feed_n input').first
    box.fill("200000")
    box.press("Enter")
    page.locator(".st-key-runs").get_by_role("slider").press("End")  # 50 runs of three graphs
    page.locator(".st-key-predict button").click()
    progress(page).wait_for()
    page.wait_for_url(re.compile(r"result=.*job="))
    before = running_workers(workspace, 1)
    page.reload()
    progress(page).get_by_text("Running the model").wait_for()
    assert workers(workspace) == before
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text(re.compile(r"Cancelled after \d+ s")).wait_for()
    until(lambda: not workers(workspace), END_S)
    go(page, "Compare")
    page.locator('[data-testid="stMetric"]', has_text="Size").first.wait_for()
