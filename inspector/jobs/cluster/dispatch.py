"""Hands jobs to a Dask scheduler and waits for their answers.

A Dask worker that dies in the middle of a job is Dask's matter: the scheduler gives the job to
another one, until it has taken too many workers along. A scheduler that goes away and comes back
has forgotten its jobs: they are handed to it again.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from inspector.errors import JobCancelled, JobFailed, WorkerDied, WorkerUnavailable
from inspector.jobs import protocol
from inspector.jobs.cluster import parcels, remote_orders
from inspector.jobs.cluster.connection import LOOK_S, TIMEOUT_S, Connection
from inspector.jobs.cluster.input_files import Input
from inspector.jobs.cluster.shared_store import SharedStore
from inspector.jobs.exchange import Answer, progress_of
from inspector.jobs.job import Run
from inspector.text import plain

PATIENCE_S = 60.0
"""Seconds for which a scheduler may be away, or be without a worker."""
_TRIES = 4
"""How often a job is handed over: a scheduler that is restarted has forgotten it."""
_PRUNE_S = 600.0
"""Seconds between two looks for inputs in the store that no run needs."""
_COUNT_S = 2.0
_COUNT_WAIT_S = 0.5
_KEY = "inspector"


class _LostError(Exception):
    """The scheduler has forgotten the job, or cannot be reached."""


class Cluster:
    """A Dask cluster. Thread-safe; it is connected when the first job comes.

    Args:
        address: Of the scheduler, e.g. ``tcp://10.0.0.5:8786``.
        store: What all machines share.
        patience_s: See `PATIENCE_S`.
    """

    def __init__(self, address: str, store: SharedStore, patience_s: float = PATIENCE_S) -> None:
        self.address = address
        self.threads: int = 0
        """Jobs that the cluster can run at once, as last heard."""
        self._store = store
        self._patience_s = patience_s
        self._reset()

    def _reset(self) -> None:
        """No connection: at the start, and in a forked process."""
        timeout_s = min(TIMEOUT_S, self._patience_s)
        self._connection = Connection(self.address, _KEY, timeout_s, self._opened)
        self._runs: dict[str, Run] = {}
        self._topic = f"{_KEY}-{secrets.token_hex(8)}"
        self._workers_seen = time.monotonic()
        self._counted = -_COUNT_S
        self._pruned = -_PRUNE_S

    def after_fork(self) -> None:
        """Leave the connection to the parent; the next job makes another."""
        self._reset()

    def close(self) -> None:
        """Leave the scheduler."""
        self._connection.close()

    def execute(self, run: Run, folder: Path) -> tuple[Answer, str]:
        """Run a job on one of the machines.

        Args:
            folder: Empty; what the job wrote is put there.
        Returns: Its answer, and the end of the worker's standard error.
        Raises: JobCancelled; WorkerUnavailable where no machine can be reached; WorkerDied where
            the job ends the process that runs it; WorkspaceError for the shared store; what the
            job raises.
        """
        inputs = remote_orders.inputs_of(run.order)
        name = secrets.token_hex(16)
        self._runs[name] = run
        try:
            return self._answer(run, inputs, name, folder)
        except protocol.WireError as err:
            raise JobFailed(run.kind, "worker", str(err)) from None
        finally:
            del self._runs[name]
            self._store.remove(f"runs/{name}")
            self._prune_at_times()

    def _answer(
        self, run: Run, inputs: dict[str, Input], name: str, folder: Path
    ) -> tuple[Answer, str]:
        again: set[str] = set()
        digests = [file.sha256 for source in inputs.values() for file in source.files]
        self._store.need(name, digests)
        for _try in range(_TRIES):
            self._send_inputs(run, inputs, again)
            url = self._store.url
            data = remote_orders.parcel(run.order, inputs, name, self._topic, url)
            order = parcels.send(data, self._store, remote_orders.order_place(name))
            try:
                message = self._ask(run, order, name)
            except _LostError:
                continue
            answer = remote_orders.read_answer(run.order, message, self._store, name, folder)
            if isinstance(answer, tuple):
                return answer
            if again:
                raise remote_orders.damaged(run.kind)
            again = set(answer)
        why = f"the scheduler at {self.address} was lost {_TRIES} times while the job ran"
        raise WorkerUnavailable(run.kind, "cluster", why)

    def _prune_at_times(self) -> None:
        """Remove what nobody needs from the store, beside the jobs."""
        now = time.monotonic()
        if now - self._pruned > _PRUNE_S:
            self._pruned = now
            threading.Thread(target=self._store.prune, name="prune", daemon=True).start()

    def _send_inputs(self, run: Run, inputs: dict[str, Input], again: set[str]) -> None:
        for source in inputs.values():
            for file in source.files:
                self._check_wanted(run)
                self._store.add_input(file, again=file.sha256 in again)

    def _ask(self, run: Run, order: bytes, name: str) -> object:
        """What Dask delivers. Raises: _LostError; as `execute`."""
        from inspector.jobs.cluster.remote_task import run_order

        client = self._connected(run)
        done = threading.Event()
        try:
            future = client.submit(
                run_order,
                order,
                name,
                self._store.url,
                key=f"{_KEY}-{run.kind}-{run.id}-{secrets.token_hex(8)}",
                pure=False,
            )
            future.add_done_callback(lambda _future: done.set())
        except Exception as err:  # the connection ended in this moment
            raise self._lost(client) from err
        try:
            while not done.wait(LOOK_S):
                self._check_wanted(run)
                self._count(client)
                self._check_workers(run)
            return self._result(run, client, future)
        finally:
            with contextlib.suppress(Exception):  # of a connection that has ended
                future.cancel()

    def _result(self, run: Run, client: Any, future: Any) -> object:
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=TIMEOUT_S)
        except (CancelledError, OSError, TimeoutError) as err:
            self._check_wanted(run)
            raise self._lost(client) from err
        except KilledWorker as err:
            times = err.allowed_failures + 1
            why = (
                f"{times} Dask workers ended while they ran this job, and it is not tried again: "
                "most likely it takes more memory than those machines have"
            )
            raise WorkerDied(run.kind, "cluster", why) from err
        except Exception as err:
            reason = plain(f"{type(err).__name__}: {err}")[:200]
            why = f"a Dask worker could not begin the job ({reason}): it needs the same Inspector"
            raise WorkerUnavailable(run.kind, "cluster", why) from err

    def _connected(self, run: Run) -> Any:
        """The connection, made where there is none. Raises: WorkerUnavailable, JobCancelled."""
        try:
            return self._connection.client(lambda: self._check_wanted(run), self._patience_s)
        except OSError as err:
            why = f"no scheduler answers at {self.address} (INSPECTOR_SCHEDULER)"
            raise WorkerUnavailable(run.kind, "cluster", why) from err

    def _opened(self, client: Any) -> None:
        """Begin to hear of a cluster that has just been connected."""
        client.subscribe_topic(self._topic, self._hear)
        self._workers_seen = time.monotonic()
        self._counted = -_COUNT_S
        self._count(client)

    def _hear(self, event: Any) -> None:
        """A report of progress, as `exchange` takes one from a local worker."""
        match event:
            case (_, {"run": str(name)} as report) if name in self._runs:
                self._runs[name].progress = progress_of(report)

    def _count(self, client: Any) -> None:
        """Ask how many jobs the cluster can run, now and then."""
        now = time.monotonic()
        if now - self._counted < _COUNT_S:
            return
        self._counted = now
        with contextlib.suppress(Exception):  # the connection ended; the job's own future tells
            # As `client.nthreads()` does, which waits for as long as a connection takes to fail.
            answer = client.sync(client.scheduler.ncores, callback_timeout=_COUNT_WAIT_S)
            self.threads = sum(answer.values())
            if self.threads:
                self._workers_seen = now

    def _check_workers(self, run: Run) -> None:
        if time.monotonic() - self._workers_seen > self._patience_s:
            why = f"the scheduler at {self.address} has had no worker for {self._patience_s:g} s"
            raise WorkerUnavailable(run.kind, "cluster", why)

    def _check_wanted(self, run: Run) -> None:
        if run.unwanted:
            raise JobCancelled(run.kind, "job", run.cancelled)

    def _lost(self, client: Any) -> _LostError:
        self._connection.lost(client)
        return _LostError()
