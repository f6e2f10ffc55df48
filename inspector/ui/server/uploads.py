"""Uploads of models: streamed to the workspace as they arrive, never held in memory.

A page creates an `Inbox` for its session and gives the token to the browser, which posts one model
per request to `PATH`. The body is a line of JSON,
``{"folder": false, "files": [[name, bytes], ...]}``, followed by the contents of the files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from inspector import settings
from inspector.errors import InspectorError, LimitExceeded
from inspector.jobs.store.entries import Lease
from inspector.jobs.store.workspace import Incoming, IncomingFile, ModelKey, Workspace
from inspector.ui.server.web_guard import Message, Receive, Scope, Send

PATH = "/uploads"
TOKEN_HEADER = "x-upload-token"

MAX_RUNNING = 8
"""Most uploads at the same time, of all sessions together."""
STALL_S = 30.0
"""Seconds without a byte after which an upload is aborted."""
MIN_RATE = 64 << 10
"""Least bytes per second of a whole upload, after `STALL_S`."""
MAX_LISTING = 4 << 20
"""Most bytes of the first line."""
TURN_S = 3.0
"""Seconds that an upload waits until the session's last one, which was cancelled, has ended."""
DRAIN_S = 5.0
"""Seconds for which the rest of a refused body is read, as browsers read the answer after it."""
_WRITE = 1 << 20


class Inbox:
    """The uploads of one session; it and its token vanish with the session.

    Attributes:
        model: The model that arrived last, until it is taken or removed.
        lease: Protects the model in the workspace until the page opens it.
    """

    def __init__(self) -> None:
        self.token: str = secrets.token_urlsafe(32)
        self.model: ModelKey | None = None
        self.lease: Lease | None = None
        self.is_receiving = False
        _inboxes[self.token] = self


# Only the sessions hold strong references.
_inboxes: weakref.WeakValueDictionary[str, Inbox] = weakref.WeakValueDictionary()


class UploadError(Exception):
    """A refused upload: the HTTP status and a sentence for the user."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True)
class Listing:
    """The files that the first line of an upload announces."""

    name: str
    """The model's name."""
    files: Sequence[tuple[str, int]]
    """Relative path and bytes of each file."""

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(size for _name, size in self.files)


def parse_listing(line: bytes) -> Listing:
    """Parse the first line of an upload.

    Raises: UploadError for a malformed line; LimitExceeded for too many files; UnsupportedModel for
        an impossible name.
    """
    try:
        announced = json.loads(line)
        files = [(name, size) for name, size in announced["files"]]
        is_folder = announced["folder"]
    except (ValueError, TypeError, KeyError, RecursionError) as err:
        raise UploadError(400, "The upload does not begin with a list of its files.") from err
    if not files or not all(
        isinstance(name, str) and type(size) is int and 0 <= size < 1 << 50 for name, size in files
    ):
        raise UploadError(400, "The upload does not begin with a list of its files.")
    if len(files) > settings.FILES():
        raise LimitExceeded("upload", "files", f"more than {settings.FILES():,}")
    if not is_folder:
        if len(files) > 1:
            raise UploadError(400, "Several files make a folder: send them as one.")
        name = PurePosixPath(files[0][0].replace("\\", "/")).name
        return Listing(name, [(name, files[0][1])])
    parts = [name.replace("\\", "/").partition("/") for name, _size in files]
    is_shared = len({part[0] for part in parts}) == 1 and all(part[2] for part in parts)
    names = [part[2] if is_shared else "".join(part) for part in parts]
    title = parts[0][0] if is_shared else "uploaded_model"
    return Listing(title, [(name, file[1]) for name, file in zip(names, files, strict=True)])


