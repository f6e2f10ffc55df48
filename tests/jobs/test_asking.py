"""How the library waits for a worker: its timeout, and what it says meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.errors import BadParameter, JobTimeout
from inspector.jobs.client.ask import Deadline, Terms, ask
from inspector.jobs.requests import REQUESTS
from inspector.jobs.runner import STARTING
from tests.conftest import ROOT
from tests.graphs import const, graph, node, placeholder
from tests.jobs.test_runner import until

NAMES_THE_FLAG = r"--timeout \(timeout= in Python\)"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A graph with something to fold."""
    nodes = [placeholder("x", [None, 2]), const("one", np.ones(2, np.float32))]
    nodes.append(node("two", "Add", "one", "one", T="float32"))
    nodes.append(node("y", "Mul", "x", "two", T="float32"))
    np.savez(tmp_path / "feeds.npz", x=np.ones((1, 2), np.float32))
    file = tmp_path / "model.pb"
    file.write_bytes(graph(*nodes).to_bytes())
    return file


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A graph whose loop never ends."""
    nodes = [
        placeholder("x", []),
        node("enter", "Enter", "x", frame_name="loop", T="float32"),
        node("merge", "Merge", "enter", "next", N=2, T="float32"),
        const("true", True, np.bool_),
        node("again", "LoopCond", "true"),
        node("switch", "Switch", "merge", "again", T="float32"),
        node("next", "NextIteration", "switch:1", T="float32"),
        node("y", "Exit", "switch", T="float32"),
    ]
    nodes[3].input.append("^merge")
    file = tmp_path / "endless.pb"
    file.write_bytes(graph(*nodes).to_bytes())
    return file


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1_000_001])
def test_a_timeout_has_a_range(model, seconds):
    opened = inspector.open_model(model)
    with pytest.raises(BadParameter, match=r"timeout: .*seconds above 0"):
        inspector.predict(opened, {"x": [[1, 2]]}, ["y"], timeout=seconds)
    with pytest.raises(BadParameter, match="timeout"):
        inspector.optimise(opened, outputs=["y"], preset="tidy", timeout=seconds)


def test_a_longer_timeout_lifts_the_jobs_own_limits():
    usual = REQUESTS["run"].limits
    deadline = Deadline.after(10_000)
    assert deadline is not None
    limits = deadline.limits(usual)
    assert 10_000 <= limits.wall_s < 10_010
    assert limits.cpu_s >= 10_000
    assert limits.memory_bytes == usual.memory_bytes
    short = Deadline.after(1)
    assert short is not None
    assert short.limits(usual).cpu_s == usual.cpu_s


def test_a_deadline_that_has_passed_ends_the_job_at_once(model):
    deadline = Deadline(7.0, time.monotonic() - 1)
    with pytest.raises(JobTimeout, match=rf"stopped after the 7 s that {NAMES_THE_FLAG} allows"):
        ask("open", {"path": str(model), "tag_set": None}, terms=Terms(deadline))


COMMANDS = {
    "predict": ("predict", "--feeds", "feeds.npz", "--fetches", "y"),
    "preset": ("optimise", "--outputs", "y", "--preset", "tidy", "-o", "new.pb"),
    "check": (*("optimise", "--outputs", "y", "--preset", "tidy", "--check"), "-o", "new.pb"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_in_time_while_tensorflow_starts(tmp_path, model, command):
    name, *options = COMMANDS[command]
    done = subprocess.run(
        [sys.executable, "-m", "inspector", name, model.name, *options, "--timeout", "0.2"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.search(rf"stopped after the 0.2 s that {NAMES_THE_FLAG} allows", line)
    assert not (tmp_path / "new.pb").exists()
    until(lambda: not processes_in(tmp_path))


def processes_in(folder: Path) -> list[Path]:
    """The processes that were started in this folder, so a command and its templates."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(process)
    return found


@pytest.mark.parametrize("seconds", ["0", "-3", "soon"])
def test_the_flag_takes_seconds(model, seconds):
    done = subprocess.run(
        [sys.executable, "-m", "inspector", "predict", str(model), "--timeout", seconds],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, "--timeout" in done.stderr) == (2, True)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_run_without_end_is_stopped_by_the_timeout_and_the_next_one_runs(model, endless):
    reports: list[tuple[float | None, str]] = []

    def progress(fraction: float | None, text: str) -> None:
        reports.append((fraction, text))

    opened = inspector.open_model(model)
    answer = inspector.predict(opened, {"x": [[1, 2]]}, ["y"], progress=progress, timeout=600)
    assert answer["y"].tolist() == [[2, 4]]
    assert all(text for _fraction, text in reports)
    assert all(one != next_one for one, next_one in itertools.pairwise(reports))

    started = time.monotonic()
    with pytest.raises(JobTimeout, match=rf"stopped after the 2 s that {NAMES_THE_FLAG}"):
        inspector.predict(inspector.open_model(endless), {"x": 1.0}, ["y"], timeout=2)
    assert time.monotonic() - started < 10
    assert inspector.predict(opened, {"x": [[3, 4]]}, ["y"])["y"].tolist() == [[6, 8]]


@pytest.mark.tensorflow
@pytest.mark.slow
def test_progress_on_a_terminal_says_that_tensorflow_starts(tmp_path, model):
    name, *options = COMMANDS["preset"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "inspector", name, model.name, *options],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 4096):
                shown += data
        except OSError:  # the other end is closed: EIO on Linux
            pass
        os.close(ours)
        assert process.wait(60) == 0
    texts = [text.strip() for text in shown.decode().split("\r\x1b[2K")[1:]]
    assert STARTING in texts
    first = next(text for text in texts if text.startswith("0% remove_dead_branches (1 of "))
    assert texts.index(STARTING) > texts.index(first)
    assert all(texts[:-1]), "no line of progress is blank"
    assert texts[-1] == ""
