"""Measured times: one real run of a sample in a real job."""

from __future__ import annotations

import pytest

from inspector import locations
from inspector.formats import open_model
from inspector.jobs.runner import default_runner
from inspector.view.state import overlay
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree.hierarchy import build

pytestmark = pytest.mark.tensorflow
IRIS = locations.sample_models() / "iris"
SOFTMAX = "dnn/head/predictions/probabilities"


def test_every_node_that_runs_has_its_time() -> None:
    args = {
        "path": str(IRIS / "saved_model"),
        "tag_set": None,
        "signature": None,
        "outputs": [SOFTMAX],
        "feeds": {"kind": "random", "batch": 8, "seed": 0},
    }
    found = default_runner().submit("profile", args).result(120).value
    assert (found["rows"], found["runs"]) == (8, 5)
    times = found["times"]
    assert times[SOFTMAX] > 0
    assert times["dnn/hiddenlayer_1/MatMul"] > 0
    assert "save/RestoreV2" not in times
    tree = build(NodeTableBuilder(open_model(IRIS / "saved_model")).node_table())
    warm = overlay.boxes(tree, ["dnn/hiddenlayer_1/"], overlay.TIME, times)
    assert 0 < warm["dnn/hiddenlayer_1/"].share < 1
