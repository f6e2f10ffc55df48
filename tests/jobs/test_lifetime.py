"""Processes and descriptors: what a worker starts with, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from inspector.errors import WorkerDied
from inspector.jobs import forkserver
from inspector.jobs.forkserver import ForkServer, TemplateSpec
from inspector.jobs.runner import LIGHT, TENSORFLOW, LocalRunner
from inspector.jobs.store.workspace import Workspace
from tests.jobs.test_runner import alive, until
from tests.jobs.worker_tasks import TASKS


def descriptors():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def children(pid="self"):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text().split()
    return [int(child) for child in found]


def test_what_a_worker_starts_with(runner, monkeypatch):
    secret = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(secret, True)
    runner.run("echo")
    try:
        seen = runner.run("who").value
    finally:
        os.close(secret)
    assert seen["descriptors"]["0"] == "/dev/null"
    kinds = sorted(where.partition(":")[0] for where in seen["descriptors"].values())
    assert kinds == ["/dev/null", "socket", "socket", "socket"], "line, and standard error twice"
    assert seen["session"] == seen["pid"]
    assert seen["parent"] == runner.status().templates[LIGHT].pid
    assert seen["no_new_privileges"]
    limits = seen["limits"]
    assert 3 << 30 < limits["AS"][0] == limits["AS"][1] < 5 << 30
    assert limits["CPU"][0] == 20
    assert limits["CORE"] == [0, 0]
    assert limits["STACK"][0] == 512 << 20


def test_a_worker_knows_neither_the_callers_main_nor_its_secrets(tmp_path):
    os.environ["SOME_TOKEN"] = "secret"
    try:
        workspace = Workspace(tmp_path)
        spec = TemplateSpec(LIGHT, ("numpy",))
        with LocalRunner(workspace, requests=TASKS, templates={LIGHT: spec}) as runner:
            seen = runner.run("who").value
    finally:
        del os.environ["SOME_TOKEN"]
    assert seen["main"] is None
    assert "SOME_TOKEN" not in seen["environment"]
    assert not {"pytest", "tensorflow", "streamlit"} & set(seen["modules"])


def test_workers_draw_different_random_numbers(runner):
    assert runner.run("who").value["random"] != runner.run("who").value["random"]


def test_a_hundred_jobs_leave_nothing(runner):
    runner.run("echo")
    before = descriptors()
    template = runner.status().templates[LIGHT].pid
    theirs = len(list(Path(f"/proc/{template}/fd").iterdir()))
    for i in range(100):
        assert runner.run("echo", {"i": i}).value == {"i": i}
    for _ in range(5):
        with pytest.raises(WorkerDied):
            runner.run("segfault")
    until(lambda: not children(template))
    until(lambda: descriptors() == before)
    assert len(list(Path(f"/proc/{template}/fd").iterdir())) == theirs


def test_what_a_job_started_ends_with_it(runner, tmp_path):
    runner.run("start_children", {"file": str(tmp_path / "pid")})
    until(lambda: not alive(int((tmp_path / "pid").read_text())))


@pytest.fixture(params=["ignored", "blocked"])
def deaf(request):
    """The caller's process does not hear of the death of children, and hands that down."""
    if request.param == "ignored":
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        yield
        signal.signal(signal.SIGCHLD, before)
    else:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        yield
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_jobs_of_a_caller_that_ignores_or_blocks_signals(tmp_path, deaf):
    spec = TemplateSpec(LIGHT, ("numpy",), "tests.jobs.worker_tasks:self_test_ok")
    with LocalRunner(Workspace(tmp_path), requests=TASKS, templates={LIGHT: spec}) as runner:
        assert runner.run("echo", {"x": 1}).value == {"x": 1}
        assert runner.status().templates[LIGHT].mode == "fork"
        with pytest.raises(WorkerDied, match="SIGSEGV"):
            runner.run("segfault")
        template = runner.status().templates[LIGHT].pid
        until(lambda: not children(template))


def test_shutdown_leaves_no_process(tmp_path):
    before, fds = set(children()), descriptors()
    spec = TemplateSpec(LIGHT, ("tests.jobs.worker_tasks",))
    runner = LocalRunner(Workspace(tmp_path), requests=TASKS, templates={LIGHT: spec})
    job = runner.submit("sleep", {"seconds": 60, "file": str(tmp_path / "pid")})
    until(lambda: job.progress[1] == "sleeping")
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    runner.shutdown(wait=False)
    assert set(children()) == before
    assert not alive(int((tmp_path / "pid").read_text()))
    assert descriptors() == fds


def test_a_killed_template_is_replaced_and_its_jobs_end(fresh_runner, tmp_path):
    file = tmp_path / "pid"
    job = fresh_runner.submit("sleep", {"seconds": 60, "file": str(file)})
    until(lambda: file.exists() and file.read_text())
    first = fresh_runner.status().templates[LIGHT].pid
    os.kill(first, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="try again"):
        job.result(10)
    until(lambda: not alive(int(file.read_text())))
    assert fresh_runner.run("echo", {"again": True}).value == {"again": True}
    assert fresh_runner.status().templates[LIGHT].pid != first
    assert not alive(first)


def test_a_job_whose_template_dies_before_its_start_runs_in_the_next_one(fresh_runner):
    fresh_runner.run("echo")
    for turn in range(5):
        os.kill(fresh_runner.status().templates[LIGHT].pid, signal.SIGKILL)
        assert fresh_runner.run("echo", {"turn": turn}).value == {"turn": turn}


