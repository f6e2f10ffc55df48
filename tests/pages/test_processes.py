"""The web process stays light: no page brings TensorFlow or Keras into it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from inspector.ui.screens.shell import PAGES
from tests.conftest import ROOT

_TOUR = """
import sys
from tests.pages import app

at = app.opened("iris")
at.session_state["outputs"] = ["dnn/head/predictions/probabilities"]
app.on(at, "optimise")
at.button(key="run").click()
app.settled(at.run())
for page in sys.argv[1:]:
    app.on(at, page)
    assert not at.exception, page
at.button(key="predict").click()
app.settled(at.run())
assert not at.exception and not at.error
roots = {name.partition(".")[0] for name in sys.modules}
heavy = sorted(roots & {"tensorflow", "keras", "tf_keras", "h5py"})
mapped = sorted(set(line.split()[-1] for line in open("/proc/self/maps") if "tensorflow" in line))
print("came in:", heavy, mapped)
"""


@pytest.mark.tensorflow
def test_no_page_brings_tensorflow_into_the_web_process() -> None:
    pages = [entry.file for entry in PAGES]
    command = [sys.executable, "-W", "ignore", "-c", _TOUR, *pages, "predict"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().endswith("came in: [] []")
