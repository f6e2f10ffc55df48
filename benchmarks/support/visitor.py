"""A person at the app, as a WebSocket client that speaks Streamlit's protocol as a browser does."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

_FINISHED = (
    ForwardMsg.FINISHED_SUCCESSFULLY,
    ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
)
PATIENCE_S = 300.0


@dataclass
class Shown:
    """What the page shows now, as far as a visitor needs it.

    Attributes:
        buttons: Label to widget id and fragment id; the last one of a label.
        components: Name of a custom component to widget id and fragment id.
        texts: All headings, markdown and alerts since the page was last run.
    """

    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)
    components: dict[str, tuple[str, str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class Visitor:
    """One session. Use as an async context manager.

    Args:
        address: Of the app, ``http://host:port``.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._pages: dict[str, str] = {}
        self.query = ""
        self.page = ""
        self._again: dict[str, float] = {}
        """Fragment id to the seconds after which the page asks to run it again."""
        self.shown = Shown()
        self.bytes = 0
        self.shown_s = 0.0
        """Seconds from the last action until the page was first shown, its jobs still under way."""

    async def __aenter__(self) -> Visitor:
        url = urlsplit(self._address)
        self._socket = await websockets.connect(
            f"ws://{url.netloc}/_stcore/stream",
            origin=self._address,
            subprotocols=["streamlit"],
            max_size=None,
            open_timeout=PATIENCE_S,
            ping_interval=None,
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        with suppress(websockets.ConnectionClosed):
            await self._socket.close()

    async def go(self, page: str, query: str | None = None) -> float:
        """Go to a page by its path. Gives the seconds until it is complete, its jobs included."""
        start = time.perf_counter()
        self.page = page
        if query is not None:
            self.query = query
        self.shown = Shown()
        await self._rerun("", ())
        await self._settle()
        return time.perf_counter() - start

    async def press(self, label: str) -> float:
        """Press a button. Gives the seconds until the page is complete, its jobs included."""
        widget, fragment = self.shown.buttons[label]
        return await self._change(WidgetState(id=widget, trigger_value=True), fragment)

    async def send(self, component: str, value: str) -> float:
        """Send a component's state as JSON. Gives the seconds until the page is complete."""
        widget, fragment = self.shown.components[component]
        return await self._change(WidgetState(id=widget, json_value=value), fragment)

    async def _change(self, state: WidgetState, fragment: str) -> float:
        start = time.perf_counter()
        await self._rerun(fragment, (state,))
        await self._settle()
        return time.perf_counter() - start

    async def _rerun(
        self, fragment: str, states: tuple[WidgetState, ...], *, is_auto: bool = False
    ) -> None:
        digest = self._pages.get(self.page, "")
        message = BackMsg(
            rerun_script=ClientState(
                query_string=self.query,
                page_script_hash=digest,
                page_name="" if digest else self.page,
                fragment_id=fragment,
                is_auto_rerun=is_auto,
                widget_states=WidgetStates(widgets=states),
            )
        )
        await self._socket.send(message.SerializeToString())

    async def _settle(self) -> None:
        """Receive until a run has ended and nothing asks to be run again."""
        start = time.perf_counter()
        end = start + PATIENCE_S
        finished = was_shown = False
        while time.perf_counter() < end:
            if finished and not was_shown:
                was_shown, self.shown_s = True, time.perf_counter() - start
            if finished and not self._again:
                return
            due = min(self._again.values(), default=None) if finished else None
            try:
                data = await asyncio.wait_for(self._socket.recv(), due or PATIENCE_S)
            except TimeoutError:
                if due is None:
                    break
                for fragment in self._again:
                    await self._rerun(fragment, (), is_auto=True)
                finished = False
                continue
            self.bytes += len(data)
            finished = self._receive(ForwardMsg.FromString(data)) or (
                finished and self._last not in ("new_session", "delta")
            )
        raise TimeoutError(f"the page '{self.page}' was not complete within {PATIENCE_S:.0f} s")

    def _receive(self, message: ForwardMsg) -> bool:
        """Take in a message; True where it ends a run."""
        self._last = kind = message.WhichOneof("type")
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            self._again.clear()
            self.shown = Shown()
        elif kind == "navigation":
            self._pages = {
                page.url_pathname: page.page_script_hash for page in message.navigation.app_pages
            }
            self.page = next(
                (
                    name
                    for name, digest in self._pages.items()
                    if digest == message.navigation.page_script_hash
                ),
                self.page,
            )
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._again[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._again.pop(fragment, None)
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message)
        return kind == "script_finished" and message.script_finished in _FINISHED

    def _element(self, message: ForwardMsg) -> None:
        element, fragment = message.delta.new_element, message.delta.fragment_id
        kind = element.WhichOneof("type")
        if kind == "button":
            self.shown.buttons[element.button.label] = (element.button.id, fragment)
        elif kind == "bidi_component":
            name = element.bidi_component.component_name
            self.shown.components[name] = (element.bidi_component.id, fragment)
        elif kind in ("markdown", "heading", "alert"):
            self.shown.texts.append(getattr(element, kind).body)
