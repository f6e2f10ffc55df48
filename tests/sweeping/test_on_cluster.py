"""A sweep and a search, as commands, on a Dask cluster of real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import inspector
from benchmarks.support.dask_processes import DaskProcesses, dask_processes
from tests.conftest import ROOT
from tests.jobs.cluster.waiting import until
from tests.json_schemas import checked
from tests.sweeping.test_sweep import a_graph

LITE = ROOT / "benchmarks/digits/conv.tflite"


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with dask_processes(tmp_path_factory.mktemp("dask") / "logs", 1) as processes:
        yield processes


def command(address: str, home: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "inspector", *map(str, arguments), "--json"],
        cwd=home,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "INSPECTOR_SCHEDULER": address,
            "INSPECTOR_WORKSPACE": str(home / "workspace"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer_of(name: str, process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=100)
    assert not err, err
    assert process.returncode == 0, err
    return checked(name, out)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_sweep_is_the_same_there_as_here_and_goes_on_after_it_was_killed(
    processes: DaskProcesses, tmp_path: Path
) -> None:
    models = [a_graph(tmp_path / "models" / f"{number}.pb", number) for number in range(4)]
    sweep = ["sweep", *models, "--transforms", "strip_unused_nodes", "--to", "graphdef", "-o"]
    killed = command(processes.address, tmp_path, *sweep, "there")
    until(lambda: list(tmp_path.glob("there/*/result.json")), 60)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    finished = len(list(tmp_path.glob("there/*/result.json")))
    there = answer_of("sweep", command(processes.address, tmp_path, *sweep, "there"))
    assert there["done"] == 4
    assert there["kept"] >= finished >= 1
    worker = processes.folder / "worker0" / "workspace"
    assert len(list((worker / "models").iterdir())) == 4  # they came with their hashes
    assert not list((worker / "results").iterdir())  # and what was done went back
    for model in models:
        here = inspector.optimise(inspector.open_model(model), transforms="strip_unused_nodes")
        inspector.save(here.model, tmp_path / model.name, "graphdef")
        result = tmp_path / "there" / model.name / "optimised.pb"
        assert result.read_bytes() == (tmp_path / model.name).read_bytes()


@pytest.mark.slow
def test_a_search_asks_the_cluster_for_its_candidates(
    processes: DaskProcesses, tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(LITE.read_bytes())
    before = set((processes.folder / "worker0").glob("workspace/models/*"))
    search = command(processes.address, tmp_path, "search", path, "--budget", "0.1", "-o", "best")
    answer = answer_of("search", search)
    assert [entry["name"] for entry in answer["candidates"] if entry["error"] is None]
    assert answer["best"]
    assert list((tmp_path / "best").iterdir())
    # The model and what was made of it went there, to be compared with it.
    after = set((processes.folder / "worker0").glob("workspace/models/*"))
    made = [entry["name"] for entry in answer["candidates"] if entry["bytes"]]
    assert len(after - before) == len(made) > 1
