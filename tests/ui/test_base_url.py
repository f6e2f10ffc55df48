"""The page of every link is told where the server is; all other answers pass unchanged."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from inspector.ui.server import serve
from inspector.ui.server.base_url import SCRIPT, BaseUrl
from tests.sending import run_async

PAGE = b'<html><head><script type="module" src="./static/js/index.js"></script></head></html>'
BROWSER = [(b"accept", b"text/html,*/*"), (b"accept-encoding", b"gzip")]


def answer(
    parts: list[bytes], kind: bytes, status: int = 200, headers: Any = BROWSER
) -> tuple[dict[str, Any], bytes, Any]:
    """What a browser gets for what the app answers, and the headers that the app got."""
    seen: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])
        size = str(sum(map(len, parts))).encode()
        fields = [(b"content-type", kind), (b"content-length", size)]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/graph", "headers": list(headers)}
    run_async(BaseUrl(app)(scope, None, send))  # type: ignore[arg-type]
    return sent[0], b"".join(part["body"] for part in sent[1:]), seen


@pytest.mark.parametrize("parts", [[PAGE], [PAGE[:20], PAGE[20:], b""]])
def test_the_page_starts_with_the_address_of_the_server(parts: list[bytes]) -> None:
    start, body, seen = answer(parts, b"text/html; charset=utf-8")
    assert body == PAGE.replace(b"<script type", b"<script>" + SCRIPT + b"</script><script type")
    assert dict(start["headers"])[b"content-length"] == str(len(body)).encode()
    assert b"accept-encoding" not in dict(seen)  # a compressed page could not be changed


@pytest.mark.parametrize(
    ("kind", "status", "headers"),
    [
        (b"application/javascript", 200, BROWSER),
        (b"text/html", 404, BROWSER),
        (b"text/html", 200, [(b"accept", b"*/*")]),
    ],
)
def test_other_answers_are_left_alone(kind: bytes, status: int, headers: Any) -> None:
    _, body, _ = answer([PAGE], kind, status, headers)
    assert body == PAGE


def test_an_answer_without_a_body_stays_without_one() -> None:
    start, body, _ = answer([b""], b"text/html")
    assert (body, dict(start["headers"]).get(b"content-length")) == (b"", None)


def test_the_security_policy_allows_the_script() -> None:
    digest = base64.b64encode(hashlib.sha256(SCRIPT).digest()).decode()
    assert f"sha256-{digest}" in serve._script_hashes()
