"""Messages between a worker and the runner: a letter, a length, and that many bytes.

JSON and raw bytes only. Nothing that a worker sends is ever unpickled: a model that takes over its
worker must not take over the server.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JOB, VALUE, ERROR, PROGRESS, AHEAD, BLOB = b"J", b"V", b"E", b"P", b"A", b"B"
"""What to do; its value; its error; how far it is; blobs of the answer that come before its value;
one blob, announced by one of these."""

_HEAD = struct.Struct(">cQ")
_CHUNK = 1 << 20
_SMALL = 64 << 10
MOST_MESSAGES = 100_000
"""Of one job, however short each is: to take them in costs the runner time."""


class WireError(Exception):
    """The other side sent what the protocol does not allow; the text is safe to show."""


@dataclass(frozen=True)
class Frame:
    """One message as it came."""

    letter: bytes
    body: bytes


def frame(letter: bytes, body: bytes) -> list[bytes]:
    """The message as buffers to send one after the other, without copying the body."""
    return [_HEAD.pack(letter, len(body)), body]


def message(letter: bytes, value: Any) -> list[bytes]:
    """A JSON message."""
    return frame(letter, json.dumps(value, separators=(",", ":")).encode())


def with_blobs(letter: bytes, value: dict[str, Any], blobs: Mapping[str, bytes]) -> list[bytes]:
    """A JSON message that announces blobs, and the blobs behind it."""
    announced = [[name, len(blob)] for name, blob in blobs.items()]
    buffers = message(letter, {**value, "blobs": announced})
    for blob in blobs.values():
        buffers += frame(BLOB, blob)
    return buffers


def parse(body: bytes) -> dict[str, Any]:
    """A JSON object from the other side, which may send anything."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise WireError("the answer is not JSON") from err
    if not isinstance(value, dict):
        raise WireError("the answer is not a JSON object")
    return value


def announced_blobs(value: dict[str, Any]) -> list[tuple[str, int]]:
    """Take the list of blobs out of a JSON message."""
    listed = value.pop("blobs", [])
    if not isinstance(listed, list):
        raise WireError("the list of blobs is not a list")
    names: list[tuple[str, int]] = []
    for entry in listed:
        match entry:
            case [str(name), int(size)] if size >= 0:
                names.append((name, size))
            case _:
                raise WireError("the list of blobs is malformed")
    if len(dict(names)) != len(names):
        raise WireError("two blobs have the same name")
    return names


class Reader:
    """Puts messages together from whatever bytes have arrived; never waits for more."""

    def __init__(self, *, json_bytes: int, total_bytes: int) -> None:
        self._json_bytes = json_bytes
        self._bytes_left = total_bytes
        self._begun = 0
        self._head = bytearray()
        self._body = bytearray()
        self._letter = b""
        self._missing = 0
        self.received: int = 0
        """Bytes so far."""

    @property
    def midway(self) -> bool:
        """Part of a message has arrived."""
        return bool(self._head)

    def feed(self, data: bytes) -> list[Frame]:
        """Take in bytes; the messages that are complete now."""
        frames: list[Frame] = []
        self.received += len(data)
        view = memoryview(data)
        while view:
            if len(self._head) < _HEAD.size:
                need = _HEAD.size - len(self._head)
                self._head += view[:need]
                view = view[need:]
                if len(self._head) < _HEAD.size:
                    break
                self._begin()
            taken = view[: self._missing]
            self._body += taken
            self._missing -= len(taken)
            view = view[len(taken) :]
            if not self._missing:
                frames.append(Frame(self._letter, bytes(self._body)))
                self._head, self._body = bytearray(), bytearray()
        return frames

    def _begin(self) -> None:
        self._letter, self._missing = _HEAD.unpack(self._head)
        caps = {VALUE: self._json_bytes, JOB: self._json_bytes, BLOB: self._bytes_left}
        caps |= {ERROR: _SMALL, PROGRESS: _SMALL, AHEAD: _SMALL}
        if self._letter not in caps:
            raise WireError("the answer holds an unknown message")
        self._bytes_left -= self._missing
        self._begun += 1
        is_flood = self._begun > MOST_MESSAGES
        if is_flood or self._missing > caps[self._letter] or self._bytes_left < 0:
            raise WireError("the answer is larger than its limit")


class Channel:
    """The worker's end of the line: it may wait, as the runner keeps the time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader = Reader(json_bytes=1 << 40, total_bytes=1 << 40)
        self._frames: list[Frame] = []

    def receive(self) -> Frame:
        """The next message; EOFError when the runner has gone."""
        while not self._frames:
            data = self._sock.recv(_CHUNK)
            if not data:
                raise EOFError
            self._frames = self._reader.feed(data)
        return self._frames.pop(0)

    def send(self, buffers: list[bytes]) -> None:
        """Send all of it."""
        for buffer in buffers:
            self._sock.sendall(buffer)
