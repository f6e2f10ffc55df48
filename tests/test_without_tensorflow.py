"""What works where no extra is installed: all that runs no op; the rest names the extra."""

from __future__ import annotations

import os
import re
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
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Blocker())
from inspector.cli.main import cli
cli(sys.argv[2:], prog_name="inspector")
"""


EXTRAS = (
    *(
        "tensorflow",
        "keras",
        "tf_keras",
        "ai_edge_litert",
        "flatbuffers",
        "PIL",
        "litert_quantizer",
    ),
    *(
        "streamlit",
        "altair",
        "pandas",
        "starlette",
        "pygraphviz",
        "fsspec",
        "anywidget",
        "traitlets",
    ),
)


def run(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A command in a Python that cannot import them, and that has no worker processes."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, ",".join(EXTRAS), *args],
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


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (
            ["describe", "tests/data/models/public/coral_invalid_invoke/model.tflite"],
            "ai_edge_litert: package: {tflite}",
        ),
        (
            ["convert", IRIS, "--to", "tflite", "-o", "{out}.tflite"],
            "ai_edge_litert: package: {run}",
        ),
        (["app", "--no-browser", "--port", "8599"], "streamlit: package: {app}"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_that_needs_an_extra_names_it(
    tmp_path: Path, args: list[str], error: str
) -> None:
    done = run(tmp_path, *(arg.format(out=tmp_path / "out") for arg in args))
    sentence = re.sub(r"{(\w+)}", r"is not installed: pip install 'tf-graph-inspector[\1]'", error)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {sentence}\n"
