"""The parameter `functions`: the same transforms inside the bodies, and values that stay."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.graph import opdefs
from inspector.graph.functions import Library
from inspector.graph.graph import Graph
from inspector.passes import PASSES, pipeline
from tests.function_graphs import FLOAT, call, function, graph, node
from tests.passes.running import assert_same_values, context, run
from tests.passes.test_inline_functions import X, nested, traced
from tests.passes.text import node as text_node

BODY = function(
    "body",
    "a",
    [
        node("i", "Identity", "a", T=FLOAT),
        text_node("k = Const(value=random(40,3))"),
        text_node("r = Relu(i:output:0) @/device:CPU:0"),
        node("m", "MatMul", "k:output:0", "r:activations:0", T=FLOAT),
        node("out", "Identity", "m:product:0", T=FLOAT),
    ],
    {"b": "out:output:0"},
)
CALLED = [
    text_node("x = Placeholder(shape=[3,2])"),
    call("c", "body", "x"),
    text_node("y = Neg(c)"),
]
INSIDE = sorted(
    name for name, found in PASSES.items() if any(p.name == "functions" for p in found.params)
)
ARGS = {
    "remove_nodes": {"op": ("Identity",)},
    "remove_attribute": {"attribute_name": "_note"},
    "rename_attribute": {"old_attribute_name": "T", "new_attribute_name": "T2"},
    "rename_op": {"old_op_name": "Relu", "new_op_name": "Softplus"},
    "set_device": {"device": "/device:CPU:0"},
    "quantize_weights": {"minimum_size": 4},
}


def ops(found: Graph) -> list[str]:
    return [item.op for item in Library(found.library).body("body").nodes]


@pytest.mark.parametrize("name", INSIDE)
def test_bodies_are_changed_only_when_asked(name):
    before = graph(CALLED, BODY)
    before.library.function[0].node_def[0].attr["_note"].i = 1
    for item in before.library.function[0].node_def if name == "strip_default_attributes" else ():
        item.MergeFrom(opdefs.with_defaults(item))
    params = ARGS.get(name, {})
    given = before.to_bytes()
    plain = PASSES[name](before, context(), **params)
    assert plain.graph.library is before.library
    result = PASSES[name](before, context(), **params, functions=True)
    assert result.modified
    assert result.graph.library != before.library
    assert any(change.name.startswith("body()/") for change in result.changed)
    assert before.to_bytes() == given
    again = PASSES[name](result.graph, context(), **params, functions=True)
    assert again.modified == (name == "round_weights")


@pytest.mark.tensorflow
def test_values_and_what_is_returned_stay():
    before = graph(CALLED, BODY)
    result = pipeline.run(
        before,
        ["x"],
        ["y"],
        "remove_nodes(op=Identity, functions=true) remove_device(functions=true)"
        " quantize_weights(minimum_size=8, mode=float16, functions=true)"
        " add_default_attributes(functions=true)",
    )
    assert ops(result.graph) == ["Const", "Cast", "Relu", "MatMul", "Identity"]
    assert_same_values(before, result.graph, ["y"], atol=1e-2)
    assert result.steps[-1].bytes_after == len(result.graph.to_bytes())
    assert "is a feed or a fetch" in {skip.why for skip in result.steps[0].skipped}


@pytest.mark.tensorflow
def test_loops_and_branches_that_tensorflow_traced():
    before = traced(nested)
    transforms = "remove_nodes(op=Identity, functions=true) add_default_attributes(functions=true)"
    after = pipeline.run(before, ["x", "count"], ["y"], transforms).graph
    before_ops, after_ops = (
        sum(item.op == "Identity" for one in found.library.function for item in one.node_def)
        for found in (before, after)
    )
    assert after_ops <= before_ops
    feeds = {"x": X, "count": np.int32(4)}
    np.testing.assert_array_equal(run(after, ["y"], feeds)[0], run(before, ["y"], feeds)[0])
