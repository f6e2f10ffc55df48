"""Start the app as a user does, in a process of its own, and talk to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

START_SECONDS = 60


def unused_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The address that the app says it is at; the app is stopped with Ctrl-C afterwards."""
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
    said: list[str] = []
    reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield _address(process, said)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        finally:
            # Whatever it started and did not end is in its process group, which has its number.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join(5)
            process.stdout.close()


def _address(process: subprocess.Popen[str], said: list[str]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"Inspector is at (http://\S+)", "".join(said))
        if found:
            return found[1]
        assert process.poll() is None, f"the app ended with {process.poll()}:\n{''.join(said)}"
        time.sleep(0.05)
    raise AssertionError(f"no address within {START_SECONDS} s:\n{''.join(said)}")


def fetch(url: str) -> str:
    """What the server answers."""
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
