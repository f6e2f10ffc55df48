"""What works where TensorFlow, Keras and Streamlit are not installed: all that runs no op."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

IRIS = "sample_models/iris/saved_model"
PROBABILITIES = "dnn/head/predictions/probabilities"
COMMAND = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tf_keras", "streamlit"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Blocker())
from inspector.cli.main import cli
cli(sys.argv[1:], prog_name="inspector")
"""


def run(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A command in a Python that cannot import them, and that has no worker processes."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *args],
        cwd=ROOT,
        env={**os.environ, "INSPECTOR_WORKSPACE": str(tmp_path / "workspace")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "args",
    [
        ["describe", IRIS],
        ["ops", IRIS],
        ["scan", IRIS],
        ["freeze", IRIS, "--outputs", PROBABILITIES, "-o", "{out}.pb"],
        ["convert", IRIS, "--to", "saved_model", "--outputs", PROBABILITIES, "-o", "{out}"],
        [
            *("optimise", IRIS, "--outputs", PROBABILITIES, "-o", "{out}.pb"),
            *("--transforms", "remove_nodes(op=Identity) quantize_weights"),
        ],
        ["diff", IRIS, "sample_models/bikes/saved_model"],
        ["render", IRIS, "-o", "{out}.svg"],
        ["transforms"],
    ],
    ids=lambda args: args[0],
)
def test_a_command_that_runs_no_op(tmp_path: Path, args: list[str]) -> None:
    done = run(tmp_path, *(arg.format(out=tmp_path / "out") for arg in args))
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert not (tmp_path / "workspace").exists()
