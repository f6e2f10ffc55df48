"""The template with TensorFlow: its forks run ops and sessions, and are as mortal as others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait

import pytest

from inspector.errors import LimitExceeded, WorkerDied
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.requests import Limits, Request, table
from inspector.jobs.runner import TENSORFLOW, LocalRunner
from inspector.jobs.store.workspace import Workspace

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

LIMITS = Limits(wall_s=60, memory_bytes=4 << 30)
REQUESTS = table(
    *(
        Request(name, f"tests.jobs.worker_tasks:{name}", tensorflow=True, limits=LIMITS)
        for name in ("tensorflow_op", "who", "segfault", "use_memory")
    )
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRunner]:
    spec = TemplateSpec(
        TENSORFLOW, ("tests.jobs.worker_tasks",), "inspector.backend.self_test:run_an_op"
    )
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    runner = LocalRunner(workspace, requests=REQUESTS, max_jobs=2, templates={TENSORFLOW: spec})
    yield runner
    runner.shutdown(wait=False)


def test_ops_and_sessions_run_in_every_fork(runner):
    jobs = [runner.submit("tensorflow_op", {"x": [1.5, i]}) for i in range(6)]
    wait(jobs, 60)
    values = [job.result(0).value for job in jobs]
    assert [value["eager"] for value in values] == [1.5 + i for i in range(6)]
    assert [value["session"] for value in values] == [1.5 + i for i in range(6)]
    assert len({value["pid"] for value in values}) == 6
    status = runner.status().templates[TENSORFLOW]
    assert status.mode == "fork", status.problems


def test_the_libraries_do_not_use_up_the_memory_of_a_job(runner):
    allowed = LIMITS.memory_bytes - (256 << 20)
    assert runner.run("use_memory", {"bytes": allowed}).value == {"n": allowed}
    with pytest.raises(LimitExceeded, match="memory"):
        runner.run("use_memory", {"bytes": LIMITS.memory_bytes})


def test_tensorflow_is_told_to_be_quiet(runner):
    environment = runner.run("who").value["environment"]
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert environment["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert environment["CUDA_VISIBLE_DEVICES"] == ""
    assert environment["KERAS_HOME"] == "/dev/null/keras", "no config of the user's is read"


def test_a_death_leaves_the_template_alive(runner):
    before = runner.status().templates[TENSORFLOW].pid
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        runner.run("segfault")
    assert runner.run("tensorflow_op", {"x": [2.0]}).value["eager"] == 2.0
    assert runner.status().templates[TENSORFLOW].pid == before
