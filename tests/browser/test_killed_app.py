"""The app is killed while it writes to its workspace; started again, nothing of that is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmarks.support.serving import fetch, unused_port
from inspector.jobs.store.workspace import Workspace
from tests.conftest import ROOT

pytestmark = pytest.mark.browser


@contextmanager
def endless_model() -> Iterator[str]:
    """The URL of a model that arrives for as long as anybody reads it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            try:
                line, _ = listener.accept()
                with line:
                    line.recv(1 << 16)
                    line.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                    while True:
                        line.sendall(bytes(1 << 16))
                        time.sleep(0.05)
            except OSError:
                return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/model.pb"
    thread.join(5)


@contextmanager
def app(root: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = unused_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "app", "--no-browser", "--port", str(port), *arguments],
        cwd=ROOT,
        env={**os.environ, "INSPECTOR_WORKSPACE": str(root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{url}/_stcore/health"))
        yield process, url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def answers(url: str) -> bool:
    try:
        return fetch(url) == "ok"
    except OSError:
        return False


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.05)


def using(root: Path) -> list[int]:
    """The processes that have a file of a folder open."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            opened = [str(file.readlink()) for file in (process / "fd").iterdir()]
        except OSError:
            continue
        if any(name.startswith(str(root)) for name in opened):
            pids.append(int(process.name))
    return pids


@pytest.mark.slow
def test_an_app_that_is_killed_in_the_middle_leaves_nothing(
    tmp_path: Path, chromium: Browser
) -> None:
    root = tmp_path / "ws"
    with endless_model() as url, app(root, url) as (process, address):
        page = chromium.new_page()
        page.goto(address)
        until(lambda: any(file.stat().st_size for file in root.glob("tmp/*/content/files/*")))
        page.close()
        process.kill()
        process.wait(10)
        until(lambda: not using(root), 20)
        assert len(list((root / "tmp").iterdir())) == 1, "this is what is left of it"
    with app(root) as (_process, address):
        page = chromium.new_page()
        page.goto(address)
        page.get_by_role("button", name="Open").first.click()
        page.get_by_text("Signatures").first.wait_for(timeout=60_000)
        until(lambda: list((root / "tmp").iterdir()) == [], 10)
        page.close()
    assert list((root / "tmp").iterdir()) == []
    assert Workspace(root).size() > 0
