"""Threads, event loops, spawned processes, notebooks; odd locales, folders and pipes.

Forks are in tests/jobs/test_forks.py, homes that cannot be written in tests/jobs/test_home.py; the
whole suite runs under pytest-xdist.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import inspector
from tests.conftest import ROOT

IRIS = ROOT / "sample_models/iris/saved_model"
FEEDS = {
    name: [1.0, 2.0] for name in ("sepal_length", "sepal_width", "petal_length", "petal_width")
}
ASCII = {
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii:strict",
}


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "inspector", *map(str, args)]


def environ(more: Mapping[str, str] = {}) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run(
    *args: str | Path, cwd: Path = ROOT, env: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*args), cwd=cwd, env=environ(env), capture_output=True, text=True, check=False
    )


@pytest.mark.tensorflow
def test_threads_and_event_loops_share_a_model() -> None:
    model = inspector.open_model(IRIS)

    def classes(_turn: int = 0) -> Any:
        small = inspector.optimise(model, transforms="fold_constants").model
        return inspector.predict(small, FEEDS)["probabilities"].tolist()

    async def both() -> list[Any]:
        blocking = classes()  # a caller that knows nothing of the loop it is in
        return [blocking, *await asyncio.gather(*(asyncio.to_thread(classes) for _ in range(2)))]

    first = classes()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(classes, range(6))) == [first] * 6
        # A thread of its own: other tests of this process may have left an event loop in this one.
        assert pool.submit(asyncio.run, both()).result(100) == [first] * 3


SPAWNS = """
import json
import multiprocessing
import sys
import inspector

def classes(path, feeds):
    return inspector.predict(inspector.open_model(path), feeds)["class_ids"].tolist()

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.starmap(classes, [(sys.argv[1], json.loads(sys.argv[2]))]))
"""


@pytest.mark.tensorflow
def test_a_spawned_process_predicts(tmp_path: Path) -> None:
    script = tmp_path / "spawns.py"
    script.write_text(SPAWNS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, IRIS, json.dumps(FEEDS)],
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    own = inspector.predict(inspector.open_model(IRIS), FEEDS)["class_ids"].tolist()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{[own]}\n", "")


def test_a_notebook_gets_html_and_text_of_each_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)  # IPython warns where it names another one
    show = InteractiveShell().display_formatter.format
    model = inspector.open_model(IRIS)
    for result in (model, inspector.describe(model), inspector.scan(model)):
        shown, _ = show(result)
        assert shown["text/plain"] == repr(result)
        assert "<script" not in shown["text/html"]
    rows, _ = show(inspector.operations(model, op="Softmax"))
    assert rows["text/plain"].startswith("[Operation(name='dnn/head/predictions/probabilities'")


def test_the_locale_c_and_a_terminal_of_ascii(tmp_path: Path) -> None:
    model = tmp_path / "mödel €"
    shutil.copytree(IRIS, model)
    done = run("describe", model, env=ASCII)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(r"m\udcc3\udcb6del ")  # what is no character here is escaped
    assert "252" in done.stdout
    target = tmp_path / "ö.pb"
    flags = ["--outputs", "dnn/head/predictions/probabilities", "-o", target]
    done = run("freeze", model, *flags, env=ASCII)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(inspector.open_model(target).graph) == 91
    done = run("describe", tmp_path / "no ö", env=ASCII)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no ")
    assert done.stderr.count("\n") == 1


@pytest.mark.tensorflow
def test_a_working_folder_that_cannot_be_written(tmp_path: Path) -> None:
    folder = Path("/proc")  # not even root can create a file there
    target = tmp_path / "small.pb"
    flags = ["--outputs", "dnn/head/predictions/probabilities", "--preset", "tidy", "-o", target]
    done = run("optimise", IRIS, *flags, cwd=folder, env={"INSPECTOR_WORKSPACE": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    done = run("freeze", IRIS, *flags[:2], "-o", "small.pb", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_closes_the_pipe() -> None:
    with subprocess.Popen(
        command("ops", IRIS),
        cwd=ROOT,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_full_disk_behind_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("describe", IRIS),
            cwd=ROOT,
            env=environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    assert "No space left" in done.stderr
