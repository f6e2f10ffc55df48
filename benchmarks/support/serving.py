"""Servers in processes of their own: the app as a user starts it, and one page of Streamlit."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
_STREAMLIT = [
    "--server.headless=true",
    "--server.address=127.0.0.1",
    "--server.fileWatcherType=none",
    "--browser.gatherUsageStats=false",
    "--runner.postScriptGC=false",
]


def unused_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    output: list[str] | None = None,
) -> Iterator[str]:
    """Run the app and give the address that it prints; Ctrl-C stops it afterwards.

    Args:
        output: Gains every line that the app prints.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    output = [] if output is None else output
    reader = threading.Thread(target=output.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield _address(process, output)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        finally:
            # Its process group holds whatever it started and did not end.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join(5)
            process.stdout.close()


def _address(process: subprocess.Popen[str], output: list[str]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        match = re.search(r"Inspector is at (http://\S+)", "".join(output))
        if match:
            return match[1]
        assert process.poll() is None, f"the app ended with {process.poll()}:\n{''.join(output)}"
        time.sleep(0.05)
    raise AssertionError(f"no address within {START_SECONDS} s:\n{''.join(output)}")


@contextmanager
def streamlit_page(script: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A Streamlit server on a free port, stopped at the end; gives its address."""
    port = unused_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), *_STREAMLIT]
    process = subprocess.Popen(
        [*command, f"--server.port={port}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, "the server ended by itself"
            assert time.monotonic() < deadline, "the server did not answer"
            with suppress(OSError), urlopen(f"{address}/_stcore/health"):
                break
            time.sleep(0.1)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def fetch(url: str) -> str:
    """The body of an answer."""
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
