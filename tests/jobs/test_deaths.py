"""Workers that die, hang or lie: each ends as one clear error, and the next job runs."""

from __future__ import annotations

import signal
import time

import pytest

from inspector.errors import InspectorError, JobFailed, JobTimeout, LimitExceeded, WorkerDied
from inspector.jobs.requests import Limits
from tests.jobs.worker_tasks import RAW


@pytest.fixture(autouse=True)
def _the_next_job_runs(runner):
    yield
    assert runner.run("echo", {"after": 1}).value == {"after": 1}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("segfault", "SIGSEGV.*crashed on this model, or ran out of its 3.0 GiB of memory"),
        ("abort", "SIGABRT.*crashed"),
        ("killed", "SIGKILL.*memory"),
        ("use_cpu", "SIGXCPU.*1 s of processor time"),
        ("exit_hard", "exit status 7"),
    ],
)
def test_a_death_names_its_cause(runner, kind, says):
    with pytest.raises(WorkerDied, match=says):
        runner.run(kind)


_ENDING = sorted(
    set(signal.Signals)
    - {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT}
    - {signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH}  # these end no process
    - {signal.SIGPIPE, signal.SIGXFSZ}  # these are errors of the call in a worker
)


@pytest.mark.parametrize("number", _ENDING, ids=lambda number: number.name)
def test_each_signal_ends_one_job_with_its_name(runner, number):
    other = runner.submit("sleep", {"seconds": 0.3})
    with pytest.raises(WorkerDied, match=f"ended by {number.name}: ") as caught:
        runner.run("signalled", {"signal": int(number)})
    is_crash = "it crashed on this model" in str(caught.value)
    assert is_crash == (number.name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGTRAP"))
    assert other.result(10).value == {"slept": 0.3}


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGXFSZ], ids=lambda number: number.name)
def test_signals_that_are_errors_of_a_call_end_nothing(runner, number):
    assert runner.run("signalled", {"signal": int(number)}).value == {"survived": int(number)}


def test_last_words_go_to_the_log_only(runner, caplog):
    with pytest.raises(WorkerDied) as caught:
        runner.run("exit_hard")
    assert "last words" in caplog.text
    assert "last words" not in str(caught.value)


def test_the_memory_limit_is_kept(runner):
    assert runner.run("use_memory", {"bytes": 50 << 20}).value == {"n": 50 << 20}
    with pytest.raises(LimitExceeded, match="1,024 MiB"):
        runner.run("use_memory", {"bytes": 2 << 30})


@pytest.mark.parametrize("kind", ["half_a_head", "half_a_value", "blobs_missing"])
def test_a_worker_that_stalls_in_mid_message(runner, kind):
    started = time.monotonic()
    with pytest.raises(JobFailed, match="in the middle of its answer"):
        runner.run(kind)
    assert time.monotonic() - started < 5


def test_a_stopped_worker_runs_into_its_time(runner):
    with pytest.raises(JobTimeout):
        runner.run("stop_itself")


def test_a_worker_that_hangs_up_and_lives(runner):
    with pytest.raises(JobFailed, match="closed its line"):
        runner.run("hang_up")


@pytest.mark.parametrize("kind", ["flood", "flood_progress"])
def test_a_flood_is_cut_off(runner, kind):
    with pytest.raises(JobFailed, match="larger than its limit"):
        runner.run(kind, limits=Limits(wall_s=20, result_bytes=1 << 20))


def test_a_flood_of_standard_error_keeps_its_tail(runner):
    result = runner.run("flood_stderr")
    assert len(result.log) <= 16 << 10
    assert result.log.endswith("the end")


@pytest.mark.parametrize("which", sorted(RAW))
def test_nonsense_is_not_believed(runner, which):
    with pytest.raises(JobFailed, match="worker"):
        runner.run("raw", {"which": which})


def test_an_error_of_another_kind_cannot_be_forged(runner):
    with pytest.raises(InspectorError) as caught:
        runner.run("forged_error")
    assert type(caught.value) is JobFailed
