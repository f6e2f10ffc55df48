"""A worker that a model took over: what it may do, and all that it tries and may not."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.requests import REQUESTS, Limits, Request, table
from inspector.jobs.runner import LIGHT, TENSORFLOW, LocalRunner
from inspector.jobs.sandbox import enter
from inspector.jobs.store.workspace import Workspace
from tests.jobs.escapes import ATTEMPTS, RAW, TENSORFLOW_ATTEMPTS
from tests.jobs.test_runner import alive, until

pytestmark = pytest.mark.skipif(
    bool(enter.parts().missing()), reason="; ".join(enter.parts().missing())
)

SECRET = "a line of a file of the server"
LIMITS = Limits(wall_s=90, memory_bytes=8 << 30)
REQUESTS_HERE = table(
    *(
        Request(f"{name}{'_tensorflow' if tensorflow else ''}", f"tests.jobs.escapes:{name}",
                tensorflow=tensorflow, limits=LIMITS)
        for name in ("attempts", "own_work")
        for tensorflow in (False, True)
    ),
    Request("sleep", "tests.jobs.worker_tasks:sleep", limits=LIMITS, confined=False),
    Request("bad_module", "tests.jobs.nowhere:task"),
)  # fmt: skip
REFUSED = {str(errno.EPERM), str(errno.EACCES), str(errno.ENOSYS)}

KINDS = [
    pytest.param(("attempts", "fork"), id="light"),
    pytest.param(("attempts", "spawn"), id="light, a new Python for each job"),
    pytest.param(
        ("attempts_tensorflow", "fork"),
        id="tensorflow",
        marks=[pytest.mark.tensorflow, pytest.mark.slow],
    ),
]


def runner_at(root: Path, mode: str) -> LocalRunner:
    modules = ("tests.jobs.escapes", "tests.jobs.worker_tasks")
    specs = {
        LIGHT: TemplateSpec(LIGHT, modules, spawn=mode == "spawn"),
        TENSORFLOW: TemplateSpec(TENSORFLOW, (*modules, "inspector.backend.self_test")),
    }
    return LocalRunner(Workspace(root), requests=REQUESTS_HERE, max_jobs=4, templates=specs)


@pytest.fixture(scope="module", params=KINDS)
def attacked(request, tmp_path_factory) -> Iterator[dict[str, Any]]:
    """The server's files, a model in a folder with others, a job beside, and what was refused."""
    kind, mode = request.param
    outside = tmp_path_factory.mktemp("outside")
    models = tmp_path_factory.mktemp("models")
    (outside / "secret").write_text(SECRET)
    for name in ("model.pb", "model.pb.copy", "neighbour.pb"):
        (models / name).write_text(name)
    port = socket.create_server(("127.0.0.1", 0))
    unix, abstract = (socket.socket(socket.AF_UNIX) for _ in range(2))
    unix.bind(str(outside / "unix"))
    abstract.bind(f"\0inspector-test-{os.getpid()}-{mode}-{kind}")
    with runner_at(tmp_path_factory.mktemp("workspace"), mode) as runner, port, unix, abstract:
        for line in (unix, abstract):
            line.listen()
        other = runner.workspace.add_folder(models / "neighbour.pb")
        job = runner.submit("sleep", {"seconds": 80, "file": str(models / "pid")})
        until(lambda: (models / "pid").exists() and (models / "pid").read_text(), 60)
        args = {
            "path": str(models / "model.pb"),
            "neighbour": str(models / "neighbour.pb"),
            "other_model": str(other.path),
            "secret": str(outside / "secret"),
            "outside": str(outside),
            "home": str(Path.home()),
            "caller": os.getpid(),
            "port": port.getsockname()[1],
            "unix": str(outside / "unix"),
            "abstract": abstract.getsockname()[1:].decode(),
            "other_job": int((models / "pid").read_text()),
            "tensorflow": kind.endswith("tensorflow"),
        }
        before = {path: path.stat() for path in outside.rglob("*")}
        result = runner.run(kind, args)
        yield {
            "runner": runner,
            "args": args,
            "refused": result.value,
            "before": before,
            "outside": outside,
            "models": models,
            "job": job,
            "own_work": kind.replace("attempts", "own_work"),
        }
        job.cancel()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_is_refused(attacked, name):
    assert attacked["refused"]["python"][name] is not None


@pytest.mark.parametrize("name", TENSORFLOW_ATTEMPTS)
def test_tensorflow_reaches_no_further(attacked, name):
    if attacked["args"]["tensorflow"]:
        assert attacked["refused"]["python"][name] is not None


def test_system_calls_are_refused_before_the_kernel_looks_at_their_arguments(attacked):
    how = attacked["refused"]["raw"]
    reached = {
        name: how[name] for name in RAW if how[name] not in {*REFUSED, "NotImplementedError"}
    }
    assert not reached


def test_threads_are_held_too(attacked):
    assert attacked["refused"]["thread"] in REFUSED


def test_nothing_outside_has_changed_and_nobody_was_hurt(attacked):
    outside, args = attacked["outside"], attacked["args"]
    assert (outside / "secret").read_text() == SECRET
    after = {path: path.stat() for path in outside.rglob("*")}
    assert {path: (s.st_mode, s.st_mtime_ns, s.st_nlink) for path, s in after.items()} == {
        path: (s.st_mode, s.st_mtime_ns, s.st_nlink) for path, s in attacked["before"].items()
    }
    assert (attacked["models"] / "model.pb").read_text() == "model.pb"
    assert not attacked["job"].done()
    assert alive(args["other_job"])


def test_a_job_reads_its_model_and_uses_its_own_folder(attacked):
    value = attacked["runner"].run(attacked["own_work"], attacked["args"]).value
    assert value["model"] == "model.pb"
    assert value["moved"] == "te"
    assert value["home"]
    assert value["home_is_own"]
    assert int(value["status"]["CapEff"], 16) == 0
    assert int(value["status"]["CapBnd"], 16) == 0 or os.geteuid() != 0
    assert value["status"]["NoNewPrivs"] == "1"
    assert value["status"]["Seccomp"] == "2"
    assert value["core_limit"] == [0, 0]


def test_no_request_of_the_product_is_outside_of_the_sandbox():
    assert all(request.confined for request in REQUESTS.values())
    assert [kind for kind, request in REQUESTS.items() if request.network] == ["fetch"]


def test_jobs_that_run_no_model_are_those_that_read_one():
    reading = {"open", "read", "variable", "node", "fetch", "pictures", "samples", "self_test"}
    assert {kind for kind, request in REQUESTS.items() if not request.runs} == reading
    with_tensorflow = {kind for kind in reading if REQUESTS[kind].tensorflow}
    assert with_tensorflow == {"self_test"}


def test_a_folder_on_the_search_path_is_not_readable_as_a_whole(tmp_path, monkeypatch):
    """The current folder, or a home, is on the path of many a Python."""
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    enter.code_paths.cache_clear()
    try:
        assert not any(tmp_path.is_relative_to(path) for path in enter.code_paths())
    finally:
        enter.code_paths.cache_clear()
