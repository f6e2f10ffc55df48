"""A fragment's request for a page that is no longer shown does not reach Streamlit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from inspector.ui.server.stale_reruns import StaleReruns
from tests.sending import run_async


def request(page: str, fragment: str = "", timer: bool = False) -> bytes:
    back = BackMsg()
    back.rerun_script.page_script_hash = page
    back.rerun_script.fragment_id = fragment
    back.rerun_script.is_auto_rerun = timer
    return back.SerializeToString()


def started(page: str) -> bytes:
    forward = ForwardMsg()
    forward.new_session.page_script_hash = page
    return forward.SerializeToString()


def navigated(page: str) -> bytes:
    forward = ForwardMsg()
    forward.navigation.page_script_hash = page
    return forward.SerializeToString()


def received(sent_by_server: list[bytes], sent_by_browser: list[bytes]) -> list[bytes]:
    """What the app receives of the browser after it has sent its own messages."""
    arrived: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for data in sent_by_server:
            await send({"type": "websocket.send", "bytes": data})
        while (message := await receive())["type"] == "websocket.receive":
            arrived.append(message["bytes"])

    async def drive() -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for data in sent_by_browser:
            incoming.put_nowait({"type": "websocket.receive", "bytes": data})
        incoming.put_nowait({"type": "websocket.disconnect"})
        delivered: list[Any] = []

        async def send(message: Any) -> None:
            delivered.append(message["bytes"])

        await StaleReruns(app)({"type": "websocket"}, incoming.get, send)
        assert delivered == sent_by_server

    run_async(drive())
    return arrived


@pytest.mark.parametrize("timer", [True, False])
def test_a_fragment_of_the_page_before_is_dropped(timer: bool) -> None:
    stale, current = request("open", "f", timer), request("overview", "g", timer)
    assert received([started("open"), started("overview")], [stale, current]) == [current]


def test_a_fragment_of_the_page_before_is_dropped_while_the_next_one_is_only_requested() -> None:
    link, stale = request("overview"), request("open", "f")
    assert received([started("open")], [link, stale]) == [link]


def test_a_reloaded_page_is_the_one_its_navigation_names() -> None:
    """The first run of a session announces the main script, and Streamlit finds the page later."""
    current, stale = request("open", "f", timer=True), request("app", "f", timer=True)
    assert received([started("app"), navigated("open")], [current, stale]) == [current]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(request("open"), id="a link to another page"),
        pytest.param(request("overview", "f"), id="a click in a fragment"),
        pytest.param(request("overview", "f", timer=True), id="a timer of this page"),
        pytest.param(b"\xff\xff", id="no message"),
    ],
)
def test_every_other_message_arrives(data: bytes) -> None:
    assert received([started("overview"), b"\xff"], [data]) == [data]


def test_before_the_first_page_nothing_is_dropped() -> None:
    stale = request("open", "f", timer=True)
    assert received([], [stale]) == [stale]
