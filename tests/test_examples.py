"""The notebooks of `examples` run from beginning to end, and print what they are to show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from inspector.cli.main import cli
from tests.conftest import ROOT
from tests.kernels import run_notebook

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
SHOWS = {
    "keras3_for_serving": [
        "Keras [('features', 'InputLayer')",
        "rows with another class: 0",
        "largest difference below 0.01: True",
    ],
    "keras_to_tflite": ["(6, 2) largest difference to Keras 2.2.4:", "'FULLY_CONNECTED': 2"],
    "smaller_saved_model": ["252 nodes, 11 variables"],
}


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    cells = run_notebook(nbformat.read(path, as_version=4), ROOT / "examples").cells
    outputs = [item for cell in cells for item in cell.get("outputs", ())]
    printed = "".join(item["text"] for item in outputs if item["output_type"] == "stream")
    for text in SHOWS[path.stem]:
        assert text in printed


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_gate(tmp_path: Path) -> None:
    sample, out = ROOT / "sample_models" / "iris", tmp_path / "small"
    command = [sys.executable, ROOT / "examples" / "gate.py", sample / "saved_model"]
    done = subprocess.run(
        [*command, sample / "iris.csv", out],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(", met") == 3
    assert (out / "saved_model.pb").exists()


def test_the_workflow_runs_the_script_of_the_tutorial() -> None:
    """tests/test_snippets.py runs the script, as docs/tutorials/gate.md does."""
    workflow = (ROOT / "examples/release_gate.yml").read_text(encoding="utf-8")
    assert "run: bash release_gate.sh model/saved_model model/rows.npz release\n" in workflow
    page = (ROOT / "docs/tutorials/gate.md").read_text(encoding="utf-8")
    assert "\nbash examples/release_gate.sh " in page
    _, _, report = workflow.partition("run: inspector ")
    words = report.partition("\n")[0].split()
    context = cli.commands[words[0]].make_context(words[0], words[1:])
    assert "model/rows.npz" in map(str, context.params.values())


def test_a_notebook_is_kept_without_outputs() -> None:
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs"), path.name
            assert cell.get("execution_count") is None


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_sweep(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "iris").symlink_to(ROOT / "sample_models/iris/saved_model")
    (tmp_path / "models" / "notes.txt").write_text("no model")
    command = [
        sys.executable,
        ROOT / "examples" / "sweep.py",
        tmp_path / "models",
        tmp_path / "out",
    ]
    first, second = (
        subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2)
    )
    assert first.returncode == 3, first.stderr
    assert re.search(r"iris: 3\.\d times smaller$", first.stdout, re.MULTILINE)
    assert re.search(r"^notes\.txt: failed: .*no SavedModel", first.stdout, re.MULTILINE)
    assert "0 of 2 were known" in first.stdout
    assert "2 of 2 were known" in second.stdout
    assert (tmp_path / "out" / "report.html").is_file()
