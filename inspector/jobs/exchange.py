"""Exchanges messages with one worker without blocking: sends the order, receives the answer.

The worker may be in the hands of a hostile model. It may send nothing, half a message, far too
much, or nonsense; every one of these ends the conversation with an error that says so.
"""

from __future__ import annotations

import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inspector.errors import (
    InspectorError,
    JobFailed,
    JobTimeout,
    WorkerDied,
    WorkerUnavailable,
    from_dict,
)
from inspector.jobs import protocol, watching
from inspector.jobs.requests import GIB, MIB, Limits
from inspector.text import printable

_CHUNK = 1 << 20
_LOG_TAIL = 16 << 10
_LAST_CHUNKS = 16
_PROGRESS_BYTES = 64 * MIB
_CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGTRAP")

Progress = tuple[float | None, str]


@dataclass(frozen=True)
class Answer:
    """What a worker handed back."""

    value: dict[str, Any]
    blobs: dict[str, bytes]


@dataclass(frozen=True)
class Ears:
    """What is called while a worker runs.

    Attributes:
        progress: With each report.
        ahead: With the blobs that the worker hands back before the rest of its answer.
        watch: Now and then; what it raises ends the conversation.
    """

    progress: Callable[[Progress], None]
    ahead: Callable[[dict[str, bytes]], None]
    watch: Callable[[], None]


