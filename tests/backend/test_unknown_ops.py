"""Nodes of ops that TensorFlow does not have keep only those from running that depend on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import inspector
from inspector.errors import BadFetch, BlockedOp, RunFailed
from inspector.model.model import Model
from tests.graphs import graph, node, placeholder

pytestmark = pytest.mark.tensorflow

GRAPH = graph(
    placeholder("x", [None, 2]),
    node("y", "Relu", "x", T="float32"),
    node("nobody", "NobodysOp", "x"),
    node("after", "Relu", "nobody", T="float32"),
    node("done", "NoOp", "^after"),
    node("safe", "NoOp"),
)
ROWS = {"x": np.array([[-1.0, 2.0]], np.float32)}


def model() -> Model:
    return Model("GraphDef", "m", GRAPH)


def test_what_does_not_need_the_op_runs() -> None:
    answer = inspector.predict(model(), ROWS, ["y:0"])
    np.testing.assert_array_equal(answer["y:0"], [[0.0, 2.0]])


@pytest.mark.parametrize("fetch", ["nobody:0", "after:0", "after"])
def test_what_needs_the_op_says_so(fetch: str) -> None:
    with pytest.raises(RunFailed, match="op NobodysOp is not part of TensorFlow"):
        inspector.predict(model(), ROWS, [fetch])


def test_a_name_that_there_is_not_is_no_matter_of_the_op() -> None:
    with pytest.raises(BadFetch, match="no such tensor"):
        inspector.predict(model(), ROWS, ["afterwards:0"])


def test_an_init_op_that_needs_it_cannot_run() -> None:
    with pytest.raises(BlockedOp, match="NobodysOp is no op of TensorFlow"):
        inspector.predict(replace(model(), init_op="done"), ROWS, ["y:0"])
    inspector.predict(replace(model(), init_op="safe"), ROWS, ["y:0"])


def test_a_check_of_another_output_is_made() -> None:
    result = inspector.optimise(
        model(), outputs=["y"], transforms="merge_duplicate_nodes strip_unused_nodes", check=True
    )
    assert [step.check.status for step in result.steps] == ["equal", "equal"]
