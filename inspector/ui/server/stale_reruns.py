"""Drops reruns of a fragment that a browser requests for a page it has just left.

A fragment is rerun by its timer (``run_every``), by a click, or by a component that sends its value
late. When the user or the server has switched to another page meanwhile, Streamlit would return to
the page before, whose fragment it no longer has, and leave it blank.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

if TYPE_CHECKING:
    from streamlit.proto.ClientState_pb2 import ClientState

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MAX_BYTES = 1 << 16
"""A message that starts a session's run, or requests one of a fragment, is smaller."""


class StaleReruns:
    """ASGI middleware; watches which page each WebSocket shows or has requested."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on everything but stale requests of a WebSocket."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        page = ""

        async def watch(message: Message) -> None:
            nonlocal page
            page = page_shown(message.get("bytes")) or page
            await send(message)

        async def receive_current() -> Message:
            nonlocal page
            while True:
                message = await receive()
                request = rerun_request(message.get("bytes"))
                if request is None or not request.page_script_hash:
                    return message
                if not request.fragment_id:
                    page = request.page_script_hash
                    return message
                if page in ("", request.page_script_hash):
                    return message

        await self._app(scope, receive_current, watch)


def page_shown(data: bytes | None) -> str:
    """The hash of the page that a ForwardMsg tells the browser to show; empty for other messages.

    The first run of a session announces the main script; ``st.navigation`` then names the page.
    """
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    if not data or len(data) > _MAX_BYTES:
        return ""
    try:
        forward = ForwardMsg.FromString(data)
    except DecodeError:
        return ""
    match forward.WhichOneof("type"):
        case "new_session":
            return str(forward.new_session.page_script_hash)
        case "navigation":
            return str(forward.navigation.page_script_hash)
        case _:
            return ""


def rerun_request(data: bytes | None) -> ClientState | None:
    """The state that a BackMsg requests a rerun with; None for any other message."""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    if not data or len(data) > _MAX_BYTES:
        return None
    try:
        back = BackMsg.FromString(data)
    except DecodeError:
        return None  # Streamlit reports it
    return back.rerun_script if back.WhichOneof("type") == "rerun_script" else None
