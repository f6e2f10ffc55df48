"""The picture of a Graph page before Streamlit has loaded: two routes, and the tag in its HTML.

The page's HTML names a script, which is the canvas, and the token of the opening that began with
the request (`early_openings`). The script draws the opening's picture where the page will have its
canvas; when that one is mounted it takes the early one over, with all that was done on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from inspector import locations
from inspector.ui.server import early_openings
from inspector.ui.server.web_guard import Message, Receive, Scope, Send
from inspector.view.canvas import web_module

PATH = "/early"
GRAPH = "/graph"
WAIT_S = 60.0
"""Longest that a picture is waited for."""
_COLOURS = {"text": "textColor", "background": "backgroundColor", "primary": "primaryColor"}
_MAX_FIELDS = 500


class EarlyPictures:
    """ASGI application of `PATH`: the script and the pictures. It opens no model by itself."""

    def __init__(self) -> None:
        self._script: bytes = script()
        digest = hashlib.sha256(self._script).hexdigest()[:16]
        self.script_path: str = f"{PATH}/canvas-{digest}.js"
        self._pages: frozenset[str] = frozenset(
            {"/", *(f"/{file.stem}" for file in (locations.app_root() / "pages").glob("*.py"))}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == self.script_path:
            forever = b"public, max-age=31536000, immutable"
            await _respond(send, 200, b"text/javascript; charset=utf-8", self._script, forever)
            return
        opening = early_openings.find(scope["path"].removeprefix(f"{PATH}/"))
        picture = None
        if opening is not None:
            try:
                ready = asyncio.shield(asyncio.wrap_future(opening.picture))
                picture = await asyncio.wait_for(ready, WAIT_S)
            except TimeoutError:
                pass
        if picture is None:
            await _respond(send, 204, b"application/json", b"", b"no-store")
        else:
            await _respond(send, 200, b"application/json", picture, b"no-store")

    def tag(self, scope: Scope) -> bytes:
        """HTML for a page that is asked for; begins to open the model that its address names."""
        if scope["path"] not in self._pages or not _is_visit(scope):
            return b""
        query = scope.get("query_string", b"").decode("latin-1")
        try:
            params = parse_qs(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        except ValueError:
            return b""
        if not params and scope["path"] == "/" and locations.start_model() is not None:
            params = {"start": ["1"]}
        is_graph = scope["path"] == GRAPH
        opening = early_openings.begin(params, with_picture=is_graph)
        if opening is None or not is_graph:
            return b""
        return (
            f'<script type="module" async id="early-canvas" src="{self.script_path}" '
            f'data-picture="{PATH}/{opening.token}"></script>'
        ).encode()


def script() -> bytes:
    """The canvas as one module that shows a picture by itself."""
    canvas = web_module.script().replace("export default function (", "function mountCanvas(", 1)
    early = Path(__file__).with_name("early_canvas.js").read_text(encoding="utf-8")
    arguments = ", ".join(map(json.dumps, (web_module.style(), web_module.html(), _themes())))
    return f"{canvas}\n{early}\nawait showEarly(mountCanvas, {arguments});\n".encode()


def _themes() -> dict[str, dict[str, Any]]:
    """The colours of the canvas in Streamlit's themes, as its style sheet names them."""
    file = locations.app_root() / ".streamlit" / "config.toml"
    themes = tomllib.loads(file.read_text(encoding="utf-8"))["theme"]
    return {
        name: {f"--st-{ours}-color": themes[name][theirs] for ours, theirs in _COLOURS.items()}
        for name in ("light", "dark")
    }


def _is_visit(scope: Scope) -> bool:
    """Whether somebody goes to the page, and no browser loads it in case somebody might."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    mode = headers.get(b"sec-fetch-mode", b"navigate")  # plain HTTP has no such headers
    is_visit: bool = scope["method"] == "GET" and mode == b"navigate"
    return is_visit and b"sec-purpose" not in headers and b"purpose" not in headers


async def _respond(send: Send, status: int, kind: bytes, body: bytes, cache: bytes) -> None:
    headers = [(b"content-type", kind), (b"cache-control", cache)]
    if status == 200:
        headers.append((b"content-length", str(len(body)).encode()))
    start: Message = {"type": "http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})
