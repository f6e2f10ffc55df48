"""The command profile."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from inspector.cli.main import cli
from tests import lite_models
from tests.conftest import data_path
from tests.json_schemas import checked


@pytest.fixture
def lite(tmp_path: Path) -> str:
    path = tmp_path / "small.tflite"
    path.write_bytes(lite_models.add("\x1b[31m", batch=-1))
    return str(path)


def run(*command: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    done = CliRunner().invoke(cli, ["profile", *command])
    return done.exit_code, done.stdout, done.stderr


def test_tables_of_nodes_and_ops(lite: str) -> None:
    status, printed, errors = run(lite, "--batch", "4", "--budget", "0.01")
    assert (status, errors) == (0, "")
    lines = printed.splitlines()
    assert lines[0].split() == ["node", "op", "time", "share", "output", "FLOPs", "parameters"]
    assert lines[2].split()[:2] == ["y", "ADD"]
    assert lines[2].split()[-4:] == ["32", "bytes", "2", "2"]
    assert lines[4].split()[:3] == ["op", "nodes", "time"]
    assert lines[6].split()[:2] == ["ADD", "1"]
    assert lines[-1].startswith("LiteRT, one thread, 4 rows a run, median of ")
    assert "each operator ran alone" in lines[-1]
    assert "The nodes add up to " in lines[-1]


def test_json(lite: str) -> None:
    status, printed, _ = run(lite, "--budget", "0.01", "--json")
    assert status == 0
    answer = checked("profile", printed)
    assert (answer["runtime"], answer["method"], answer["rows"]) == ("LiteRT", "operators alone", 1)
    assert [node["name"] for node in answer["nodes"]] == ["y"]


@pytest.mark.tensorflow
def test_the_slowest_nodes_alone_are_listed() -> None:
    iris = Path(__file__).parents[2] / "sample_models" / "iris" / "saved_model"
    status, printed, _ = run(str(iris), "--budget", "0.01", "--top", "2")
    assert status == 0
    nodes, ops, sentence = printed.split("\n\n")
    assert len(nodes.splitlines()) == len(ops.splitlines()) == 5
    assert nodes.splitlines()[-1].startswith("and ")
    assert nodes.splitlines()[-1].endswith(" faster nodes")
    assert sentence.startswith("TensorFlow, one thread, 1 row a run, median of ")


def test_a_model_that_cannot_run_is_one_line() -> None:
    path = data_path("models/public/tflm_person_detect_vela/model.tflite")
    status, printed, errors = run(str(path))
    assert (status, printed) == (1, "")
    assert errors.count("\n") == 1
    assert "ethos-u" in errors
