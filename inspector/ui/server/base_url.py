"""Tells Streamlit's page that the server is at the root, on the link of every page.

Opened at ``/graph`` the page does not know whether the app is at ``/`` or at ``/graph/``, and asks
for ``/graph/_stcore/health`` first: two errors 404 in the console of each link. A setting that the
page reads before it starts says where the server is; the app is always at the root of an address
(`INSPECTOR_PUBLIC_URLS` has no path).
"""

from __future__ import annotations

from collections.abc import Callable

from inspector.ui.server.web_guard import App, Message, Receive, Scope, Send

SCRIPT = b"window.__streamlit={BACKEND_BASE_URL:location.origin}"
"""The content security policy has its hash."""
_BEFORE = b'<script type="module"'


class BaseUrl:
    """ASGI middleware that puts `SCRIPT` into the page.

    Args:
        tag: Further HTML for the page that a request is for.
    """

    def __init__(self, app: App, tag: Callable[[Scope], bytes] = lambda _scope: b"") -> None:
        self._app = app
        self._tag = tag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = list(scope.get("headers", ()))
        is_page = scope["type"] == "http" and any(
            name == b"accept" and b"text/html" in value for name, value in headers
        )
        if not is_page:
            await self._app(scope, receive, send)
            return
        plain = [item for item in headers if item[0] != b"accept-encoding"]
        await self._app({**scope, "headers": plain}, receive, _Page(send, self._tag(scope)))


class _Page:
    """Sends an answer on; an HTML page once it is whole, with the script and a tag in it."""

    def __init__(self, send: Send, tag: bytes) -> None:
        self._send = send
        self._tag = tag
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        added = b"<script>" + SCRIPT + b"</script>" + self._tag
        body = self._body.replace(_BEFORE, added + _BEFORE, 1)
        headers = [item for item in self._start["headers"] if item[0].lower() != b"content-length"]
        if self._body:  # not the answer to HEAD
            headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({**message, "body": body})


def _is_html(start: Message) -> bool:
    return start.get("status") == 200 and any(
        name.lower() == b"content-type" and value.startswith(b"text/html")
        for name, value in start.get("headers", ())
    )
