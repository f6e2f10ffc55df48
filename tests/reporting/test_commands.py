"""The commands and the Python to copy: run as copied, they give the same model."""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import inspector
from inspector import locations
from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions
from inspector.reporting import commands
from tests.conftest import ROOT

TRANSFORMS = "strip_unused_nodes fold_constants quantize_weights(minimum_size=9)"
OPTIONS = OptimiseOptions(
    outputs=("dnn/head/predictions/probabilities",), transforms=TRANSFORMS
).to_json()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "iris model").symlink_to(locations.sample_models() / "iris" / "saved_model")
    return tmp_path


def run(words: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python() -> list[str]:
    return [sys.executable]


def test_the_command_makes_what_the_page_made(folder: Path) -> None:
    model = inspector.open_model(folder / "iris model")
    expected = inspector.optimise(model, outputs=OPTIONS["outputs"], transforms=TRANSFORMS)
    command = shlex.split(commands.optimise_command("iris model", "out.pb", OPTIONS))
    assert command[0] == "inspector"
    run([*python(), "-m", *command], folder)
    written = inspector.open_model(folder / "out.pb")
    nodes = inspector.diff(expected.model, written).to_dict()["nodes"]
    assert (nodes["added"], nodes["removed"], nodes["changed"]) == ([], [], [])
    assert nodes["unchanged"] > 10


def test_the_python_makes_it_too(folder: Path) -> None:
    text = commands.optimise_python("iris model", "out", OPTIONS)
    run([*python(), "-c", text], folder)
    written = inspector.open_model(folder / "out")
    op_counts = inspector.describe(written).to_dict()["op_counts"]
    assert op_counts["Dequantize"] > 0


def test_every_option_is_in_the_command() -> None:
    options = OptimiseOptions(
        inputs=("-a", "b:0"),
        outputs=("y z; rm -rf $HOME", "w"),
        transforms='rename_op(old_op_name="x y", new_op_name=z)',
        signature=("one", "two"),
        all_signatures=True,
        init_op="init",
        check=CheckOptions(None, "rollback"),
        set={"train": "false"},
    ).to_json()
    words = shlex.split(
        commands.optimise_command("-m", "out", options, commands.Target("graphdef"))
    )
    assert words == [
        "inspector", "optimise", "./-m", "-o", "out", "--inputs=-a,b:0",
        "--outputs=y z; rm -rf $HOME,w", "--set=train=false", "--signature=one",
        "--signature=two", "--all-signatures", "--init-op=init",
        '--transforms=rename_op(old_op_name="x y", new_op_name=z)', "--to=graphdef", "--check",
        "--on-violation=rollback",
    ]  # fmt: skip


def test_a_name_that_ends_the_text_is_data() -> None:
    output = '"); import os; os.abort(); ("'
    options = OptimiseOptions(outputs=(output,), preset="smaller").to_json()
    tree = ast.parse(commands.optimise_python("a'b", "out", options))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {output, "a'b", "smaller"} <= texts
    assert "abort" not in {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