class Uploads:
    """The ASGI endpoint that receives uploads.

    Args:
        workspace: Returns the workspace to write to.
        stall_s: See `STALL_S`.
    """

    def __init__(self, workspace: Callable[[], Workspace], stall_s: float = STALL_S) -> None:
        self._workspace = workspace
        self._stall_s = stall_s
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with JSON: ``name`` and ``bytes`` of the model, or ``error``."""
        body = _Body(receive, self._stall_s)
        try:
            key = await self._take(scope, body)
        except _Disconnected:
            return
        except UploadError as err:
            await _answer(send, err.status, {"error": err.sentence})
        except InspectorError as err:
            with contextlib.suppress(UploadError, _Disconnected, TimeoutError):
                await asyncio.wait_for(body.drain(), DRAIN_S)
            status = 413 if isinstance(err, LimitExceeded) else 422
            await _answer(send, status, {"error": str(err)})
        else:
            await _answer(send, 200, {"name": key.name, "bytes": key.bytes})

    async def _take(self, scope: Scope, body: _Body) -> ModelKey:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] != "POST":
            raise UploadError(405, "Uploads are posted.")
        inbox = _find_inbox(headers.get(TOKEN_HEADER.encode(), ""))
        announced = headers.get(b"content-length", "")
        limit = settings.UPLOAD_SIZE()
        if announced.isdecimal() and int(announced) > limit + MAX_LISTING:
            raise UploadError(413, _too_large(limit))
        await _wait_for_turn(inbox)
        if self._running >= MAX_RUNNING:
            raise UploadError(503, "Many uploads are arriving now: try again in a minute.")
        inbox.is_receiving = True
        self._running += 1
        try:
            model = await self._receive(body, limit)
            inbox.lease = await asyncio.to_thread(self._workspace().lease, model.path)
            inbox.model = model
        finally:
            inbox.is_receiving = False
            self._running -= 1
        return model

    async def _receive(self, body: _Body, limit: int) -> ModelKey:
        listing = parse_listing(await body.line())
        if listing.bytes > limit:
            raise UploadError(413, _too_large(limit))
        body.deadline = time.monotonic() + self._stall_s + listing.bytes / MIN_RATE
        receiving = self._workspace().receive(listing.name, limit)
        # Disks may be slow: writes run in threads, so that they do not block the event loop.
        incoming = await asyncio.to_thread(receiving.__enter__)
        try:
            # It creates the empty files at the top of the list, which may be thousands.
            writer = await asyncio.to_thread(_Writer, incoming, iter(listing.files))
            async for piece in body.pieces():
                await asyncio.to_thread(writer.write, piece)
            await asyncio.to_thread(writer.end)
            return await asyncio.to_thread(incoming.finish)
        finally:
            await asyncio.to_thread(receiving.__exit__, None, None, None)


class _Disconnected(Exception):
    """The browser closed the connection."""


class _Body:
    """The body of a request, read in pieces."""

    def __init__(self, receive: Receive, stall_s: float) -> None:
        self._receive = receive
        self._stall_s = stall_s
        self._rest = b""
        self._has_more = True
        self.deadline = time.monotonic() + 2 * stall_s

    async def line(self) -> bytes:
        """The first line. Raises: UploadError if it is too long or missing."""
        head = bytearray()
        while b"\n" not in head:
            if len(head) > MAX_LISTING or not self._has_more:
                raise UploadError(400, "The upload does not begin with a list of its files.")
            head += await self._next()
        first, _newline, self._rest = bytes(head).partition(b"\n")
        return first

    async def pieces(self) -> AsyncIterator[bytes]:
        """The rest, about a MiB at a time."""
        piece = bytearray(self._rest)
        self._rest = b""
        while self._has_more:
            piece += await self._next()
            if len(piece) >= _WRITE:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)

    async def drain(self) -> None:
        """Read and discard the rest."""
        while self._has_more:
            await self._next()

    async def _next(self) -> bytes:
        patience = min(self._stall_s, self.deadline - time.monotonic())
        try:
            message: Message = await asyncio.wait_for(self._receive(), max(0.0, patience))
        except TimeoutError:
            raise UploadError(408, "The upload came too slowly and was given up.") from None
        if message["type"] != "http.request":
            raise _Disconnected
        self._has_more = bool(message.get("more_body"))
        data: bytes = message.get("body", b"")
        return data


class _Writer:
    """Splits the body into the announced files."""

    def __init__(self, incoming: Incoming, files: Iterator[tuple[str, int]]) -> None:
        self._incoming = incoming
        self._files = files
        self._file: IncomingFile | None = None
        self._missing = 0
        self._start_next()

    def write(self, data: bytes) -> None:
        """Write the next bytes. Raises: UploadError for more bytes than announced."""
        at = 0
        while at < len(data):
            if self._file is None:
                raise UploadError(400, "The upload is longer than its list of files.")
            part = data[at : at + self._missing]
            self._file.write(part)
            at += len(part)
            self._missing -= len(part)
            self._start_next()

    def end(self) -> None:
        """Check that all files are complete. Raises: UploadError."""
        if self._file is not None:
            raise UploadError(400, "The upload is shorter than its list of files.")

    def _start_next(self) -> None:
        """Open the next file once the last is complete, and create empty ones on the way."""
        while not self._missing:
            if self._file is not None:
                self._file.close()
                self._file = None
            following = next(self._files, None)
            if following is None:
                return
            name, self._missing = following
            self._file = self._incoming.file(name)


def _find_inbox(token: str) -> Inbox:
    """The inbox of a token. Raises: UploadError."""
    inbox = _inboxes.get(token)
    if inbox is None:
        raise UploadError(403, "This page is no longer connected to the server. Reload it.")
    return inbox


async def _wait_for_turn(inbox: Inbox) -> None:
    end = time.monotonic() + TURN_S
    while inbox.is_receiving:
        if time.monotonic() > end:
            raise UploadError(409, "Another upload of this page is still running.")
        await asyncio.sleep(0.05)


def _too_large(limit: int) -> str:
    size = f"{limit >> 20:,} MiB" if limit >= 1 << 20 else f"{limit:,} bytes"
    return f"The model is larger than {size}, which is what may be sent: open it by its path."


async def _answer(send: Send, status: int, value: dict[str, Any]) -> None:
    body = json.dumps(value).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
