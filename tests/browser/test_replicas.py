"""Two processes of the app behind nginx, with the configuration of docs/serving.md."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from benchmarks.support.serving import fetch, unused_port
from tests.conftest import ROOT

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]
CONFIGURATION = re.compile(r"```nginx\n(upstream .*?)^```$", re.MULTILINE | re.DOTALL)


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.05)


def answers(address: str) -> bool:
    try:
        return fetch(f"{address}/_stcore/health") == "ok"
    except OSError:
        return False


@contextmanager
def process(*command: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGINT)
        started.wait(20)


def configuration(folder: Path, port: int, replicas: list[int]) -> Path:
    """The block of the docs with other ports, and without TLS."""
    match = CONFIGURATION.search((ROOT / "docs/serving.md").read_text(encoding="utf-8"))
    assert match is not None
    text = match[1].replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    text = text.replace("inspector.example.org", "localhost").replace(
        "Host $host", f"Host $host:{port}"
    )
    for default, replica in zip(("8501", "8502"), replicas, strict=True):
        text = text.replace(f"127.0.0.1:{default}", f"127.0.0.1:{replica}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off;\n{places}{text}}}\n"
    )
    return whole


def replica_of(context: BrowserContext) -> str:
    return next(it["value"] for it in context.cookies() if it["name"] == "inspector_replica")


def test_browsers_stay_with_their_process_and_survive_its_end(
    tmp_path: Path, chromium: Browser
) -> None:
    port, *replicas = unused_port(), unused_port(), unused_port()
    address = f"http://localhost:{port}"
    environ = {
        "INSPECTOR_PUBLIC_URLS": address,
        "INSPECTOR_WORKSPACE": str(tmp_path / "workspace"),
    }
    assert NGINX is not None
    with ExitStack() as stack:
        apps = {
            name: stack.enter_context(
                process(
                    *(sys.executable, "-m", "inspector", "app", "--no-browser"),
                    *("--port", str(replica)),
                    **environ,
                )
            )
            for name, replica in zip("ab", replicas, strict=True)
        }
        until(lambda: all(answers(f"http://127.0.0.1:{replica}") for replica in replicas))
        conf = str(configuration(tmp_path, port, replicas))
        stack.enter_context(process(NGINX, "-p", str(tmp_path), "-c", conf))
        until(lambda: answers(address))
        contexts: dict[str, BrowserContext] = {}
        for _attempt in range(40):
            context = chromium.new_context()
            context.request.get(address)
            if contexts.setdefault(replica_of(context), context) is not context:
                context.close()
            if len(contexts) == 2:
                break
        assert set(contexts) == set("ab")
        pages = {name: context.new_page() for name, context in contexts.items()}
        for page in pages.values():
            page.goto(address)
            page.locator(".st-key-sample_iris button").click()
            expect(page.get_by_text("SavedModel").first).to_be_visible(timeout=60_000)
        # One workspace: the second process has found what the first has stored.
        assert len(list((tmp_path / "workspace" / "models").iterdir())) == 1
        page = pages["a"]
        until(lambda: "model=" in page.url or "?" in page.url)
        link = page.url
        os.killpg(apps["a"].pid, signal.SIGKILL)
        apps["a"].wait(10)
        page.goto(link)
        expect(page.get_by_text("SavedModel").first).to_be_visible(timeout=60_000)
        assert replica_of(contexts["a"]) == "a"  # it goes back when the process is there again
        for context in contexts.values():
            context.close()
