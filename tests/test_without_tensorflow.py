"""What works where no extra is installed: all that runs no op; the rest names the extra."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

IRIS = "sample_models/iris/saved_model"
PROBABILITIES = "dnn/head/predictions/probabilities"
COMMAND = """
import sys

sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))  # importing one of these fails
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
        "distributed",
    ),
)


def run(
    tmp_path: Path, *args: str, lacking: tuple[str, ...] = EXTRAS, **environ: str
) -> subprocess.CompletedProcess[str]:
    """A command in a Python that cannot import these, and that has no worker processes."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, ",".join(lacking), *args],
        cwd=ROOT,
        env={**os.environ, "INSPECTOR_WORKSPACE": str(tmp_path / "workspace"), **environ},
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
    ("args", "error", "terms"),
    [
        (
            ["describe", "tests/data/models/public/coral_invalid_invoke/model.tflite"],
            "ai_edge_litert: package: is not installed: {tflite}",
            {},
        ),
        (
            ["convert", IRIS, "--to", "tflite", "-o", "{out}.tflite"],
            "ai_edge_litert: package: is not installed: {run}",
            {},
        ),
        (
            ["convert", IRIS, "--to", "tflite", "--quantise", "dynamic", "-o", "{out}.tflite"],
            "saved_model: quantise: needs litert-quantizer: {quantise}",
            {"lacking": ("litert_quantizer",)},
        ),
        (
            ["describe", "s3://bucket/model.pb"],
            "model.pb: URL: s3:// needs fsspec: {urls}",
            {},
        ),
        (
            ["render", IRIS, "-o", "{out}.svg"],
            "picture: Graphviz: not installed; install the program dot, or {draw}",
            {"PATH": "/nowhere"},
        ),
        (
            ["predict", IRIS, "--feeds", "sample_models/iris/iris.csv"],
            "fsspec: package: is not installed: {cluster}",
            {"INSPECTOR_SCHEDULER": "tcp://127.0.0.1:1"},
        ),
        (
            ["app", "--no-browser", "--port", "8599"],
            "streamlit: package: is not installed: {app}",
            {},
        ),
    ],
    ids=["tflite", "run", "quantise", "urls", "draw", "cluster", "app"],
)
def test_a_command_that_needs_an_extra_names_it(
    tmp_path: Path, args: list[str], error: str, terms: dict[str, Any]
) -> None:
    done = run(tmp_path, *(arg.format(out=tmp_path / "out") for arg in args), **terms)
    sentence = re.sub(r"{(\w+)}", r"pip install 'tf-graph-inspector[\1]'", error)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {sentence}\n"


PYTHON = """
import sys

sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
import numpy as np
import inspector

for name in inspector.__all__:
    getattr(inspector, name)
model = inspector.open_model(sys.argv[2])
feeds = inspector.read_feeds("sample_models/iris/iris.csv", model)
assert inspector.feed_template(model, ".csv")
assert inspector.top_classes(model, {"probabilities": np.eye(3)})["probabilities"][0] == "setosa"
for call in (inspector.to_tensorflow, lambda model: inspector.sensitivity(model, "dynamic")):
    try:
        call(model)
    except inspector.InspectorError as error:
        print(error)
print(len(feeds))
"""


def test_python_has_every_name_and_reads_feeds_without_extras() -> None:
    """Also where the models run elsewhere: a client of a cluster needs no TensorFlow."""
    done = subprocess.run(
        [sys.executable, "-c", PYTHON, ",".join(EXTRAS), IRIS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    missing = "package: is not installed: pip install 'tf-graph-inspector"
    assert done.stdout.splitlines() == [
        f"tensorflow: {missing}[run]'",
        f"ai_edge_litert: {missing}[tflite]'",
        "4",
    ]
