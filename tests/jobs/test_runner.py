"""What a caller of the runner gets: answers, errors, progress, cancel, order."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from inspector.errors import (
    BadFeed,
    JobCancelled,
    JobFailed,
    JobTimeout,
    LimitExceeded,
    UnsupportedModel,
    WorkerUnavailable,
)
from inspector.jobs.requests import MIB, Limits
from inspector.jobs.runner import LocalRunner
from tests.jobs.worker_tasks import TASKS


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.005)


def test_an_answer_is_json_and_bytes(runner):
    args = {"text": "é\n", "list": [1, 2.5, None], "big": 2**60}
    result = runner.submit("echo", args, blobs={"x": b"\x00\xff", "empty": b""}).result(20)
    assert result.value == args
    assert result.blobs == {"x": b"\x00\xff", "empty": b""}
    assert result.folder is None


def test_a_large_answer_and_a_large_order(runner):
    blob = os.urandom(50 * MIB)
    assert runner.run("echo", blobs={"in": blob}).blobs["in"] == blob
    result = runner.run("big_result", {"bytes": 50 * MIB})
    assert len(result.blobs["a"]) == 50 * MIB
    assert result.blobs["b"] == b""
    assert result.blobs["c"] == b"xyz"


def test_an_answer_over_its_limit_is_refused(runner):
    limits = Limits(wall_s=20, result_bytes=MIB)
    with pytest.raises(JobFailed, match="larger than its limit"):
        runner.run("big_result", {"bytes": 2 * MIB}, limits=limits)


def test_blobs_come_before_the_rest_of_the_answer(runner):
    job = runner.submit("ahead", {"bytes": MIB, "seconds": 1000})
    assert job.run.ahead.result(20) == {"first": b"x" * MIB}
    assert not job.done()
    job.cancel()
    answer = runner.run("ahead", {"bytes": 3})
    assert answer.blobs == {"first": b"xxx", "second": b"yyy"}


def test_blobs_that_come_before_count_in_the_limit(runner):
    limits = Limits(wall_s=20, result_bytes=MIB)
    runner.run("ahead", {"bytes": MIB // 2}, limits=limits)
    for size in (MIB // 2 + 1, MIB + 1):
        with pytest.raises(JobFailed, match="larger than its limit"):
            runner.run("ahead", {"bytes": size}, limits=limits)


def test_blobs_come_before_once_and_are_not_replaced(runner):
    with pytest.raises(JobFailed, match="unexpected message"):
        runner.run("ahead_twice")
    with pytest.raises(JobFailed, match="same name"):
        runner.run("ahead", {"bytes": 1, "name": "first"})


def test_the_runner_is_an_executor(runner):
    assert isinstance(runner, concurrent.futures.Executor)
    jobs = [runner.submit("echo", {"i": i}) for i in range(8)]
    done, _ = concurrent.futures.wait(jobs, timeout=20)
    assert done == set(jobs)
    assert sorted(job.result().value["i"] for job in jobs) == list(range(8))


def test_an_unknown_kind_is_refused_at_once(runner):
    with pytest.raises(JobFailed, match="no such kind"):
        runner.submit("nothing of this name")


def test_progress_arrives_while_the_job_runs(runner):
    job = runner.submit("progress", {"steps": 10, "seconds": 0.03})
    assert job.progress == (None, "")
    seen = []
    while not job.done():
        if not seen or seen[-1] != job.progress:
            seen.append(job.progress)
        time.sleep(0.002)
    assert (0.5, "step 5") in seen
    assert seen[-1] == (None, "tidying up")
    assert job.result().value == {"done": True}


def test_an_error_arrives_as_the_error_it_was(runner):
    with pytest.raises(BadFeed) as caught:
        runner.run("bad_feed")
    error = caught.value
    assert (error.what, error.where, error.why) == ("x", "shape", "needs (N, 4)")


@pytest.mark.parametrize(
    ("kind", "name"), [("bug", "KeyError"), ("exit_early", "SystemExit"), ("not_json", "TypeError")]
)
def test_a_bug_becomes_a_sentence_and_its_traceback_goes_to_the_log(runner, caplog, kind, name):
    with pytest.raises(JobFailed, match=name) as caught:
        runner.run(kind)
    assert "secret" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert str(Path(__file__).parent) not in str(caught.value)
    assert "Traceback" in caplog.text


def test_a_request_whose_module_is_missing_fails_alone(runner):
    with pytest.raises(WorkerUnavailable, match=r"'tests\.jobs\.nowhere' cannot be imported"):
        runner.run("no_module")
    assert runner.run("echo").value == {}


def test_a_job_over_its_time_is_stopped(runner, tmp_path):
    started = time.monotonic()
    with pytest.raises(JobTimeout, match=r"longer than its 0\.5 s"):
        runner.run(
            "sleep", {"seconds": 60, "file": str(tmp_path / "pid")}, limits=Limits(wall_s=0.5)
        )
    assert time.monotonic() - started < 10
    assert not alive(int((tmp_path / "pid").read_text()))


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_running_job_is_cancelled(runner, tmp_path):
    file = tmp_path / "pid"
    job = runner.submit("sleep", {"seconds": 60, "file": str(file)})
    until(lambda: file.exists() and file.read_text())
    assert job.cancel()
    with pytest.raises(JobCancelled):
        job.result(10)
    assert job.cancelled()
    assert not job.cancel(), "it is done"
    assert not alive(int(file.read_text()))


def test_a_queued_job_is_cancelled_and_never_starts(fresh_runner, tmp_path):
    blockers = [fresh_runner.submit("sleep", {"seconds": 60}) for _ in range(2)]
    file = tmp_path / "pid"
    queued = fresh_runner.submit("sleep", {"seconds": 0, "file": str(file)})
    assert fresh_runner.status().queued == 1
    assert queued.cancel()
    with pytest.raises(JobCancelled, match="before it started"):
        queued.result(1)
    for job in blockers:
        job.cancel()
    concurrent.futures.wait(blockers, 10)
    assert fresh_runner.run("echo").value == {}
    assert not file.exists()


def test_a_job_is_cancelled_while_its_template_starts(fresh_runner):
    job = fresh_runner.submit("sleep", {"seconds": 60})
    assert job.cancel()
    with pytest.raises(JobCancelled):
        job.result(10)


def test_sessions_take_turns(fresh_runner):
    blockers = [fresh_runner.submit("sleep", {"seconds": 60}) for _ in range(2)]
    jobs = {}
    for session, count in (("greedy", 4), ("modest", 1)):
        for i in range(count):
            who = (session, i)  # equal jobs are shared
            jobs[who] = fresh_runner.submit("echo", {"who": who}, session=session)
    assert fresh_runner.status().queued == 5
    for job in blockers:
        job.cancel()
    concurrent.futures.wait(jobs.values(), 20)
    in_order_of_start = sorted(jobs, key=lambda who: jobs[who].run.started)
    assert ("modest", 0) in in_order_of_start[:2], in_order_of_start


def test_long_jobs_of_the_app_leave_the_processor_to_pages_and_quick_jobs(fresh_runner):
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def niceness(**options) -> int:
        return fresh_runner.run("who", **options).value["niceness"]

    assert niceness(session="someone") == own + 5
    assert niceness() == own, "a command of the shell is not one of many people"
    fresh_runner._requests = {"who": replace(TASKS["who"], quick_below=1)}
    assert niceness(session="someone") == own


def test_not_more_jobs_at_once_than_allowed(fresh_runner):
    jobs = [fresh_runner.submit("sleep", {"seconds": 0.1}) for _ in range(6)]
    most = 0
    while not all(job.done() for job in jobs):
        most = max(most, fresh_runner.status().running)
        time.sleep(0.01)
    assert most == 2


def test_eight_jobs_at_once(tmp_path, runner):
    started = threading.Barrier(8)
    results = []

    def one(i):
        started.wait()
        results.append(runner.run("echo", {"i": i}, blobs={"b": bytes([i]) * MIB}))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(result.value["i"] for result in results) == list(range(8))
    assert all(result.blobs["b"] == bytes([result.value["i"]]) * MIB for result in results)


def test_files_of_a_job_are_kept_with_its_answer(runner):
    result = runner.run("write_files", {"files": {"a.txt": "A", "sub/b.txt": "B"}})
    assert result.folder is not None
    assert (result.folder / "a.txt").read_text() == "A"
    assert (result.folder / "sub" / "b.txt").read_text() == "B"
    assert result.blobs == {"note": b"beside the files"}
    assert runner.workspace.root in result.folder.parents
    assert not list((runner.workspace.root / "tmp").iterdir())


def test_a_file_over_its_limit_is_not_written(runner):
    with pytest.raises(LimitExceeded, match="more than 2 MiB"):
        runner.run("write_huge_file", {"mib": 3})
    assert not list((runner.workspace.root / "tmp").iterdir())


def test_files_over_their_limit_together_are_not_kept(runner):
    limits = Limits(wall_s=20, folder_bytes=100)
    with pytest.raises(LimitExceeded):
        runner.run("write_files", {"files": {"a": "x" * 60, "b": "x" * 60}}, limits=limits)


@pytest.mark.parametrize("hard", [True, False])
def test_a_link_left_by_a_job_is_refused(runner, tmp_path, hard):
    target = runner.workspace.root / "of-another-user"
    target.write_text("private")
    with pytest.raises(UnsupportedModel, match="link"):
        runner.run("write_link", {"target": str(target), "hard": hard})
    assert target.read_text() == "private"


def test_an_answer_about_a_model_is_kept(runner, tmp_path):
    (tmp_path / "m.txt").write_text("model one")
    (tmp_path / "n.txt").write_text("model two")
    one = runner.workspace.add_folder(tmp_path / "m.txt")
    two = runner.workspace.add_folder(tmp_path / "n.txt")
    first = runner.run("read_path", {"k": 1}, model=one)
    assert first.value["text"] == "model one"
    assert runner.run("read_path", {"k": 1}, model=one).value == first.value
    assert runner.run("read_path", {"k": 2}, model=one).value["stamp"] != first.value["stamp"]
    assert runner.run("read_path", {"k": 1}, model=two).value["text"] == "model two"
    with_blob = runner.run("read_path", {"k": 1}, model=one, blobs={"x": b"1"})
    assert with_blob.value["stamp"] != first.value["stamp"]


def test_an_error_is_not_kept(runner, tmp_path):
    (tmp_path / "m.txt").write_text("a model")
    model = runner.workspace.add_folder(tmp_path / "m.txt")
    with pytest.raises(JobTimeout):
        runner.run("sleep", {"seconds": 0.4}, model=model, limits=Limits(wall_s=0.2))
    assert runner.run("sleep", {"seconds": 0.4}, model=model).value == {"slept": 0.4}


def test_memory_grows_with_the_input(runner, tmp_path):
    limits = Limits(wall_s=20, memory_bytes=1024 * MIB, memory_per_byte=12)
    allowed = []
    for size in (0, 10 * MIB):
        (tmp_path / "m").write_bytes(bytes(size))
        result = runner.run("who", {"path": str(tmp_path / "m")}, limits=limits)
        soft, hard = result.value["limits"]["AS"]
        assert soft == hard > 1024 * MIB
        allowed.append(soft)
    assert abs(allowed[1] - allowed[0] - 120 * MIB) < 20 * MIB  # workers differ by a little


def test_no_job_after_shutdown(fresh_runner):
    fresh_runner.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        fresh_runner.submit("echo")


def test_shutdown_lets_jobs_finish_or_stops_them(tmp_path, fresh_runner):
    jobs = [fresh_runner.submit("sleep", {"seconds": 0.2}) for _ in range(4)]
    fresh_runner.shutdown(wait=True)
    assert [job.result(0).value["slept"] for job in jobs] == [0.2] * 4

    other = LocalRunner(fresh_runner.workspace, requests=fresh_runner._requests, max_jobs=1)
    jobs = [other.submit("sleep", {"seconds": 60}) for _ in range(2)]
    other.shutdown(wait=False)
    for job in jobs:
        with pytest.raises(JobCancelled):
            job.result(0)
