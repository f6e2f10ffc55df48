"""The recorded cases of the real tool, judged by tests/data/gtt/run_cases.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.errors import TransformSyntaxError
from inspector.passes import PASSES
from inspector.passes.parser import parse
from tests.conftest import DATA, ROOT, data_path

CASES = DATA / "gtt/cases"


def ours(case: Path) -> bool:
    """Whether all transforms of a case are in the table, or its point is an error."""
    found = json.loads((case / "case.json").read_text())
    if found["expect"]["profile"] == "error":
        return True
    try:
        return all(call.name in PASSES for call in parse(found["transforms"]))
    except TransformSyntaxError:
        return True


NAMES = sorted(case.parent.name for case in CASES.glob("*/case.json") if ours(case.parent))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """All cases in one process, because the judge has to import TensorFlow."""
    rows = tmp_path_factory.mktemp("golden") / "rows.json"
    subprocess.run(
        [
            sys.executable,
            str(data_path("gtt/run_cases.py")),
            str(CASES),
            "--candidate=tests.passes.candidate:transform",
            f"--json={rows}",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        timeout=300,
        check=False,
    )
    return {row["case"]: row for row in json.loads(rows.read_text())}


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES or ["none"])
def test_the_case_passes(name, verdicts):
    data_path("gtt/cases")
    row = verdicts[name]
    assert row["ok"], row["why"]
    assert not [why for why in row["why"] if why.startswith("message lacks")]
