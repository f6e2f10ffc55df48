"""Templates that are stopped, hang or die: a cancelled job ends at once all the same."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time

import pytest

from inspector.errors import JobCancelled, WorkerDied
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.runner import LIGHT, LocalRunner
from inspector.jobs.store.workspace import Workspace
from tests.jobs.test_lifetime import children
from tests.jobs.test_runner import alive, until
from tests.jobs.worker_tasks import TASKS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd")
AT_ONCE_S = 5.0
"""Less than the 10 s after which a template that does not answer is replaced."""


def sleeping(runner, tmp_path, name="pid", seconds=60):
    file = tmp_path / name
    job = runner.submit("sleep", {"seconds": seconds, "file": str(file)}, session=name)
    until(lambda: file.exists() and file.read_text())
    return job, int(file.read_text())


def cancelled_at_once(job):
    start = time.monotonic()
    assert job.cancel()
    with pytest.raises(JobCancelled):
        job.result(10)
    assert time.monotonic() - start < AT_ONCE_S


@pytest.fixture
def stopped(fresh_runner, tmp_path):
    """A runner whose template has a worker and is stopped; it goes on at the end."""
    job, pid = sleeping(fresh_runner, tmp_path)
    template = fresh_runner.status().templates[LIGHT].pid
    os.kill(template, signal.SIGSTOP)
    yield fresh_runner, job, pid, template
    try:
        os.kill(template, signal.SIGCONT)
    except ProcessLookupError:
        return


def test_a_running_job_of_a_stopped_template_is_cancelled(stopped):
    runner, job, pid, template = stopped
    cancelled_at_once(job)
    assert not alive(pid)
    os.kill(template, signal.SIGCONT)
    until(lambda: not children(template))
    assert runner.run("echo", {"again": 1}).value == {"again": 1}
    assert runner.status().templates[LIGHT].pid == template


def test_a_job_that_a_stopped_template_should_start_is_cancelled(stopped, tmp_path):
    runner, job, _pid, template = stopped
    late = runner.submit("sleep", {"seconds": 60, "file": str(tmp_path / "late")})
    until(lambda: runner.status().running == 2)
    time.sleep(0.1)
    cancelled_at_once(late)
    cancelled_at_once(job)
    os.kill(template, signal.SIGCONT)
    until(lambda: not children(template))
    assert not (tmp_path / "late").exists()


def test_other_jobs_of_a_stopped_template_give_their_answers(fresh_runner, tmp_path):
    job, _pid = sleeping(fresh_runner, tmp_path, seconds=1)
    other, _pid = sleeping(fresh_runner, tmp_path, "other")
    template = fresh_runner.status().templates[LIGHT].pid
    os.kill(template, signal.SIGSTOP)
    try:
        cancelled_at_once(other)
        assert job.result(5).value == {"slept": 1}
    finally:
        os.kill(template, signal.SIGCONT)


def test_a_stopped_template_is_replaced_when_a_job_needs_it(stopped):
    runner, job, pid, template = stopped
    assert runner.run("echo", {"new": 1}).value == {"new": 1}
    assert not alive(template)
    with pytest.raises(WorkerDied, match="try again"):
        job.result(5)
    assert not alive(pid)


def test_a_worker_that_dies_under_a_stopped_template_is_an_error(stopped):
    _runner, job, pid, _template = stopped
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="ended without an answer"):
        job.result(5)


def test_a_job_is_cancelled_while_its_template_hangs_at_an_import(tmp_path, monkeypatch):
    (tmp_path / "hangs_at_import.py").write_text("import time; time.sleep(1000)")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = TemplateSpec(LIGHT, ("hangs_at_import",))
    runner = LocalRunner(Workspace(tmp_path / "w"), requests=TASKS, templates={LIGHT: spec})
    job = runner.submit("echo")
    until(lambda: runner.status().templates[LIGHT].state == "starting")
    template = runner.status().templates[LIGHT].pid
    cancelled_at_once(job)
    runner.shutdown(wait=False)
    assert not alive(template)


def test_a_job_is_cancelled_when_its_template_is_dead(fresh_runner, tmp_path):
    job, pid = sleeping(fresh_runner, tmp_path)
    os.kill(fresh_runner.status().templates[LIGHT].pid, signal.SIGKILL)
    job.cancel()
    with pytest.raises((JobCancelled, WorkerDied)):
        job.result(1)
    until(lambda: not alive(pid))


def test_the_log_says_cancelled_and_names_no_signal(fresh_runner, tmp_path, caplog):
    caplog.set_level(logging.INFO, "inspector")
    job, _pid = sleeping(fresh_runner, tmp_path)
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result(5)
    (message,) = caplog.messages
    assert message.startswith(f"job {job.run.id} sleep: cancelled after ")
    assert "SIGKILL" not in caplog.text
