"""Uploads as the browser sends them, to the real endpoint without a server around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from inspector.jobs.client.default_runner import default_runner
from inspector.ui.server import uploads

PIECE = 1 << 16


def body_of(files: Sequence[tuple[str, bytes]], *, folder: bool = False) -> bytes:
    """The body of an upload."""
    listing = {"folder": folder, "files": [[name, len(content)] for name, content in files]}
    return json.dumps(listing).encode() + b"\n" + b"".join(content for _name, content in files)


def post(
    token: str,
    body: bytes,
    *,
    endpoint: uploads.Uploads | None = None,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the answer."""
    endpoint = endpoint or uploads.Uploads(lambda: default_runner().workspace)
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)] or [b""]
    messages = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
        for place, piece in enumerate(pieces)
    ]
    answers: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)

    sent = [(uploads.TOKEN_HEADER.encode(), token.encode()), *headers]
    run_async(endpoint({"type": "http", "method": "POST", "headers": sent}, receive, send))
    return answers[0]["status"], json.loads(answers[1]["body"])


def run_async(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a thread: a driven browser leaves an event loop running in this one."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, coroutine).result()


def send_file(token: str, name: str, content: bytes) -> None:
    """Send one file, which has to be taken in."""
    status, answer = post(token, body_of([(name, content)]))
    assert status == 200, answer
