"""What the old tool got wrong, sentence by sentence: the values of today's result are the graph's.

Each graph runs before and after in TensorFlow, and the fetched values agree.
"""

from __future__ import annotations

import numpy as np
import pytest

from inspector.graph.graph import Graph, validate
from inspector.passes import pipeline
from tests.passes.fixes import FIXES, Fix
from tests.passes.running import assert_same_values, evaluate, feeds_for, run
from tests.passes.text import graph_def

pytestmark = pytest.mark.tensorflow


def build(fix: Fix) -> Graph:
    proto = graph_def(fix.text, fix.producer)
    proto.library.function.extend(fix.functions)
    return Graph.of(proto)


@pytest.mark.parametrize("name", FIXES)
def test_values_are_those_of_the_graph(name):
    fix = FIXES[name]
    before = build(fix)
    after = pipeline.run(
        before, fix.inputs, fix.outputs, fix.transforms, pipeline.PipelineOptions(evaluate=evaluate)
    ).graph
    validate(after)
    assert after.versions == before.versions
    assert after.library == before.library
    assert {op: after.op_counts().get(op, 0) for op in fix.only} == fix.only
    assert_same_values(before, after, list(fix.outputs), atol=fix.atol, first=fix.first)
    if fix.waits:
        feeds = {key: np.full_like(value, np.nan) for key, value in feeds_for(before).items()}
        for tried in (before, after):
            with pytest.raises(Exception, match="late : Tensor had NaN"):
                run(tried, list(fix.outputs), feeds)


STRIPPED = (
    "x = Placeholder(shape=[2,4]) ; n = Identity(x) ; k = Const(value=1, dtype=int32)"
    " ; s = Split(k, n, num_split=2) ; y = Neg(s:1) ; z = Exp(n)"
)


@pytest.mark.parametrize(
    ("args", "inputs", "outputs"),
    [
        ("", ["n"], ["y", "z"]),
        ('(type=float, shape="-1,4")', ["n"], ["y", "z"]),
        ('(name=n, type_for_name=float, shape_for_name="2,-1")', ["n:0"], ["y:0"]),
        ("", ["s:1"], ["y"]),
        ("", ["s:1", "n"], ["y", "z"]),
    ],
)
def test_stripped_graphs_take_what_the_inputs_held(args, inputs, outputs):
    before = Graph.of(graph_def(STRIPPED))
    after = pipeline.run(before, inputs, outputs, f"strip_unused_nodes{args}").graph
    validate(after)
    assert "x" not in after
    sizes = {"n": (2, 4), "s": (2, 2)}
    rng = np.random.RandomState(1)
    feeds = {
        name if ":" in name else f"{name}:0": rng.rand(*sizes[name[0]]).astype(np.float32)
        for name in inputs
    }
    for expected, found in zip(
        run(before, outputs, feeds), run(after, outputs, feeds), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_kernel_that_fails_leaves_its_own_part_only():
    before = Graph.of(
        graph_def(
            "x = Placeholder(shape=[2]) ; k = Const(value=[1, 2]) ; e = Exp(k)"
            " ; a = Const(value=1, dtype=int32) ; b = Const(value=0, dtype=int32)"
            " ; q = Div(a, b, T=int32) ; z = Cast(q, SrcT=int32, DstT=float) ; y = Mul(x, e)"
        )
    )
    call = "fold_constants(ignore_errors=true)"
    after = pipeline.run(
        before, ["x"], ["y", "z"], call, pipeline.PipelineOptions(evaluate=evaluate)
    ).graph
    assert (after.op_counts().get("Exp"), after.op_counts()["Div"]) == (None, 1)
    assert_same_values(before, after, ["y"], atol=1e-6)
