"""Jobs on a Dask cluster of real processes: same answers, same errors, nothing left behind."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support.dask_processes import DaskProcesses, dask_processes
from inspector.errors import (
    BadFeed,
    JobCancelled,
    JobFailed,
    MissingFile,
    WorkerDied,
    WorkerUnavailable,
)
from inspector.jobs.cluster.cluster_runner import ClusterRunner
from inspector.jobs.cluster.dispatch import Cluster
from inspector.jobs.cluster.shared_store import SharedStore
from inspector.jobs.requests import REQUESTS
from inspector.jobs.store.workspace import Workspace
from tests.jobs.cluster.tasks import PRELOAD, TASKS
from tests.jobs.cluster.waiting import until


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with dask_processes(tmp_path_factory.mktemp("dask") / "logs", 2, preload=PRELOAD) as processes:
        yield processes


def runner_of(processes: DaskProcesses, home: Path, patience_s: float = 30.0) -> ClusterRunner:
    cluster = Cluster(processes.address, SharedStore(str(home / "store")), patience_s)
    return ClusterRunner(cluster, Workspace(home / "workspace"), requests={**REQUESTS, **TASKS})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def runner(processes: DaskProcesses, home: Path) -> Iterator[ClusterRunner]:
    runner = runner_of(processes, home)
    yield runner
    runner.shutdown(wait=False)


def a_model(folder: Path) -> dict[str, bytes]:
    contents = {"graph.bin": b"nodes", "variables/weights": os.urandom(2 << 20), "empty": b""}
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return contents


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_files_and_bytes_go_there_and_come_back(
    runner: ClusterRunner, home: Path, tmp_path: Path
) -> None:
    contents = a_model(tmp_path / "model")
    other = tmp_path / "other.bin"
    other.write_bytes(b"other")
    args = {"path": str(tmp_path / "model"), "against": {"b": str(other)}, "words": ["=1", "\0"]}
    there = os.urandom(5 << 20)
    result = runner.run("read", args, blobs={"there": there})
    expected = {Path(name).name: digest(data) for name, data in contents.items()}
    assert result.value["digests"] == {**expected, "b": digest(b"other")}
    assert result.value["words"] == ["=1", "\0"]
    assert result.blobs["back"] == there
    assert result.folder is not None
    assert (result.folder / "below" / "large").read_bytes() == bytes(3 << 20)
    assert (result.folder / "empty").read_bytes() == b""
    # What one run sends is removed; the files of the model stay for the next job.
    assert not list((home / "store").glob("runs/*"))
    assert (home / "store" / "inputs" / digest(b"other")[:2] / digest(b"other")).exists()


def test_a_model_in_the_workspace_is_known_there_the_second_time(
    runner: ClusterRunner, home: Path, tmp_path: Path
) -> None:
    a_model(tmp_path / "model")
    key = runner.workspace.add_folder(tmp_path / "model")
    first = runner.run("read", {}, model=key)
    for file in (home / "store" / "inputs").rglob("*"):
        if file.is_file():
            file.unlink()  # as an operator does who is short of space
    # Both workers have to do it: one of them does not know the model, and asks for it again.
    jobs = [runner.submit("read", {}, model=key) for _ in range(4)]
    assert {str(job.result().value) for job in jobs} == {str(first.value)}


def test_a_file_that_is_damaged_in_the_store_is_sent_again(
    runner: ClusterRunner, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"abcde" + os.urandom(8))
    stored = home / "store" / "inputs" / digest(path.read_bytes())[:2] / digest(path.read_bytes())
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(b"x" * 13)
    answer = runner.run("read", {"path": str(path)})
    assert answer.value["digests"] == {"model.bin": digest(path.read_bytes())}
    assert stored.read_bytes() == path.read_bytes()


def test_errors_are_those_of_a_local_job(runner: ClusterRunner, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"x")
    with pytest.raises(BadFeed, match="has 3 columns in place of 4"):
        runner.run("refuse", {"path": str(path)})
    with pytest.raises(WorkerDied, match="ended by SIGSEGV: it crashed on this model"):
        runner.run("die", {"path": str(path)})
    with pytest.raises(JobFailed, match="its 'digests' is missing or wrong"):
        runner.run("wrong", {"path": str(path)})
    with pytest.raises(MissingFile, match="no such file or folder"):
        runner.run("read", {"path": str(tmp_path / "absent")})


def marks(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-*"))


def slow(folder: Path, name: str = "a") -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return {"marks": str(folder), "name": name}


def test_cancelling_ends_the_process_on_the_other_machine(
    runner: ClusterRunner, tmp_path: Path
) -> None:
    job = runner.submit("slow", slow(tmp_path / "marks"))
    until(lambda: marks(tmp_path / "marks"))
    until(lambda: job.progress == (0.25, "half a half"))
    pid = int(marks(tmp_path / "marks")[0].name.partition("-")[0])
    os.kill(pid, 0)
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result(5)

    def is_gone() -> bool:
        return not Path(f"/proc/{pid}").exists()

    until(is_gone, 5)


def test_two_workers_run_two_jobs_at_once(runner: ClusterRunner, tmp_path: Path) -> None:
    folder = tmp_path / "marks"
    jobs = [runner.submit("slow", slow(folder, name), session=name) for name in "abc"]
    until(lambda: len(marks(folder)) == 2)
    time.sleep(0.3)
    assert len(marks(folder)) == 2  # the third waits here, and its session knows its place
    waiting = [place for job in jobs if (place := runner.place(job)) is not None]
    assert [(place.number, place.of) for place in waiting] == [(1, 1)]
    (folder / "go").touch()
    assert len({job.result(20).value["pid"] for job in jobs}) == 3


def test_no_memory_of_a_job_is_left_with_the_scheduler(
    runner: ClusterRunner, processes: DaskProcesses
) -> None:
    import distributed

    def tasks(dask_scheduler: Any) -> list[str]:
        return [str(key) for key in dask_scheduler.tasks]

    with distributed.Client(processes.address, set_as_default=False) as client:
        until(lambda: not client.run_on_scheduler(tasks), 5)


def test_a_worker_is_killed_in_mid_job_and_the_job_done_by_another(
    processes: DaskProcesses, tmp_path: Path
) -> None:
    folder = tmp_path / "marks"
    with runner_of(processes, tmp_path) as runner:
        job = runner.submit("slow", slow(folder))
        until(lambda: marks(folder) and marks(folder)[0].read_text())
        (first,) = marks(folder)
        os.kill(int(first.read_text()), signal.SIGKILL)
        until(lambda: len(marks(folder)) == 2)
        (folder / "go").touch()
        result = job.result(30)
        assert f"{result.value['pid']}-a" != first.name


def test_a_job_that_takes_its_machine_along_is_given_up_and_the_next_is_done(
    processes: DaskProcesses, tmp_path: Path
) -> None:
    """The processes let a job have one failure; the last test has left one worker of two."""
    folder, path = tmp_path / "marks", tmp_path / "model.bin"
    path.write_bytes(b"x")
    processes.start_worker(preload=PRELOAD)
    with runner_of(processes, tmp_path) as runner:
        bad = runner.submit("take_machine_along", slow(folder), session="a")
        with pytest.raises(WorkerDied, match="2 Dask workers ended while they ran this job") as err:
            bad.result(60)
        assert "\n" not in str(err.value)
        assert not isinstance(err.value, WorkerUnavailable)
        deaths = (folder / "deaths").read_text().split()
        assert len(deaths) == len(set(deaths)) == 2
    with (
        runner_of(processes, tmp_path / "impatient", patience_s=1.0) as runner,
        pytest.raises(WorkerUnavailable, match="has had no worker for 1 s"),
    ):
        runner.run("read", {"path": str(path)})
    with runner_of(processes, tmp_path / "patient") as runner:
        job = runner.submit("read", {"path": str(path)})
        processes.start_worker(preload=PRELOAD)
        assert job.result(60).value["digests"]


def test_inputs_that_nobody_needs_leave_the_store(processes: DaskProcesses, tmp_path: Path) -> None:
    unused = tmp_path / "store" / "inputs" / "ab" / digest(b"unused")
    unused.parent.mkdir(parents=True)
    unused.touch()
    os.utime(unused, (0, 0))
    (tmp_path / "model").write_bytes(b"model")
    runner = runner_of(processes, tmp_path)
    runner.run("read", {"path": str(tmp_path / "model")})
    until(lambda: not unused.exists())
    runner.shutdown(wait=False)
