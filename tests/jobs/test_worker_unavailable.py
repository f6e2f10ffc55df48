"""Where no worker can be started, the work ends in an error: nothing is left out with status 0."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.errors import WorkerUnavailable
from tests.conftest import ROOT
from tests.graphs import const, graph, node, placeholder

MISSING = "raise ModuleNotFoundError(\"No module named 'tensorflow'\", name='tensorflow')"
BROKEN = (
    "import sys; sys.stderr.write('\\x1b[31mbad\\nerror: forged\\n'); raise RuntimeError('AVX2')"
)
UNAVAILABLE = {
    MISSING: (
        "worker: the module 'tensorflow' cannot be imported (ModuleNotFoundError): "
        "pip install 'tf-graph-inspector[run]'"
    ),
    BROKEN: "worker: one of its modules cannot be imported (RuntimeError)",
}
FOLDS = "fold_constants(ignore_errors=true)"
GRAPPLER = "grappler_pruning(ignore_errors=true)"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A graph with something to fold."""
    nodes = [placeholder("x", [None, 2]), const("one", np.ones(2, np.float32))]
    nodes.append(node("two", "Add", "one", "one", T="float32"))
    nodes.append(node("y", "Mul", "x", "two", T="float32"))
    file = tmp_path / "model.pb"
    file.write_bytes(graph(*nodes).to_bytes())
    return file


def run(tensorflow: str, tmp_path: Path, *args: str, **environ: str) -> tuple[int, str]:
    """Status and standard error of a command whose TensorFlow is this module."""
    # In a zip, since a worker may not read folders of the search path that lie outside of Python.
    packages = tmp_path / "first.zip"
    with zipfile.ZipFile(packages, "w") as archive:
        archive.writestr("tensorflow/__init__.py", tensorflow)
    paths = os.pathsep.join((str(packages), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "inspector", *args],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, **environ},
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


COMMANDS = {
    "preset": ("optimise", "--outputs", "y", "--preset", "tidy", "-o", "new.pb"),
    "kernels": ("optimise", "--outputs", "y", "--transforms", FOLDS, "-o", "new.pb"),
    "grappler": ("optimise", "--outputs", "y", "--transforms", GRAPPLER, "-o", "new.pb"),
    "check": (
        *("optimise", "--outputs", "y", "--transforms", "remove_nodes(op=Identity)"),
        *("--check", "-o", "new.pb"),
    ),
    "predict": ("predict", "--feeds", "feeds.npz", "--fetches", "y"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("tensorflow", [MISSING, BROKEN], ids=["missing", "broken"])
def test_a_command_without_tensorflow_is_an_error(tmp_path, model, command, tensorflow):
    np.savez(tmp_path / "feeds.npz", x=np.ones((1, 2), np.float32))
    name, *options = COMMANDS[command]
    status, told = run(tensorflow, tmp_path, name, model.name, *options)
    assert status == 1
    (line,) = told.splitlines()
    assert UNAVAILABLE[tensorflow] in line
    assert line.endswith("; INSPECTOR_DEBUG=1 shows what the worker wrote")
    assert "server" not in line
    assert not (tmp_path / "new.pb").exists()


def test_the_tools_binary_is_an_error_too(tmp_path, model):
    flags = {"in_graph": model.name, "out_graph": "new.pb", "inputs": "x", "outputs": "y"}
    options = [f"--{key}={value}" for key, value in flags.items()]
    transforms = f"--transforms={FOLDS}"
    status, told = run(MISSING, tmp_path, "transform_graph", *options, transforms)
    assert (status, UNAVAILABLE[MISSING] in told) == (1, True)
    assert not (tmp_path / "new.pb").exists()


def test_debug_shows_the_workers_traceback_escaped(tmp_path, model):
    name, *options = COMMANDS["preset"]
    status, told = run(BROKEN, tmp_path, name, model.name, *options, INSPECTOR_DEBUG="1")
    assert status == 1
    *lines, last = told.splitlines()
    assert last.startswith("error: evaluate: worker: one of its modules cannot be imported")
    assert "DEBUG" not in last
    assert all(line.startswith("debug: ") for line in lines)
    for text in ("RuntimeError: AVX2", "\\x1b[31mbad", "error: forged"):
        assert f"debug: tensorflow template | {text}" in lines


def test_a_python_that_cannot_be_started_is_an_error(tmp_path, model):
    script = """
import sys
import inspector
from inspector.errors import WorkerUnavailable
sys.executable = "/nowhere/python"
try:
    inspector.optimise(inspector.open_model(sys.argv[1]), outputs=["y"], preset="tidy")
except WorkerUnavailable as err:
    print(err)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(model)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    told = "worker: tensorflow: no process can be started (No such file or directory)\n"
    assert done.stdout == told


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_template_that_is_killed_ends_the_call_that_waits_for_it(model, tmp_path):
    script = """
import os, signal, sys, threading, time
import inspector
from inspector.errors import WorkerUnavailable
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.runner import TENSORFLOW

def kill():
    while default_runner().status().running == 0:
        time.sleep(0.001)
    os.kill(default_runner().status().templates[TENSORFLOW].pid, signal.SIGKILL)

model = inspector.open_model(sys.argv[1])
inspector.optimise(model, outputs=["y"], preset="tidy")
for options in ({"preset": "tidy"}, {"preset": "tidy", "check": True}):
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        steps = inspector.optimise(model, outputs=["y"], **options).steps
        assert {step.name: step for step in steps}["fold_constants"].changes  # in a new template
    except WorkerUnavailable as err:
        assert "try again" in str(err), err
    killer.join()
steps = inspector.optimise(model, outputs=["y"], preset="tidy").steps
assert {step.name: step for step in steps}["fold_constants"].changes
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(model)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_ignore_errors_does_not_cover_a_worker_that_cannot_start():
    from inspector.passes import pipeline

    def evaluate(*_args: object, **_options: object) -> dict[str, str]:
        raise WorkerUnavailable("evaluate", "worker", "is not there")

    two = node("two", "Add", "one", "one", T="float32")
    start = graph(const("one", np.ones(2, np.float32)), two)
    with pytest.raises(WorkerUnavailable):
        pipeline.run(start, [], ["two"], FOLDS, pipeline.PipelineOptions(evaluate=evaluate))


def test_it_is_an_error_that_callers_of_worker_died_catch():
    assert issubclass(WorkerUnavailable, inspector.errors.WorkerDied)
