"""The notebooks of examples/ run from the first cell to the last; they are kept without outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def cells(path: Path) -> list[str]:
    """The code cells, in order."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in found)
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    program = "import json, sys\nscope = {}\nfor cell in json.load(sys.stdin): exec(cell, scope)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(cells(path)),
        capture_output=True,
        text=True,
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "252 nodes" in done.stdout
    assert "86 nodes" in done.stdout
    assert "largest difference 0.097, 1 of 150 rows change their class" in done.stdout


def test_there_is_a_notebook_and_the_readme_names_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        assert f"examples/{path.name}" in readme
