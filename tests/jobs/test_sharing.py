"""The same request of several sessions is one process, which ends when nobody waits for it."""

from __future__ import annotations

import concurrent.futures
from dataclasses import replace

import pytest

from inspector.errors import JobCancelled, WorkerDied
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.queue import Place
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.store.workspace import Workspace
from tests.jobs.test_lifetime import children
from tests.jobs.test_runner import alive, until
from tests.jobs.worker_tasks import TASKS


def started(file):
    until(lambda: file.exists() and file.read_text())
    return int(file.read_text())


def template(runner):
    return runner.status().templates[LIGHT].pid


def test_five_sessions_are_one_process(fresh_runner, tmp_path):
    file = tmp_path / "pid"
    args = {"seconds": 1, "file": str(file)}
    jobs = [fresh_runner.submit("sleep", args, session=str(number)) for number in range(5)]
    pid = started(file)
    assert children(template(fresh_runner)) == [pid]
    assert (fresh_runner.status().running, fresh_runner.status().queued) == (1, 0)
    assert [job.result(10).value for job in jobs] == [{"slept": 1}] * 5
    assert {job.progress for job in jobs} == {(0.0, "sleeping")}
    assert len({job.id for job in jobs}) == 5


@pytest.mark.parametrize(
    ("kind", "args", "options"),
    [
        ("sleep", {"seconds": 0.5}, {}),
        ("echo", {"seconds": 0.4}, {}),
        ("sleep", {"seconds": 0.4}, {"blobs": {"x": b"1"}}),
        ("sleep", {"seconds": 0.4}, {"limits": TASKS["use_memory"].limits}),
        ("sleep", {"seconds": 0.4}, {"session": ""}),
    ],
    ids=["args", "kind", "blobs", "limits", "no session"],
)
def test_what_differs_is_not_shared(runner, kind, args, options):
    one = runner.submit("sleep", {"seconds": 0.4}, session="a")
    other = runner.submit(kind, args, **{"session": "b", **options})
    same = runner.submit("sleep", {"seconds": 0.4}, session="b")
    assert one.run is same.run
    assert one.run is not other.run
    concurrent.futures.wait([one, other, same], 20)


def test_a_file_that_changed_is_read_again(runner, tmp_path):
    file = tmp_path / "m.txt"
    file.write_text("before")
    args = {"path": str(file), "seconds": 0.4}
    one = runner.submit("sleep", args, session="a")
    file.write_text("and after")
    other = runner.submit("sleep", args, session="b")
    assert one.run is not other.run
    concurrent.futures.wait([one, other], 20)


def test_it_ends_when_the_last_has_gone(fresh_runner, tmp_path):
    file = tmp_path / "pid"
    args = {"seconds": 60, "file": str(file)}
    first, second = (fresh_runner.submit("sleep", args, session=name) for name in "ab")
    pid = started(file)
    assert first.cancel()
    assert first.cancelled(), "the others' process need not end for that"
    assert not first.cancel()
    assert alive(pid)
    assert not second.done()
    fresh_runner.withdraw("b")
    with pytest.raises(JobCancelled, match="browser has gone"):
        second.result(1)
    assert not alive(pid)


def test_a_queued_job_of_two_sessions_stays_for_the_other(fresh_runner):
    blockers = [fresh_runner.submit("sleep", {"seconds": 60}) for _ in range(2)]
    first, second = (fresh_runner.submit("sleep", {"seconds": 0}, session=name) for name in "ab")
    assert fresh_runner.status().queued == 1
    assert first.cancel()
    assert first.cancelled()
    assert fresh_runner.status().queued == 1
    for job in blockers:
        job.cancel()
    assert second.result(10).value == {"slept": 0}


def test_a_cancelled_run_is_joined_by_nobody(fresh_runner, tmp_path):
    file = tmp_path / "pid"
    args = {"seconds": 2, "file": str(file)}
    first = fresh_runner.submit("sleep", args, session="a")
    started(file)
    first.cancel()
    again = fresh_runner.submit("sleep", args, session="a")
    assert again.run is not first.run
    assert again.result(20).value == {"slept": 2}
    assert fresh_runner.join(first, "b").cancelled()


def test_a_reloaded_page_joins_what_runs_and_what_is_done(fresh_runner, tmp_path):
    file = tmp_path / "pid"
    first = fresh_runner.submit("sleep", {"seconds": 1, "file": str(file)}, session="a")
    pid = started(file)
    second = fresh_runner.join(first, "b")
    fresh_runner.withdraw("a")
    assert first.cancelled()
    assert alive(pid)
    assert fresh_runner.sessions() == {"b"}
    assert second.result(10).value == {"slept": 1}
    third = fresh_runner.join(second, "c")
    assert third.result(0) is second.result(0)
    failing = fresh_runner.submit("segfault", session="a")
    with pytest.raises(WorkerDied):
        failing.result(10)
    with pytest.raises(WorkerDied):
        fresh_runner.join(failing, "b").result(0)


def test_a_session_is_withdrawn_from_one_run_alone(fresh_runner):
    shared, own = (fresh_runner.submit("sleep", {"seconds": 60 + n}, session="a") for n in range(2))
    other = fresh_runner.join(shared, "b")
    assert fresh_runner.sessions(shared.run) == {"a", "b"}
    fresh_runner.withdraw("a", shared.run)
    assert shared.cancelled()
    assert not own.done()
    assert not other.done()
    for job in (own, other):
        job.cancel()


def test_the_place_in_the_queue_is_told(fresh_runner):
    blockers = [fresh_runner.submit("sleep", {"seconds": 60}) for _ in range(2)]
    greedy = [
        fresh_runner.submit("sleep", {"seconds": 0, "n": n}, session="greedy") for n in range(3)
    ]
    modest = fresh_runner.submit("sleep", {"seconds": 0, "n": 9}, session="modest")
    same = fresh_runner.submit("sleep", {"seconds": 0, "n": 2}, session="other")
    assert fresh_runner.place(blockers[0]) is None
    places = {job: fresh_runner.place(job) for job in [*greedy, modest, same]}
    assert places[greedy[0]] == Place(1, 4)
    assert places[modest] == Place(2, 4)
    assert places[same] == places[greedy[2]] == Place(3, 4), "it is due when the first is"
    assert places[greedy[1]] == Place(4, 4)
    for job in blockers:
        job.cancel()
    concurrent.futures.wait([*greedy, modest, same], 20)
    assert fresh_runner.place(modest) is None


def test_a_small_job_does_not_wait_behind_long_ones(tmp_path):
    requests = {**TASKS, "read_path": replace(TASKS["read_path"], quick_below=1000)}
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_text("x")
    large.write_text("x" * 1000)
    spec = TemplateSpec(LIGHT, ("tests.jobs.worker_tasks",))
    with LocalRunner(
        Workspace(tmp_path / "w"), requests=requests, max_jobs=2, templates={LIGHT: spec}
    ) as runner:
        long = [
            runner.submit("sleep", {"seconds": 60 + number}, session=str(number))
            for number in range(4)
        ]
        waits = runner.submit("read_path", {"path": str(large)}, session="d")
        assert runner.run("read_path", {"path": str(small)}, session="d").value["text"] == "x"
        assert not waits.done()
        assert runner.place(waits) is not None
        for job in long:
            job.cancel()
        assert waits.result(20).value["text"] == "x" * 1000
