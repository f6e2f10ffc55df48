"""Kernels that lack a part of the sandbox: what is run there, and that it is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from benchmarks.support.serving import running, unused_port
from inspector import settings
from inspector.errors import InspectorError, RunRefused
from inspector.jobs.requests import REQUESTS
from inspector.jobs.sandbox import enter
from inspector.jobs.sandbox.policy import RunPolicy, is_loopback
from inspector.jobs.store.workspace import ModelKey
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(
    bool(enter.parts().missing()), reason="; ".join(enter.parts().missing())
)

IRIS = str(ROOT / "sample_models" / "iris" / "saved_model")
_SHAPES = ROOT / "sample_models" / "shapes"
SHAPES = [str(_SHAPES / "saved_model"), "--feeds", str(_SHAPES / "shapes.npz")]


def lacking(parts: str, *command: str) -> list[str]:
    return [sys.executable, "-m", "tests.jobs.lacking", parts, "--", sys.executable, *command]


def done(command: list[str], tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"INSPECTOR_WORKSPACE": str(tmp_path / "ws"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **variables, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def key(name: str) -> ModelKey:
    return ModelKey(name, name, ROOT, 0)


def asks(policy: RunPolicy, kind: str, model: ModelKey | None) -> bool:
    try:
        policy.check(REQUESTS[kind], model)
    except RunRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("setting", "samples", "others"),
    [("", True, True), ("always", True, True), ("samples", True, False), ("never", False, False)],
)
@pytest.mark.parametrize("exposed", [False, True])
def test_with_a_whole_sandbox_the_setting_alone_decides(
    monkeypatch, setting, samples, others, exposed
):
    monkeypatch.setenv(settings.RUN_MODELS.name, setting)
    policy = RunPolicy(exposed=exposed)
    policy.allow_sample(key("sample"))
    for kind, request in REQUESTS.items():
        assert asks(policy, kind, key("sample")) == (samples or not request.runs)
        assert asks(policy, kind, key("other")) == (others or not request.runs)
        assert asks(policy, kind, None) == (others or not request.runs)


def test_the_refusal_names_the_setting(monkeypatch):
    monkeypatch.setenv(settings.RUN_MODELS.name, "never")
    with pytest.raises(RunRefused, match=r"^predict: sandbox: no model may be run here; .*=always"):
        RunPolicy().check(REQUESTS["predict"], None)


def test_a_word_that_is_none_of_them_is_an_error(monkeypatch):
    monkeypatch.setenv(settings.RUN_MODELS.name, "sometimes")
    with pytest.raises(InspectorError, match="auto or always or samples or never"):
        settings.check()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.0.2.7", False),
        ("no.such.host.invalid", False),
    ],
)
def test_who_can_reach_a_server(host, loopback):
    assert is_loopback(host) == loopback


TABLE = """
    import json
    from inspector.jobs.sandbox import enter
    from inspector.jobs.sandbox.policy import RunPolicy
    lacks = enter.parts()
    print(json.dumps({
        "parts": [lacks.landlock, lacks.seccomp],
        "modes": [RunPolicy(exposed=exposed).mode() for exposed in (False, True)],
        "notices": [RunPolicy(exposed=exposed).notice() for exposed in (False, True)],
    }))
