"""Which run may start: cores, memory that is left, and slots for what is quick."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector.jobs import memory
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.job import Job, Order, Run
from inspector.jobs.orders import complete
from inspector.jobs.requests import GIB, MIB, REQUESTS, Limits, Request
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.slots import QUICK_S, Slots
from inspector.jobs.store.workspace import Workspace
from tests.jobs.test_runner import until
from tests.jobs.worker_tasks import TASKS


def a_run(
    mib: int = 100, *, quick: bool = False, session: str = "a", executes: bool = False
) -> Run:
    request = Request("x", "x:x", runs=executes)
    order = Order(request, {}, {}, Limits(), None, None, None, mib * MIB, quick)
    run = Run(order)
    run.jobs.add(Job(run, session, lambda _job: True))
    run.started = time.monotonic()
    return run


def slots(left_mib: int | None = None, **options: int) -> Slots:
    left = None if left_mib is None else left_mib * MIB
    return Slots(options.get("long", 2), options.get("quick", 2), lambda: left, lambda _pid: 0)


def test_long_runs_get_a_slot_for_each_core() -> None:
    assert slots().rule([a_run()])(a_run())
    assert not slots().rule([a_run(), a_run()])(a_run())


def test_a_run_starts_only_where_memory_is_left_for_it() -> None:
    assert slots(250).rule([a_run(100)])(a_run(100))
    assert not slots(150).rule([a_run(100)])(a_run(100)), "the first has not taken its part yet"
    assert slots(150).rule([])(a_run(1000)), "one runs always"


def test_what_a_run_has_taken_is_not_set_aside_twice() -> None:
    rule = Slots(2, 2, lambda: 150 * MIB, lambda _pid: 90 * MIB)
    running = a_run(100)
    assert not rule.rule([running])(a_run(145)), "no process yet, so nothing is taken"
    running.child = type("Child", (), {"pid": 1})()
    assert rule.rule([running])(a_run(140))


def test_small_runs_do_not_overtake_one_that_waits_for_memory() -> None:
    fits = slots(250, long=3).rule([a_run(100)])
    assert not fits(a_run(500))
    assert not fits(a_run(10))
    assert fits(a_run(10, quick=True))


def test_quick_runs_have_slots_of_their_own() -> None:
    long = [a_run(), a_run()]
    running = list(long)
    for session in "ab":
        run = a_run(quick=True, session=session)
        assert slots().rule(running)(run)
        running.append(run)
    assert not slots().rule(running)(a_run(quick=True, session="c"))
    for run in running[2:]:
        run.started = time.monotonic() - QUICK_S
    assert slots().rule(running)(a_run(quick=True, session="c")), "those are not quick after all"
    assert not slots().rule(long)(a_run())


def test_predictions_do_not_wait_for_long_runs_and_leave_room_to_open_models() -> None:
    running = [a_run(), a_run()]
    prediction = a_run(quick=True, executes=True)
    assert slots().rule(running)(prediction)
    running.append(prediction)
    assert not slots().rule(running)(a_run(quick=True, session="b", executes=True))
    prediction.started = time.monotonic() - QUICK_S
    assert not slots().rule(running)(a_run(quick=True, session="b", executes=True))
    assert slots().rule(running)(a_run(quick=True, session="b"))
    assert slots(quick=4).rule(running)(a_run(quick=True, session="b", executes=True))


def test_a_prediction_of_a_small_model_is_quick(tmp_path: Path) -> None:
    for size, quick in ((1 << 20, True), (64 << 20, False)):
        path = tmp_path / str(size)
        path.write_bytes(b"")
        os.truncate(path, size)
        order = complete(
            Workspace(tmp_path / "workspace"),
            REQUESTS,
            "predict",
            {"path": str(path)},
            {},
            None,
            None,
            shared=False,
        )
        assert order.quick is quick


def test_one_session_does_not_get_all_quick_slots() -> None:
    long = [a_run(), a_run()]
    first = a_run(quick=True)
    assert slots().rule(long)(first)
    assert not slots().rule([*long, first])(a_run(quick=True))
    assert slots().rule([*long, first])(a_run(quick=True, session="b"))


def test_a_queued_job_starts_when_memory_is_given_back(tmp_path: Path) -> None:
    left = [100 * MIB]
    spec = TemplateSpec(LIGHT, ("tests.jobs.worker_tasks",))
    with LocalRunner(
        Workspace(tmp_path),
        requests=TASKS,
        templates={LIGHT: spec},
        slots=Slots(4, 2, lambda: left[0], lambda _pid: 0),
    ) as runner:
        first = runner.submit("sleep", {"seconds": 60})
        second = runner.submit("sleep", {"seconds": 0})
        until(lambda: first.progress[1] == "sleeping")
        assert (runner.status().running, runner.status().queued) == (1, 1)
        assert not second.done()
        left[0] = GIB
        assert second.result(10).value == {"slept": 0}
        first.cancel()


def test_the_expected_memory_is_that_of_the_measured_model() -> None:
    expected = REQUESTS["optimise"].expected_memory(103 * MIB)
    assert 1.4 * GIB < expected < 2.1 * GIB, "2.1 with the pages that it shares with its template"


def kernel(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize(
    ("groups", "files", "left"),
    [
        ("0::/\n", {}, 1000 * 1024),
        (
            "0::/a/b\n",
            {
                "a/b/memory.max": "max\n",
                "a/b/memory.current": "5\n",
                "a/memory.max": "900\n",
                "a/memory.current": "500\n",
                "a/memory.stat": "anon 1\ninactive_file 100\n",
            },
            500,
        ),
        ("0::/not/seen/in/a/container\n", {"memory.max": "700", "memory.current": "600"}, 100),
        (
            "5:cpu,memory:/c\n4:pids:/\n",
            {
                "memory/c/memory.limit_in_bytes": "800",
                "memory/c/memory.usage_in_bytes": "300",
                "memory/c/memory.stat": "total_inactive_file 7",
            },
            507,
        ),
    ],
)
def test_memory_is_what_the_machine_and_the_groups_have_left(
    tmp_path: Path, groups: str, files: dict[str, str], left: int
) -> None:
    proc = kernel(
        tmp_path / "proc", {"meminfo": "MemAvailable:   1000 kB\n", "self/cgroup": groups}
    )
    assert memory.available(proc, kernel(tmp_path / "cgroup", files)) == left


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert memory.available(tmp_path, tmp_path) is None
    assert memory.private(1, tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_this_machine_and_of_a_process() -> None:
    left = memory.available()
    assert left is not None
    assert left > 10 * MIB
    code = "b = bytearray(b'x') * (64 << 20); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 64 * MIB < memory.private(process.pid) < 128 * MIB
        process.communicate(b"\n")