class Exchange:
    """The runner's side of one job.

    Args:
        kind: The kind of job, for messages.
        line: Socket to the worker; made non-blocking.
        log: Socket end that carries the worker's standard error.
        wake: Gets a byte when the worker has ended.
        order: The buffers to send.
        limits: Time and sizes.
        ears: Who is told what happens meanwhile.
    """

    def __init__(
        self,
        kind: str,
        line: socket.socket,
        log: socket.socket,
        wake: socket.socket,
        order: list[bytes],
        limits: Limits,
        ears: Ears,
    ) -> None:
        self._kind, self._limits, self._ears = kind, limits, ears
        self._line, self._log, self._wake = line, log, wake
        self._outgoing = deque(memoryview(buffer) for buffer in order if buffer)
        self._reader = protocol.Reader(
            json_bytes=limits.value_bytes, total_bytes=limits.result_bytes + _PROGRESS_BYTES
        )
        self._value: dict[str, Any] | None = None
        self._expected: deque[tuple[str, int]] = deque()
        self._blobs: dict[str, bytes] = {}
        self._answer: Answer | InspectorError | None = None
        self._stderr_tail = bytearray()

    @property
    def log_tail(self) -> str:
        """The end of what the worker wrote to standard error. For the operator, never for users."""
        return self._stderr_tail.decode(errors="replace")

    def converse(self) -> Answer | None:
        """Exchange messages until the answer is there, or the worker has gone without one (None).

        Raises: what the worker reports; JobTimeout; JobFailed for an answer that breaks the rules.
        """
        try:
            self._loop()
        except protocol.WireError as err:
            raise JobFailed(self._kind, "worker", str(err)) from None
        finally:
            self._finish_log()
        if isinstance(self._answer, InspectorError):
            raise self._answer
        return self._answer

    def _loop(self) -> None:
        deadline = time.monotonic() + self._limits.wall_s
        heard = looked = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for sock in (self._line, self._log, self._wake):
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ)
            selector.modify(self._line, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while self._answer is None:
                until = min(deadline, heard + self._limits.stall_s) if self._midway else deadline
                until = min(until, looked + watching.LOOK_S)
                events = selector.select(max(0.0, until - time.monotonic()))
                self._check_time(deadline, heard)
                if time.monotonic() >= looked + watching.LOOK_S:
                    self._ears.watch()
                    looked = time.monotonic()
                for key, mask in events:
                    if key.fileobj is self._line:
                        if mask & selectors.EVENT_WRITE and not self._send():
                            selector.modify(self._line, selectors.EVENT_READ)
                        if mask & selectors.EVENT_READ:
                            heard = time.monotonic()
                            if not self._receive():
                                return
                    elif key.fileobj is self._log:
                        if not self._read_log():
                            selector.unregister(self._log)
                    else:
                        self._drain()
                        return

    @property
    def _midway(self) -> bool:
        return self._reader.midway or bool(self._expected)

    def _check_time(self, deadline: float, heard: float) -> None:
        now = time.monotonic()
        if now >= deadline:
            seconds = f"{self._limits.wall_s:g}"
            raise JobTimeout(self._kind, "job", f"took longer than its {seconds} s and was stopped")
        if self._midway and now >= heard + self._limits.stall_s:
            raise JobFailed(self._kind, "worker", "stopped in the middle of its answer")

    def _send(self) -> bool:
        """Send what fits; False when there is nothing left."""
        try:
            while self._outgoing:
                sent = self._line.send(self._outgoing[0])
                self._outgoing[0] = self._outgoing[0][sent:]
                if not self._outgoing[0]:
                    self._outgoing.popleft()
        except BlockingIOError:
            return True
        except OSError:
            self._outgoing.clear()  # it has gone; reading will tell
        return False

    def _receive(self) -> bool:
        """Take in one chunk; False at the end of the line."""
        data = _chunk(self._line)
        for message in self._reader.feed(data or b""):
            self._take(message)
        return data != b""

    def _drain(self) -> None:
        """After the worker has ended, receive what is left in the socket."""
        before = -1
        while self._answer is None and self._reader.received > before:
            before = self._reader.received
            if not self._receive():
                return

    def _read_log(self) -> bool:
        """Keep the tail of the log; False at its end. One chunk: a flood must not hold us up."""
        data = _chunk(self._log)
        self._stderr_tail += data or b""
        del self._stderr_tail[:-_LOG_TAIL]
        return data != b""

    def _finish_log(self) -> None:
        """Take what is waiting in the log, which a buffer of the system's holds."""
        for _ in range(_LAST_CHUNKS):
            before = len(self._stderr_tail)
            if not self._read_log() or (len(self._stderr_tail) == before < _LOG_TAIL):
                return

    def _take(self, message: protocol.Frame) -> None:
        if self._answer is not None:
            return
        if self._expected:
            self._take_blob(message)
        elif message.letter == protocol.PROGRESS:
            self._ears.progress(progress_of(protocol.parse(message.body)))
        elif message.letter == protocol.AHEAD and not self._blobs:
            self._expect(protocol.parse(message.body))
        elif message.letter == protocol.ERROR:
            self._answer = from_dict(protocol.parse(message.body))
        elif message.letter == protocol.VALUE:
            self._take_value(protocol.parse(message.body))
        else:
            raise protocol.WireError("the answer holds an unexpected message")

    def _expect(self, announcement: dict[str, Any]) -> None:
        """Wait for the blobs that a message announces."""
        announced = protocol.announced_blobs(announcement)
        sizes = [*(size for _name, size in announced), *map(len, self._blobs.values())]
        if sum(sizes) > self._limits.result_bytes:
            raise protocol.WireError("the answer is larger than its limit")
        if not self._blobs.keys().isdisjoint(dict(announced)):
            raise protocol.WireError("two blobs have the same name")
        self._expected = deque(announced)

    def _take_value(self, answer: dict[str, Any]) -> None:
        self._expect(answer)
        value = answer.get("value")
        if not isinstance(value, dict):
            raise protocol.WireError("the value is not a JSON object")
        self._value = value
        if not self._expected:
            self._answer = Answer(value, self._blobs)

    def _take_blob(self, message: protocol.Frame) -> None:
        name, size = self._expected.popleft()
        if message.letter != protocol.BLOB or len(message.body) != size:
            raise protocol.WireError("the answer's blobs are not those it announced")
        self._blobs[name] = message.body
        if self._expected:
            return
        if self._value is not None:
            self._answer = Answer(self._value, self._blobs)
        else:
            self._ears.ahead(dict(self._blobs))


def death(kind: str, code: int | None, limits: Limits) -> WorkerDied:
    """The error for a worker that ended without an answer.

    Args:
        code: Its exit status, minus a signal's number; None when its template died with it.
    """
    if code is None:
        return WorkerUnavailable(kind, "worker", "the process it was started from ended; try again")
    if code >= 0:
        return WorkerDied(kind, "worker", f"ended with exit status {code} and no answer")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    memory = f"{limits.memory_bytes / GIB:.1f} GiB"
    crash = f"it crashed on this model, or ran out of its {memory} of memory"
    causes = {
        "SIGXCPU": f"it used up its {limits.cpu_s} s of processor time",
        "SIGKILL": "the system or the operator stopped it, most likely for want of memory",
        "SIGFPE": "a kernel divided by zero on this model",
        "SIGSYS": "it asked the system for something that a job may not do",
        **dict.fromkeys(_CRASHES, crash),
    }
    cause = causes.get(name, "another process or the operator stopped it; try again")
    return WorkerDied(kind, "worker", f"ended by {name}: {cause}")


def progress_of(report: Mapping[str, Any]) -> Progress:
    """A worker's report of its progress, made harmless."""
    fraction, text = report.get("fraction"), printable(str(report.get("text"))[:200])
    if isinstance(fraction, int | float) and 0 <= fraction <= 1:
        return float(fraction), text
    return None, text


def _chunk(line: socket.socket) -> bytes | None:
    """One chunk from a non-blocking socket; None while there is no data, empty at its end."""
    try:
        return line.recv(_CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""