"""


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ("landlock", ["Landlock is missing"]),
        ("seccomp", ["seccomp is missing"]),
        ("landlock,seccomp", ["Landlock is missing", "seccomp is missing"]),
    ],
)
@pytest.mark.parametrize(
    ("setting", "modes"),
    [("auto", ["always", "samples"]), ("always", ["always"] * 2), ("never", ["never"] * 2)],
)
def test_where_a_part_is_missing_others_get_the_samples_only(tmp_path, parts, says, setting, modes):
    command = lacking(parts, "-c", textwrap.dedent(TABLE))
    answer = done(command, tmp_path, INSPECTOR_RUN_MODELS=setting)
    value = json.loads(answer.stdout)
    assert bool(value["parts"][0]) == ("landlock" not in parts)
    assert value["parts"][1] == ("seccomp" not in parts)
    assert value["modes"] == modes
    for notice in value["notices"]:
        assert all(sentence in notice for sentence in says)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_command_line_runs_and_says_what_is_missing_in_one_line(tmp_path):
    command = ["-m", "inspector", "predict", *SHAPES]
    whole = done([sys.executable, *command], tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert "note:" not in whole.stderr
    lacks = done(lacking("landlock", *command), tmp_path)
    assert lacks.returncode == 0, lacks.stderr
    assert lacks.stdout == whole.stdout
    notes = [line for line in lacks.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert "Landlock is missing" in notes[0]


def test_the_command_line_reads_where_nothing_is_run(tmp_path):
    describe = [sys.executable, "-m", "inspector", "describe", IRIS]
    assert done(describe, tmp_path, INSPECTOR_RUN_MODELS="never").returncode == 0
    predict = [sys.executable, "-m", "inspector", "predict", *SHAPES]
    refused = done(predict, tmp_path, INSPECTOR_RUN_MODELS="never")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: run: sandbox: no model may be run here")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "status", "problems"),
    [("", 0, []), ("landlock", 1, ["Landlock"]), ("landlock,seccomp", 1, ["Landlock", "seccomp"])],
)
def test_doctor(tmp_path, parts, status, problems):
    command = ["-m", "inspector", "doctor", "--json"]
    command = lacking(parts, *command) if parts else [sys.executable, *command]
    answer = done(command, tmp_path)
    assert answer.returncode == status, answer.stdout + answer.stderr
    report = json.loads(answer.stdout)
    assert [problem.partition(" ")[0] for problem in report["problems"]] == problems
    worker = report["worker"]
    assert worker["error"] is None
    assert worker["runs_an_op"]
    assert worker["starts_by"] == "fork"
    assert worker["reads_outside"] == worker["writes_outside"] == ("landlock" in parts)
    assert worker["has_network"] == worker["starts_processes"] == ("seccomp" in parts)
    assert worker["capabilities"] == 0
    assert report["workspace"]["path"] == str(tmp_path / "ws")
    assert report["workspace"]["free_bytes"] > 0
    assert report["packages"]["tensorflow"]["version"]


def test_doctor_names_a_workspace_that_cannot_be_written(tmp_path):
    (tmp_path / "ws").write_text("a file where a folder should be")
    answer = done([sys.executable, "-m", "inspector", "doctor"], tmp_path)
    assert answer.returncode == 1
    assert (
        "missing: the workspace cannot be written: there is a file where a folder is needed: set "
        "INSPECTOR_WORKSPACE to another folder or put this one right\n"
    ) in answer.stdout
    assert "runs an op, is refused files, network and processes" in answer.stdout
    assert "Traceback" not in answer.stderr


def test_doctor_tries_a_worker_where_there_is_no_home_as_the_other_commands_do(tmp_path):
    home = {"HOME": "/proc/nope", "XDG_CACHE_HOME": "", "INSPECTOR_WORKSPACE": ""}
    answer = done([sys.executable, "-m", "inspector", "doctor"], tmp_path, **home)
    assert answer.returncode == 1
    (missing,) = [line for line in answer.stdout.splitlines() if line.startswith("missing: ")]
    assert missing.endswith("; until then temporary folders serve")
    assert "runs an op, is refused files, network and processes" in answer.stdout


@pytest.mark.parametrize(
    ("host", "follows"),
    [("127.0.0.1", "run models only from people you trust"), ("0.0.0.0", "only the samples")],
)
def test_the_app_says_what_is_missing_when_it_starts(tmp_path, host, follows, capfd):
    port = unused_port()
    command = ["-m", "inspector", "app", "--no-browser", "--host", host, "--port", str(port)]
    said: list[str] = []
    environment = {"INSPECTOR_WORKSPACE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with running(lacking("landlock", *command), cwd=ROOT, env=environment, output=said):
        pass
    text = "".join(said)
    assert "Landlock is missing" in text
    assert follows in text
    assert ("anybody, without signing in, may use it" in text) == (host == "0.0.0.0")


PAGE = """
    import inspector.ui.server.serve
    from inspector.jobs.sandbox.policy import RunPolicy
    from inspector.jobs.client.default_runner import default_runner
    from tests.pages import app

    default_runner().policy = RunPolicy(exposed=True)
    at = app.started()
    print([warning.value for warning in at.warning])
"""


def test_the_open_page_has_one_line_on_it(tmp_path):
    script = textwrap.dedent(PAGE)
    whole = done([sys.executable, "-c", script], tmp_path)
    assert whole.stdout.strip() == "[]", whole.stderr
    lacks = done(lacking("landlock", "-c", script), tmp_path)
    assert lacks.stdout.count("Landlock is missing") == 1, lacks.stderr
    assert "only the samples are run" in lacks.stdout
