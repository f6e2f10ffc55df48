"""What goes wrong between machines: schedulers and workers that go, answers that lie."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support.dask_processes import dask_processes
from inspector.errors import (
    InspectorError,
    JobCancelled,
    JobFailed,
    LimitExceeded,
    MissingFile,
    UnsupportedModel,
    WorkerUnavailable,
)
from inspector.jobs.cluster import parcels, remote_orders, remote_task
from inspector.jobs.cluster.cluster_runner import ClusterRunner
from inspector.jobs.cluster.dispatch import Cluster
from inspector.jobs.cluster.shared_store import SharedStore
from inspector.jobs.job import Order
from inspector.jobs.orders import complete
from inspector.jobs.protocol import WireError
from inspector.jobs.requests import REQUESTS
from inspector.jobs.store.workspace import Workspace
from tests.conftest import ROOT
from tests.jobs.cluster.tasks import PRELOAD, TASKS
from tests.jobs.cluster.waiting import until

ALL = {**REQUESTS, **TASKS}


def runner_at(address: str, home: Path, patience_s: float = 30.0) -> ClusterRunner:
    cluster = Cluster(address, SharedStore(str(home / "store")), patience_s)
    return ClusterRunner(cluster, Workspace(home / "workspace"), requests=ALL)


def slow(folder: Path) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return {"marks": str(folder), "name": "a"}


def test_a_scheduler_is_restarted_and_the_job_done(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    with (
        dask_processes(tmp_path / "logs", 1, preload=PRELOAD) as processes,
        runner_at(processes.address, tmp_path) as runner,
    ):
        job = runner.submit("slow", slow(marks), session="a")
        until(lambda: list(marks.glob("*-a")))
        # It has a slot as well, and waits with the scheduler.
        runner._cluster.threads = 2
        other = runner.submit("slow", slow(tmp_path / "others"), session="b")
        assert processes.scheduler is not None
        os.killpg(processes.scheduler.pid, signal.SIGKILL)
        processes.scheduler.wait()
        time.sleep(0.5)
        assert not job.done()
        other.cancel()  # while there is no scheduler
        with pytest.raises(JobCancelled):
            other.result(5)
        processes.start_scheduler()
        processes.start_worker(preload=PRELOAD)  # as an operator's service manager would
        until(lambda: len(list(marks.glob("*-a"))) > 1, 30)
        (marks / "go").touch()
        assert job.result(30).value["pid"]


def test_no_scheduler_is_one_sentence_and_what_reads_needs_none(tmp_path: Path) -> None:
    path = ROOT / "sample_models/iris/saved_model"
    with runner_at("tcp://127.0.0.1:1", tmp_path, patience_s=0.5) as runner:
        with pytest.raises(WorkerUnavailable, match=r"no scheduler answers at tcp://127.0.0.1:1 "):
            runner.run("refuse", {"path": str(path)})
        job = runner.submit("refuse", {"path": str(path)})
        job.cancel()
        with pytest.raises(JobCancelled):
            job.result(10)
        answer = runner.run("open", {"path": str(path), "tag_set": None})
        assert answer.value["facts"]["format"] == "SavedModel"


def test_a_job_is_cancelled_while_a_scheduler_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with runner_at(address, tmp_path) as runner:
            jobs = [
                runner.submit("refuse", {"path": str(tmp_path), "number": number})
                for number in range(2)
            ]
            connection, _ = silent.accept()
            with connection:  # on which nothing is said for five seconds
                start = time.monotonic()
                for job in jobs:
                    job.cancel()
                    with pytest.raises(JobCancelled):
                        job.result(10)
                assert time.monotonic() - start < 3


@pytest.fixture
def store(tmp_path: Path) -> SharedStore:
    return SharedStore(str(tmp_path / "store"))


@pytest.fixture
def order(tmp_path: Path) -> Order:
    path = tmp_path / "model.bin"
    path.write_bytes(b"x")
    workspace = Workspace(tmp_path / "ws")
    return complete(workspace, ALL, "read", {"path": str(path)}, {}, None, None, shared=False)


def test_another_inspector_is_refused_before_anything_runs(
    order: Order, store: SharedStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = secrets.token_hex(16)
    data = remote_orders.parcel(order, remote_orders.inputs_of(order), run, "topic", store.url)
    monkeypatch.setattr(remote_task, "code_digest", lambda: "0.0.1 abc")
    answer = remote_task.run_order(parcels.send(data, store, "order"), run, store.url)
    with pytest.raises(WorkerUnavailable, match=r"has another Inspector \(0.0.1 abc\)"):
        remote_orders.read_answer(order, answer, store, run, tmp_path / "files")


def test_an_order_that_is_none_is_an_answer(store: SharedStore, tmp_path: Path) -> None:
    for message in (b"", b"=", b"=[]\n", b"@{}", b"=" + b"{}", b"?{}\n"):
        answer = remote_task.run_order(message, "0" * 32, store.url)
        value, _ = parcels.unpack(answer[1:])
        assert value["error"]["type"] == "JobFailed", message


RUN, TOKEN = "1" * 32, "2" * 32
DIGEST = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
"""SHA-256 of ``aaa``."""


def packed(value: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None) -> bytes:
    whole = {
        "value": {"digests": {}, "words": []},
        "files": [],
        "token": TOKEN,
        "log": "",
        **value,
    }
    return b"=" + parcels.pack(whole, {"back": b""} if blobs is None else blobs)


LIES: dict[str, tuple[object, type[Exception]]] = {
    "no bytes": ({"value": {}}, WireError),
    "no parcel": (b"zzz", WireError),
    "a pickle": (b"\x80\x04K\x01.", WireError),
    "no JSON": (b"=nonsense\n", WireError),
    "a list": (b"=[]\n", WireError),
    "a reference to nothing": (b'@{"bytes": 3, "sha256": "' + b"0" * 64 + b'"}', MissingFile),
    "a reference without a hash": (b'@{"bytes": 3}', WireError),
    "a reference of too many bytes": (
        b'@{"bytes": 99999999999, "sha256": "' + b"0" * 64 + b'"}',
        WireError,
    ),
    "more blobs than announced": (packed({}) + b"more", WireError),
    "a value of another type": (packed({"value": {"digests": []}}), JobFailed),
    "a blob that is not announced by the request": (packed({}, {"other": b""}), JobFailed),
    "a token that is a path": (packed({"token": "../" * 10 + "aa"}), WireError),
    "a file outside": (packed({"files": [["../x", 3, DIGEST]]}), UnsupportedModel),
    "an absolute file": (packed({"files": [["/tmp/x", 3, DIGEST]]}), UnsupportedModel),
    "a file without a hash": (packed({"files": [["x", 3]]}), WireError),
    "a file with a hash that is a path": (
        packed({"files": [["x", 3, "../" * 21 + "a"]]}),
        WireError,
    ),
    "two files of one name": (packed({"files": [["x", 3, DIGEST]] * 2}), WireError),
    "a file that is not there": (packed({"files": [["x", 3, "0" * 64]]}), MissingFile),
    "more bytes than a job may write": (packed({"files": [["x", 1 << 50, DIGEST]]}), LimitExceeded),
    "an error of no known type": (packed({"error": {"type": "SystemExit"}}), JobFailed),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_lies_is_refused_and_writes_nothing_outside(
    lie: str, order: Order, store: SharedStore, tmp_path: Path
) -> None:
    message, error = LIES[lie]
    for number in range(2):
        store.write(remote_orders.file_place(RUN, TOKEN, number), b"aaa")
    folder = tmp_path / "deep" / "files"
    folder.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error):
        remote_orders.read_answer(order, message, store, RUN, folder)
    after = {path for path in tmp_path.rglob("*") if path not in before}
    assert after <= {folder / "x"}


def test_an_honest_answer_is_taken(order: Order, store: SharedStore, tmp_path: Path) -> None:
    store.write(remote_orders.file_place(RUN, TOKEN, 0), b"aaa")
    message = packed({"files": [["below/x", 3, DIGEST]]})
    answer = remote_orders.read_answer(order, message, store, RUN, tmp_path / "files")
    assert isinstance(answer, tuple)
    assert (tmp_path / "files" / "below" / "x").read_bytes() == b"aaa"


def test_an_object_store_is_read_through_fsspec(order: Order, tmp_path: Path) -> None:
    store = SharedStore(f"memory://{secrets.token_hex(8)}/inspector")
    (given,) = remote_orders.inputs_of(order).values()
    store.add_input(given.files[0])
    (file,) = (parcels.stored_file(entry) for entry in given.to_json()["files"])
    assert b"".join(store.input_chunks(file)) == b"x"
    message = parcels.send(bytes(3 << 20), store, "runs/1/answer")
    assert len(message) < 200
    assert parcels.receive(message, store, "runs/1/answer", 4 << 20) == bytes(3 << 20)
    store.remove("runs/1")
    with pytest.raises(MissingFile, match="is not in the shared store memory://"):
        parcels.receive(message, store, "runs/1/answer", 4 << 20)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("relative/folder", "neither an absolute path nor a URL"),
        ("nonsense://user:password@host/x", "nonsense"),
        ("/proc/inspector", "cannot be written"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_sentence(url: str, why: str, order: Order) -> None:
    (given,) = remote_orders.inputs_of(order).values()
    with pytest.raises(InspectorError, match=why) as err:
        SharedStore(url).add_input(given.files[0])
    assert "password" not in str(err.value)
