"""What Dask calls on another machine: runs one job there, with that machine's own local runner.

Dask pickles a function by its name and bytes as they are, so nothing of a model is ever pickled.
The process of the Dask worker reads no model either: a sandboxed worker process of the runner does.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import distributed

from inspector import settings
from inspector.errors import (
    InspectorError,
    JobCancelled,
    JobFailed,
    MissingFile,
    WorkerUnavailable,
)
from inspector.jobs import protocol
from inspector.jobs.cluster import parcels, remote_orders
from inspector.jobs.cluster.code_digest import code_digest
from inspector.jobs.cluster.input_files import key_of
from inspector.jobs.cluster.shared_store import SharedStore, StoredFile
from inspector.jobs.job import Job, JobResult
from inspector.jobs.runner import LocalRunner
from inspector.jobs.sandbox.policy import RunPolicy
from inspector.jobs.store.workspace import ModelKey, Workspace

_log = logging.getLogger(__name__)
_LOOK_S = 0.2
_END_S = 10.0


@functools.cache
def worker_runner() -> LocalRunner:
    """The runner of this machine, with as many jobs at once as its Dask worker has threads."""
    threads = distributed.get_worker().state.nthreads
    runner = LocalRunner(max_jobs=threads)
    runner.policy = RunPolicy(exposed=True)
    return runner


def run_order(message: bytes, run: str, url: str) -> bytes:
    """Run the job of an order, and send its answer.

    Args:
        message: The order, or its reference; see `parcels.send`.
        run: The name of the run in the shared store.
        url: Of the store; this machine's own setting comes before it.
    Returns: The answer, or its reference. Whatever the job raises is an answer as well.
    """
    try:
        store = SharedStore(settings.SHARED_STORE.text or url)
        data = parcels.receive(message, store, remote_orders.order_place(run), 1 << 40)
        answer = _answer(data, store)
        return parcels.send(answer, store, remote_orders.answer_place(run))
    except InspectorError as err:
        return parcels.pack_small(remote_orders.error_parcel(err))
    except protocol.WireError as err:
        failure = JobFailed("job", "order", str(err))
        return parcels.pack_small(remote_orders.error_parcel(failure))


def _answer(data: bytes, store: SharedStore) -> bytes:
    order, blobs = parcels.unpack(data)
    kind = str(order["kind"])
    if order["code"] != code_digest():
        why = (
            f"has another Inspector ({code_digest()}) than the machine that asks ({order['code']}):"
            " install the same one on both"
        )
        raise WorkerUnavailable(kind, "cluster", why)
    runner = worker_runner()
    with contextlib.ExitStack() as stack:
        places: dict[str, ModelKey] = {}
        lacks: list[str] = []
        for path, source in order["inputs"].items():
            try:
                places[path] = _input(source, store, runner.workspace)
            except _LacksError as err:
                lacks += err.digests
            else:
                stack.enter_context(runner.workspace.hold(places[path].hash))
        if lacks:
            return remote_orders.lacks_parcel(lacks)
        local = {path: _local(order["inputs"][path], key) for path, key in places.items()}
        args = remote_orders.with_paths(order["args"], local)
        model = places[order["model"]] if order["model"] is not None else None
        limits = remote_orders.limits_from(order["limits"])
        job = runner.submit(kind, args, blobs=blobs, model=model, limits=limits)
        if model is None:  # else the answer is kept here, for the next who asks for it
            stack.callback(_discard, runner, job)
        result = _followed(job, order)
        token = secrets.token_hex(16)
        files = list(_sent(result.folder, store, order["run"], token))
    value = {"value": result.value, "files": files, "token": token, "log": result.log}
    return parcels.pack(value, result.blobs)


class _LacksError(Exception):
    """Inputs are not in the store."""

    def __init__(self, digests: list[str]) -> None:
        super().__init__()
        self.digests = digests


def _input(source: Mapping[str, Any], store: SharedStore, workspace: Workspace) -> ModelKey:
    """The files of an input in the workspace of this machine. Raises: _LacksError."""
    files = [parcels.stored_file(entry) for entry in source["files"]]
    name = str(source["name"])
    key = key_of(name, {file.relative: (file.bytes, file.sha256) for file in files})
    if (stored := workspace.model(key)) is not None:
        return stored
    with workspace.receive(name) as incoming:
        lacks = []
        for file in files:
            with incoming.file(file.relative) as target:
                try:
                    for chunk in store.input_chunks(file):
                        target.write(chunk)
                except MissingFile:
                    lacks.append(file.sha256)
        if lacks:
            raise _LacksError(lacks)
        return incoming.finish()


def _local(source: Mapping[str, Any], key: ModelKey) -> str:
    return str(key.path / source["inside"]) if source["inside"] else str(key.path)


def _followed(job: Job, order: Mapping[str, Any]) -> JobResult:
    """Wait for a job; report its progress, and end it once nobody wants it any more."""
    worker = distributed.get_worker()
    task = worker.get_current_task()
    reported: object = None
    try:
        while not job.done():
            wait([job], timeout=_LOOK_S)
            state = worker.state.tasks.get(task)
            if state is None or state.state != "executing":
                raise JobCancelled(job.kind, "job", "it is not wanted any more")
            if job.progress != reported and job.progress[1]:
                reported = job.progress
                report = dict(zip(("fraction", "text"), job.progress, strict=True))
                worker.log_event(order["topic"], {"run": order["run"], **report})
        return job.result()
    finally:
        if not job.done():
            job.cancel()


def _discard(runner: LocalRunner, job: Job) -> None:
    """Remove what a job wrote; one that was cancelled may have ended a moment before."""
    job.cancel()
    wait([job], timeout=_END_S)
    if job.done() and job.exception() is None and (folder := job.result().folder) is not None:
        runner.workspace.discard(folder)


def _sent(
    folder: Path | None, store: SharedStore, run: str, token: str
) -> Iterator[tuple[str, int, str]]:
    """Bring what a job wrote to the store: path, bytes and SHA-256 of each file."""
    files = [] if folder is None else sorted(path for path in folder.rglob("*") if path.is_file())
    for number, path in enumerate(files):
        assert folder is not None
        sent: StoredFile = store.write_file(remote_orders.file_place(run, token, number), path)
        yield path.relative_to(folder).as_posix(), sent.bytes, sent.sha256