def test_a_dead_template_whose_end_is_noticed_late_is_replaced(fresh_runner, monkeypatch):
    bury = forkserver._Process._bury

    def bury_late(process):
        time.sleep(0.5)
        bury(process)

    monkeypatch.setattr(forkserver._Process, "_bury", bury_late)
    fresh_runner.run("echo")
    first = fresh_runner.status().templates[LIGHT].pid
    os.kill(first, signal.SIGKILL)
    until(lambda: not alive(first))
    assert fresh_runner.run("echo", {"again": True}).value == {"again": True}


def test_a_template_that_dies_at_its_start_is_an_error_not_a_hang(tmp_path):
    (tmp_path / "dies_at_import.py").write_text("import os; os._exit(5)")
    spec = TemplateSpec(LIGHT, ("dies_at_import",))
    sys.path.insert(0, str(tmp_path))
    try:
        workspace = Workspace(tmp_path / "workspace")
        with (
            LocalRunner(workspace, requests=TASKS, templates={LIGHT: spec}) as runner,
            pytest.raises(WorkerDied),
        ):
            runner.run("echo")
    finally:
        sys.path.remove(str(tmp_path))


def test_a_module_that_cannot_be_imported_is_reported_and_others_work(tmp_path, caplog):
    spec = TemplateSpec(LIGHT, ("no.such.module", "numpy"))
    with LocalRunner(Workspace(tmp_path), requests=TASKS, templates={LIGHT: spec}) as runner:
        assert runner.run("echo").value == {}
        assert runner.status().templates[LIGHT].problems == ("no.such.module cannot be imported",)
    assert "ModuleNotFoundError" in caplog.text


@pytest.mark.parametrize(
    ("self_test", "mode"),
    [("self_test_ok", "fork"), ("self_test_bad", "spawn"), ("missing", "spawn")],
)
def test_a_failed_self_test_falls_back_to_spawn_and_says_so(tmp_path, self_test, mode):
    module = "tests.jobs.worker_tasks"
    spec = TemplateSpec(LIGHT, (module,), f"{module}:{self_test}")
    with LocalRunner(Workspace(tmp_path), requests=TASKS, templates={LIGHT: spec}) as runner:
        seen = runner.run("who").value
        status = runner.status().templates[LIGHT]
        assert status.mode == mode
        assert any("self-test" in problem for problem in status.problems) == (mode == "spawn")
        assert 3 << 30 < seen["limits"]["AS"][0] == seen["limits"]["AS"][1] < 5 << 30
        assert seen["parent"] == status.pid
        assert sorted(seen["descriptors"])[:3] == ["0", "1", "2"]
        with pytest.raises(WorkerDied, match="SIGSEGV"):
            runner.run("segfault")


def test_only_the_template_a_job_needs_is_started(runner, tmp_path):
    specs = {LIGHT: TemplateSpec(LIGHT), TENSORFLOW: TemplateSpec(TENSORFLOW)}
    with LocalRunner(Workspace(tmp_path), requests=TASKS, templates=specs) as other:
        other.run("echo")
        states = {name: status.state for name, status in other.status().templates.items()}
        assert states == {LIGHT: "ready", TENSORFLOW: "stopped"}


CALLER = """
    import sys, time
    from pathlib import Path
    from inspector.jobs.runner import LIGHT, LocalRunner
    from inspector.jobs.forkserver import TemplateSpec
    from inspector.jobs.store.workspace import Workspace
    from tests.jobs.worker_tasks import TASKS

    print("main runs")
    spec = TemplateSpec(LIGHT, ("tests.jobs.worker_tasks",))
    runner = LocalRunner(Workspace(Path(sys.argv[1])), requests=TASKS, templates={LIGHT: spec})
    job = runner.submit("sleep", {"seconds": float(sys.argv[2]), "file": sys.argv[3]})
    while not Path(sys.argv[3]).exists():
        time.sleep(0.01)
    print(runner.status().templates[LIGHT].pid, flush=True)
    print(job.result().value, flush=True)
"""


@pytest.fixture
def caller(root, tmp_path):
    """A script without a main guard, as a notebook or a plain script is."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(CALLER))

    def start(seconds):
        command = [sys.executable, "-W", "error", str(script), str(tmp_path / "w"), str(seconds)]
        return subprocess.Popen(
            [*command, str(tmp_path / "pid")],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_workers_die_with_a_killed_parent(caller, tmp_path):
    with caller(60) as process:
        assert process.stdout.readline() == "main runs\n"
        template = int(process.stdout.readline())
        worker = int((tmp_path / "pid").read_text())
        assert alive(worker)
        process.kill()
        process.wait()
    until(lambda: not alive(worker))
    until(lambda: not alive(template))


def test_a_plain_script_runs_once_and_exits_with_nothing_left(caller):
    with caller(0.1) as process:
        output, errors = process.communicate(timeout=30)
    lines = output.splitlines()
    assert process.returncode == 0, errors
    assert errors == ""
    assert lines[0] == "main runs"
    assert lines[2:] == ["{'slept': 0.1}"]
    time.sleep(0.1)
    until(lambda: not alive(int(lines[1])))


def test_the_runner_of_a_process_is_one_and_starts_nothing_by_itself(root, tmp_path):
    script = """
        from inspector.jobs.client.default_runner import default_runner
        runner = default_runner()
        assert runner is default_runner()
        print(runner.workspace.root)
        print(sorted(status.state for status in runner.status().templates.values()))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=root,
        env={**os.environ, "INSPECTOR_WORKSPACE": str(tmp_path / "ws")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [str(tmp_path / "ws"), "['stopped', 'stopped']"]
    assert done.stderr == ""


def test_a_template_that_is_ended_while_it_imports_is_no_warning(caplog):
    server = ForkServer(TemplateSpec(TENSORFLOW, ("tensorflow",)))
    server.start()
    process = server._process
    assert process is not None
    server.close()
    assert process.popen.returncode == -signal.SIGKILL
    assert caplog.records == []
