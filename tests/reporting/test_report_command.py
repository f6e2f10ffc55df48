"""`inspector report` and `inspector.report` on real models."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import inspector
from inspector import locations
from inspector.cli.main import cli
from inspector.errors import BadParameter, OutputExists
from inspector.jobs.client import comparing

pytestmark = pytest.mark.tensorflow

IRIS = locations.sample_models() / "iris" / "saved_model"
ROW = {"petal_length": 1.4, "petal_width": 0.2, "sepal_length": 5.1, "sepal_width": 3.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smaller iris, rows for it, and their labels."""
    folder = tmp_path_factory.mktemp("report")
    result = inspector.optimise(inspector.open_model(IRIS), preset="smaller")
    inspector.save(result.model, folder / "small")
    np.savez(folder / "rows.npz", **{name: np.full(4, value, "f4") for name, value in ROW.items()})
    (folder / "labels.txt").write_text("0\n0\n0\n1\n")
    return folder


def written(folder: Path, name: str, *flags: str) -> str:
    words = [
        "report",
        str(IRIS),
        str(folder / "small"),
        "-o",
        str(folder / name),
        "--force",
        *flags,
    ]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"wrote {name}: 3.9")
    return (folder / name).read_text(encoding="utf-8")


def rerun(command: str, folder: Path) -> dict[str, Any]:
    """What a command that was copied from a report writes, as JSON."""
    words = shlex.split(command)
    out = folder / "again.json"
    words[words.index("-o") + 1] = str(out)
    assert words[0] == "inspector"
    assert CliRunner().invoke(cli, words[1:], catch_exceptions=False).exit_code == 0
    return dict(json.loads(out.read_text(encoding="utf-8")))


def test_the_command_in_the_report_repeats_its_figures(folder: Path) -> None:
    flags = ("--feeds", str(folder / "rows.npz"), "--labels", str(folder / "labels.txt"))
    report = json.loads(written(folder, "report.json", *flags))
    assert report["compare"]["rows"] == 4
    accuracy = report["compare"]["accuracy"]
    assert (accuracy["a"], accuracy["b"]) == (0.75, 0.75)
    assert report["figures"][2]["value"] == "75.0%"
    assert "accuracy stays at 75.0%" in report["verdict"]
    assert report["benchmark"]["verdict"] in ("faster", "same", "slower", "too noisy to tell")
    assert report["rows_from"] == "rows of rows.npz"
    again = rerun(report["command"], folder)
    assert again["compare"] == report["compare"]
    assert again["diff"] == report["diff"]


def test_batch_sizes_on_request(folder: Path) -> None:
    report = json.loads(written(folder, "report.json", "--batches", "1,4"))
    rows = report["benchmark_batches"]["batches"]
    assert [row["batch"] for row in rows] == [1, 4]
    assert all(row["b"]["p50_ms"] > 0 for row in rows)
    assert "--batches=1,4" in report["command"]
    assert "batches=(1, 4)" in report["python"]


@pytest.mark.parametrize("wrong", [{"batches": (0,)}, {"batches": (2, 2)}, {"budget": -1.0}])
def test_what_cannot_be_measured_is_refused_before_the_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    monkeypatch.setattr(comparing, "compare", None)
    model = inspector.open_model(folder / "small")
    with pytest.raises(BadParameter, match="takes"):
        inspector.report(model, model, folder / "refused.json", **wrong)
    assert not (folder / "refused.json").exists()


def test_html_and_markdown_say_the_same(folder: Path) -> None:
    page = written(folder, "report.html")
    text = written(folder, "report.md")
    assert "random values, not your data" in page
    assert "random values, not your data" in text
    for part in ("probabilities", "3,221,059 bytes", "inspector report"):
        assert part in page
        assert part in text


def test_a_report_of_an_optimisation_has_its_steps(tmp_path: Path) -> None:
    model = inspector.open_model(IRIS)
    result = inspector.optimise(model, preset="smaller")
    contents = inspector.report(model, result, tmp_path / "report.html", budget=0.2)
    assert contents.steps()[0].name == "freeze"
    assert "<code>sort_by_execution_order</code>" in (tmp_path / "report.html").read_text("utf-8")
    assert contents.command.startswith("inspector optimise")


def test_what_cannot_run_is_not_checked_and_the_report_is_written(tmp_path: Path) -> None:
    model = inspector.open_model(IRIS)
    frozen = inspector.freeze(model, ["dnn/head/predictions/probabilities"])
    feeds = {"no_such_input": np.zeros(3, "f4")}
    contents = inspector.report(model, frozen, tmp_path / "report.md", feeds)
    assert contents.comparison is None
    assert any("no_such_input" in line for line in contents.not_checked)
    assert "Not compared" in (tmp_path / "report.md").read_text("utf-8")


def test_another_suffix_and_a_file_in_the_way_are_refused_before_the_work(tmp_path: Path) -> None:
    model = inspector.open_model(IRIS)
    with pytest.raises(BadParameter, match=r"report: report\.pdf: .*\.html, \.md, \.json"):
        inspector.report(model, model, tmp_path / "report.pdf")
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(OutputExists):
        inspector.report(model, model, tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text() == "mine"
