"""A caller that forks: children and parent each have workers of their own, and nobody hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from inspector.errors import WorkerDied
from inspector.formats.archives import Scratch
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.store.workspace import Workspace
from tests.conftest import ROOT
from tests.jobs.test_runner import alive, until
from tests.jobs.worker_tasks import TASKS

LIMIT_S = 60

BEGIN = """
import concurrent.futures, multiprocessing, os, signal, sys, threading, time
from pathlib import Path
from inspector.errors import WorkerDied
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.store.workspace import Workspace
from tests.jobs.worker_tasks import TASKS

signal.alarm(50)  # nothing hangs for longer
spec = TemplateSpec(LIGHT, ("numpy", "tests.jobs.worker_tasks"))
workspace = Workspace(Path(sys.argv[1]))
runner = LocalRunner(workspace, requests=TASKS, max_jobs=4, templates={LIGHT: spec})

def echo(value):
    return runner.run("echo", {"value": value}).value["value"]

def template():
    return runner.status().templates[LIGHT].pid

def forked(function):
    pid = os.fork()
    if pid == 0:
        signal.alarm(40)
        function()
        sys.exit(0)  # with the exit handlers that the child has inherited
    return pid

def is_alive(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False

def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

assert echo("first") == "first"
own = template()
"""

END = """
assert echo("last") == "last"
assert template() == own, "the parent's template is the one it had"
runner.shutdown()
print("done")
"""


def run_script(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python of its own, in which a forgotten process or socket is an error."""
    script = BEGIN + textwrap.dedent(body) + END
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


SCRIPTS = {
    "fork": """
        def child():
            assert echo("child") == "child"
            assert template() != own
        assert ended(forked(child)) == 0
    """,
    "nested forks": """
        def grandchild():
            assert echo("grandchild") == "grandchild"
        def child():
            assert ended(forked(grandchild)) == 0
            assert echo("child") == "child"
            theirs = template()
            assert ended(forked(grandchild)) == 0
            assert echo("again") == "again"
            assert template() == theirs
        assert ended(forked(child)) == 0
    """,
    "fork while a job runs": """
        job = runner.submit("sleep", {"seconds": 2})
        while job.progress[1] != "sleeping":
            time.sleep(0.01)
        def child():
            try:
                job.result(5)
            except WorkerDied as err:
                assert "the parent process" in str(err), err
            else:
                raise AssertionError("the answer is the parent's")
            assert runner.status().running == 0
            assert echo("child") == "child"
        assert ended(forked(child)) == 0
        assert job.result(20).value == {"slept": 2}
    """,
    "fork a pool of four": """
        with multiprocessing.get_context("fork").Pool(4) as pool:
            assert pool.map(echo, range(12)) == list(range(12))
            assert echo("between") == "between"
            assert pool.map(echo, range(12)) == list(range(12))
    """,
    "fork an executor": """
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as pool:
            assert list(pool.map(echo, range(9))) == list(range(9))
            assert echo("between") == "between"
    """,
    "children and parent at once, as servers that load before they fork": """
        def child():
            for i in range(10):
                assert echo(i) == i
        pids = [forked(child) for _ in range(4)]
        for i in range(20):
            assert echo(i) == i
        assert [ended(pid) for pid in pids] == [0] * 4
    """,
    "children that are killed": """
        def child():
            job = runner.submit("sleep", {"seconds": 40})
            while job.progress[1] != "sleeping":
                time.sleep(0.01)
            os.write(out, b"%d " % template())
            time.sleep(40)
        read, out = os.pipe()
        pids = [forked(child) for _ in range(2)]
        templates = []
        while len(templates) < 2:
            templates += os.read(read, 100).split()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            assert ended(pid) == -signal.SIGKILL
        for pid in templates:
            while is_alive(int(pid)):
                time.sleep(0.05)
    """,
    "no socket of the parent is open in a child": """
        job = runner.submit("sleep", {"seconds": 2})
        while job.progress[1] != "sleeping":
            time.sleep(0.01)
        def sockets():
            folder = "/proc/self/fd"
            ends = set()
            for name in os.listdir(folder):
                try:
                    ends.add(os.readlink(f"{folder}/{name}"))
                except OSError:
                    pass
            return {end for end in ends if end.startswith("socket:") or "deleted" in end}
        parents = sockets()
        assert len(parents) > 3, parents
        def child():
            assert not sockets() & parents
        assert ended(forked(child)) == 0
        job.result(20)
    """,
    "forks while other threads start jobs and templates": """
        stop = threading.Event()
        def work(number):
            with LocalRunner(runner.workspace, requests=TASKS, templates={LIGHT: spec}) as other:
                while not stop.is_set():
                    assert other.run("echo", {"n": number}).value == {"n": number}
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(12):
            pid = os.fork()
            if pid == 0:
                assert echo("child") == "child"
                os._exit(0)
            assert ended(pid) == 0
        stop.set()
        for thread in threads:
            thread.join()
    """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_caller_forks(tmp_path, name):
    done = run_script(tmp_path, SCRIPTS[name])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done"
    assert done.stderr == ""


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_program_that_predicts_forks_and_predicts_again():
    script = """
import multiprocessing
import os
import sys
import numpy as np
import inspector

model = inspector.open_model(sys.argv[1])
names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
feeds = {name: [1.0, 2.0] for name in names}

def classes(_turn=0):
    return inspector.predict(model, feeds)["class_ids"].tolist()

first = classes()
pid = os.fork()
if pid == 0:
    os._exit(0 if classes() == first else 1)
assert classes() == first
assert os.waitpid(pid, 0)[1] == 0
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(classes, range(4), chunksize=1) == [first] * 4
steps = inspector.optimise(model, preset="tidy", check=True).steps
assert {step.check.status for step in steps} == {"equal"}
print("done")
"""
    model = str(ROOT / "sample_models" / "iris" / "saved_model")
    done = subprocess.run(
        [sys.executable, "-c", script, model],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_a_template_sees_its_runners_end_while_a_forked_child_lives(tmp_path):
    script = BEGIN + textwrap.dedent("""
        child = forked(lambda: time.sleep(40))
        print(own, child, flush=True)
        time.sleep(40)
    """)
    command = [sys.executable, "-c", script, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environ) as process:
        assert process.stdout is not None
        template, child = map(int, process.stdout.readline().split())
        process.kill()
        try:
            until(lambda: not alive(template))
            assert alive(child)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_child_that_ends_leaves_temporary_folders_to_its_parent():
    scratch = Scratch()
    pid = os.fork()
    if pid == 0:
        scratch.remove()
        os._exit(0)
    os.waitpid(pid, 0)
    assert scratch.path.is_dir()
    scratch.remove()
    assert not scratch.path.exists()


SAYS = """
from inspector.jobs import template

send = template._Template._send

def say(self, value):
    if "pid" in value:
        self._control.sendall({line!r} + b"\\n")
    send(self, value)

template._Template._send = say
"""


def runner_of_a_template_that_says(line: bytes, tmp_path: Path) -> LocalRunner:
    (tmp_path / "says.py").write_text(SAYS.format(line=line))
    spec = TemplateSpec(LIGHT, ("tests.jobs.worker_tasks", "says"))
    return LocalRunner(Workspace(tmp_path / "home"), requests=TASKS, templates={LIGHT: spec})


OF_NO_JOB = (
    b'{"launched": 77, "pid": 1}',
    b'{"exited": 77, "code": 0}',
    b'{"refused": 77, "why": ""}',
    b"[]",
)


@pytest.mark.parametrize("line", OF_NO_JOB)
def test_a_message_about_a_job_that_is_not_known_is_ignored(tmp_path, monkeypatch, line):
    monkeypatch.syspath_prepend(str(tmp_path))
    with runner_of_a_template_that_says(line, tmp_path) as runner:
        assert runner.run("echo", {"a": 1}).value == {"a": 1}
        assert runner.run("echo", {"a": 2}).value == {"a": 2}


@pytest.mark.parametrize("line", [b"no json", b'{"launched": [], "pid": 1}'])
def test_a_template_that_cannot_be_understood_ends_and_nobody_waits(tmp_path, monkeypatch, line):
    monkeypatch.syspath_prepend(str(tmp_path))
    with (
        runner_of_a_template_that_says(line, tmp_path) as runner,
        pytest.raises(WorkerDied, match="try again"),
    ):
        runner.submit("echo").result(30)
