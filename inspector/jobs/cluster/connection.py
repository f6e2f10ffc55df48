"""The connection to a Dask scheduler: made when a job needs it, given up when it breaks.

Making and ending it wait for the network, for seconds where nothing answers. Threads of their own
do so, and a job that is cancelled meanwhile does not wait for them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

from inspector import extras
from inspector.errors import InspectorError

_log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
"""Seconds for one attempt to connect, and for the end of a connection."""
LOOK_S = 0.1
"""Seconds between two looks at whether a job is still wanted."""


class Connection:
    """A connection that is made again after it was lost. Thread-safe.

    Args:
        address: Of the scheduler, e.g. ``tcp://10.0.0.5:8786``.
        name: What the scheduler calls this client.
        timeout_s: Seconds for one attempt.
        opened: Called with each new `distributed.Client`, in the thread that connects.
    """

    def __init__(
        self, address: str, name: str, timeout_s: float, opened: Callable[[Any], None]
    ) -> None:
        self._address, self._name, self._timeout_s = address, name, timeout_s
        self._opened = opened
        self._lock = threading.Lock()
        self._attempt: Future[Any] | None = None
        """The client, or the attempt that will give it; None without either."""

    def client(self, check: Callable[[], None], patience_s: float) -> Any:
        """The `distributed.Client`; connects where there is none.

        Args:
            check: Called every `LOOK_S`; what it raises ends the wait.
            patience_s: Seconds for which the scheduler may be away.
        Raises: OSError where it does not answer; InspectorError for an address that is none;
            what `check` raises.
        """
        deadline = time.monotonic() + patience_s
        while True:
            attempt = self._begun()
            while not wait([attempt], LOOK_S).done:
                check()
            try:
                return attempt.result()
            except OSError:  # TimeoutError is one
                self._forget(attempt)
                check()
                if time.monotonic() >= deadline:
                    raise
                time.sleep(LOOK_S)
            except Exception:
                self._forget(attempt)
                raise

    def lost(self, client: Any) -> None:
        """Give up a connection that broke; the next job makes another."""
        with self._lock:
            attempt = self._attempt
            if attempt is None or not _gave(attempt, client):
                return
            self._attempt = None
        _log.warning("cluster: the scheduler at %s has gone", self._address)
        self._in_thread(_end, client)

    def close(self) -> None:
        """Leave the scheduler."""
        with self._lock:
            attempt, self._attempt = self._attempt, None
        if attempt is not None:
            self._in_thread(_end_of, attempt).join(TIMEOUT_S)

    def _begun(self) -> Future[Any]:
        with self._lock:
            if self._attempt is None:
                self._attempt = Future()
                self._in_thread(self._connect, self._attempt)
            return self._attempt

    def _forget(self, attempt: Future[Any]) -> None:
        with self._lock:
            if self._attempt is attempt:
                self._attempt = None

    def _connect(self, attempt: Future[Any]) -> None:
        try:
            attempt.set_result(self._new_client())
        except BaseException as err:
            attempt.set_exception(err)

    def _new_client(self) -> Any:
        with extras.needed("cluster"):
            import distributed

        # Its own messages would stand between the lines of a command; ours say the same.
        for name in ("distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            client = distributed.Client(
                self._address, timeout=self._timeout_s, set_as_default=False, name=self._name
            )
        except ValueError as err:
            raise InspectorError("INSPECTOR_SCHEDULER", self._address[:100], str(err)) from err
        self._opened(client)
        return client

    def _in_thread(self, work: Callable[[Any], None], of: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=(of,), name="cluster connection", daemon=True)
        thread.start()
        return thread


def _gave(attempt: Future[Any], client: Any) -> bool:
    return attempt.done() and attempt.exception() is None and attempt.result() is client


def _end(client: Any) -> None:
    with contextlib.suppress(Exception):
        client.close(timeout=TIMEOUT_S)


def _end_of(attempt: Future[Any]) -> None:
    with contextlib.suppress(Exception):
        _end(attempt.result())
