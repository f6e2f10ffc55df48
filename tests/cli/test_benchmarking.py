"""The command benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from inspector.cli.main import cli
from tests import lite_models
from tests.json_schemas import checked


@pytest.fixture
def lite(tmp_path: Path) -> str:
    path = tmp_path / "add.tflite"
    path.write_bytes(lite_models.add(batch=-1))
    return str(path)


def run(*command: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    done = CliRunner().invoke(cli, command)
    return done.exit_code, done.stdout, done.stderr


def test_benchmark_prints_a_table_and_the_verdict(lite: str) -> None:
    status, printed, errors = run("benchmark", lite, lite, "--batch", "4", "--runs", "40")
    assert (status, errors) == (0, "")
    lines = printed.splitlines()
    heads = ("runtime", "load", "first run", "p50", "p90", "p99", "rows/s", "memory", "runs")
    assert all(word in lines[0] for word in heads)
    assert [line.split()[0] for line in lines[2:4]] == ["A", "B"]
    assert lines[2].split()[2] == "LiteRT"
    assert "(" in lines[2]
    assert lines[4] == (
        "4 rows a run, 1 thread each; a p99 in brackets is of too few runs to rely on"
    )
    verdict = lines[5].partition(":")[0]
    assert verdict in ("faster", "same", "slower", "too noisy to tell")


def test_benchmark_of_one_model_says_whether_differences_could_be_told(lite: str) -> None:
    status, printed, _ = run("benchmark", lite, "--runs", "2")
    assert status == 0
    assert printed.splitlines()[-1] == (
        "too noisy to tell: 1 pair of runs is not enough; give more time"
    )


def test_benchmark_json_and_rows_of_a_file(lite: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.ones((5, 2), np.float32))
    status, printed, _ = run(
        "benchmark", lite, "--feeds", str(tmp_path / "rows.npz"), "--runs", "20", "--json"
    )
    assert status == 0
    answer = checked("benchmark", printed)
    assert (answer["batch"], answer["threads"], answer["b"]) == (5, 1, None)
    assert answer["a"]["p50_ms"] > 0


@pytest.mark.parametrize(
    "options", [["--batch", "0"], ["--runs", "0"], ["--threads", "0"], ["--budget", "0"]]
)
def test_a_number_out_of_range_is_an_error_of_the_command_line(
    lite: str, options: list[str]
) -> None:
    status, printed, errors = run("benchmark", lite, *options)
    assert (status, printed) == (2, "")
    assert f"Invalid value for '{options[0]}'" in errors


def test_an_error_of_the_model_is_one_line(lite: str, tmp_path: Path) -> None:
    (tmp_path / "custom.tflite").write_bytes(lite_models.custom("Nothing"))
    status, printed, errors = run("benchmark", lite, str(tmp_path / "custom.tflite"))
    assert (status, printed) == (1, "")
    assert errors.startswith("error: custom.tflite: ")
    assert errors.count("\n") == 1


def test_batch_sizes_are_rows_of_a_table_and_json(lite: str, tmp_path: Path) -> None:
    (tmp_path / "fixed.tflite").write_bytes(lite_models.add(batch=2))
    both = (
        "benchmark",
        lite,
        str(tmp_path / "fixed.tflite"),
        "--batches",
        "1,2",
        "--budget",
        "0.2",
    )
    status, printed, errors = run(*both)
    assert (status, errors) == (0, "")
    head, _line, measured, how, missing = printed.splitlines()
    assert head.split() == [
        "batch",
        "p50",
        "A",
        "p50",
        "B",
        "ratio",
        "rows/s",
        "A",
        "rows/s",
        "B",
        "verdict",
    ]
    assert measured.split()[0] == "2"
    assert how.startswith("A: LiteRT, B: LiteRT; 1 thread each, 0.2 s for all sizes")
    assert missing.startswith("batch 1 not measured: ")
    status, printed, _ = run(*both, "--json")
    assert status == 0
    answer = checked("benchmark_batches", printed)
    one, two = answer["batches"]
    assert (one["batch"], one["a"], one["verdict"]) == (1, None, None)
    assert two["a"]["rows_per_s"] == pytest.approx(2000 / two["a"]["p50_ms"])
    assert not two["why"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--batches", "1,x"], "is no list of numbers"),
        (["--batches", "0,1"], "not from 1 to"),
        (["--batches", "2,2"], "a number twice"),
        (["--batches", "1,2", "--batch", "1"], "neither --batch nor --runs"),
    ],
)
def test_batch_sizes_that_are_none_are_an_error_of_the_command_line(
    lite: str, options: list[str], why: str
) -> None:
    status, printed, errors = run("benchmark", lite, *options)
    assert (status, printed) == (2, "")
    assert why in errors
