"""The report of the Compare page: what the session has, what it has not, and commands that run."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.reporting import from_answers
from inspector.ui.screens.reports import report_file
from inspector.view.tree.hierarchy import Hierarchy
from tests.pages import app

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def compared() -> AppTest:
    at = app.on(app.opened("iris"), "optimise")
    at.button(key="run").click()
    return app.on(app.settled(at.run()), "compare")


def answers(at: AppTest) -> tuple[from_answers.Answers, Hierarchy]:
    """What the page gives to the writer of a report."""
    session = at.session_state._state.filtered_state
    model, result = session["model"], session["result"]
    return report_file.answers(model, result, session), result.both


def report(at: AppTest) -> dict[str, Any]:
    asked, tree = answers(at)
    parsed: dict[str, Any] = json.loads(from_answers.file(asked, tree, "iris", ".json"))
    return parsed


def test_what_was_not_measured_stands_under_not_checked(compared: AppTest) -> None:
    said = report(compared)
    assert said["not_checked"] == ["Accuracy: no labels were given", "Latency: not measured"]
    assert said["benchmark"] is None
    assert said["rows_from"] == "rows of iris.csv"
    assert said["compare"]["rows"] == 150
    assert said["figures"][2]["certainty"] == "150 rows of iris.csv"
    assert said["figures"][0]["title"] == "Size reduction"
    assert "the top-1 prediction changes for 1 of 150 rows" in said["verdict"]
    assert [step["name"] for step in said["record"]["steps"]][:2] == [
        "remove_nodes",
        "fold_constants",
    ]
    compared.button(key="measure_latency").click()
    app.settled(compared.run())
    assert not compared.exception
    said = report(compared)
    assert "Latency: not measured" not in said["not_checked"]
    assert said["benchmark"]["batch"] == 1
    graphs = next(table.value for table in compared.dataframe if "verdict" in table.value)
    assert said["benchmark"]["verdict"] == graphs["verdict"].iloc[-1].partition(",")[0]


def test_without_a_comparison_the_report_says_so(compared: AppTest) -> None:
    asked, tree = answers(compared)
    bare = from_answers.Answers(asked.name, {**asked.optimised, "check": None}, asked.side)
    text = from_answers.file(bare, tree, "iris", ".md")
    for line in ("Steps: they ran without the check", "Predictions: not compared"):
        assert f"- {line}" in text


def test_its_commands_give_the_same_sizes(compared: AppTest, tmp_path: Path) -> None:
    said = report(compared)
    (tmp_path / "sample_models").symlink_to(locations.sample_models())
    for line in said["command"].splitlines():
        command = shlex.split(line)
        assert command[0] == "inspector"
        subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, check=True)
    again = json.loads((tmp_path / "iris_report.json").read_text(encoding="utf-8"))
    assert again["describe"][0]["bytes"] == said["describe"][0]["bytes"]
    assert again["describe"][1]["op_counts"] == said["describe"][1]["op_counts"]
    largest = [
        sorted(output["max_abs"] or 0 for output in one["compare"]["outputs"].values())
        for one in (said, again)
    ]
    assert largest[1] == pytest.approx(largest[0])  # on the same rows
