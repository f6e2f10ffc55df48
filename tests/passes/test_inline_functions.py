"""inline_functions: what TensorFlow 2 traced gives the same values as plain nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inspector.graph.graph import Graph, validate
from inspector.graph.protos import GraphDef
from inspector.passes import PASSES, pipeline
from tests.function_graphs import FLOAT, call, function, node
from tests.function_graphs import graph as function_graph
from tests.passes.running import context, evaluate, run
from tests.passes.text import node as text_node

FLOWS = {"If", "StatelessIf", "While", "StatelessWhile", "PartitionedCall"}
X = np.float32([[1, -2, 3], [4, 5, -6]])


def traced(build: Any) -> Graph:
    """The graph of a tf.function with its library, its argument a Placeholder `x`, result `y`."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def outer(x: Any, count: Any) -> Any:
        return build(tf, x, count)

    with tf.Graph().as_default() as made:
        x = tf.compat.v1.placeholder(tf.float32, [2, 3], name="x")
        count = tf.compat.v1.placeholder(tf.int32, [], name="count")
        tf.identity(outer(x, count), name="y")
    return Graph.of(GraphDef.FromString(made.as_graph_def().SerializeToString()))


def lowered(before: Graph, outputs: Any = ("y",)) -> Graph:
    found = PASSES["inline_functions"]
    result = found(before, context(("x", "count"), outputs), control_flow="lower")
    validate(result.graph)
    assert not found(result.graph, context(("x", "count"), outputs), control_flow="lower").modified
    return result.graph


def branch(tf, x, count):
    return tf.cond(count > 2, lambda: x * 2.0 + tf.constant(1.0), lambda: tf.ones([2, 3]))


def loop(tf, x, count):
    return tf.while_loop(
        lambda i, v: i < count,
        lambda i, v: (i + 1, v * 0.5 + tf.cast(i, tf.float32)),
        (0, x),
        parallel_iterations=3,
    )[1]


def nested(tf, x, count):
    def body(i, v):
        more = tf.cond(tf.equal(i % 2, 0), lambda: tf.nn.relu(v), lambda: v + tf.constant(0.25))
        return i + 1, tf.while_loop(lambda j, w: j < i, lambda j, w: (j + 1, w * 0.9), (0, more))[1]

    return tf.while_loop(lambda i, v: i < count, body, (0, x))[1]


def collected(tf, x, count):
    values = tf.TensorArray(tf.float32, size=count)
    _, values = tf.while_loop(
        lambda i, a: i < count,
        lambda i, a: (i + 1, a.write(i, x[0] * tf.cast(i, tf.float32))),
        (0, values),
    )
    return values.stack()


def swapped(tf, x, count):
    return tf.cond(count > 2, lambda: (x, -x), lambda: (-x, x))[1]


@pytest.mark.tensorflow
@pytest.mark.parametrize("build", [branch, loop, nested, collected, swapped])
def test_loops_and_branches_as_plain_nodes(build):
    before = traced(build)
    after = lowered(before)
    assert not FLOWS & {*after.op_counts()}
    for count in (1, 5):
        feeds = {"x": X, "count": np.int32(count)}
        expected, found = run(before, ["y"], feeds)[0], run(after, ["y"], feeds)[0]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.tensorflow
def test_the_pipeline_goes_on_over_the_plain_nodes():
    before = traced(nested)
    result = pipeline.run(
        before,
        ["x", "count"],
        ["y"],
        "inline_functions(control_flow=lower) strip_unused_nodes remove_nodes(op=Identity)"
        " fold_constants merge_duplicate_nodes sort_by_execution_order",
        pipeline.PipelineOptions(evaluate=evaluate),
    )
    assert len(result.graph) < result.steps[0].nodes_after
    feeds = {"x": X, "count": np.int32(4)}
    np.testing.assert_allclose(
        run(result.graph, ["y"], feeds)[0], run(before, ["y"], feeds)[0], rtol=1e-6
    )


@pytest.mark.tensorflow
def test_loops_and_branches_stay_unless_asked():
    before = traced(nested)
    result = PASSES["inline_functions"](before, context(("x", "count")))
    assert result.graph.op_counts()["StatelessWhile"] == 1
    assert "PartitionedCall" not in result.graph.op_counts()


@pytest.mark.tensorflow
@pytest.mark.parametrize("build", [branch, loop, swapped])
def test_an_output_keeps_its_name_and_ports(build):
    inner = PASSES["inline_functions"](traced(build), context(("x", "count"))).graph
    flow = next(node.name for node in inner.nodes if node.op in FLOWS)
    fetches = [f"{flow}:1"] if build is not branch else [flow]
    after = lowered(inner, tuple(fetches))
    feeds = {"x": X, "count": np.int32(3)}
    np.testing.assert_array_equal(run(after, fetches, feeds)[0], run(inner, fetches, feeds)[0])


SAID = function(
    "said",
    "a",
    [
        node("p", "StringFormat", "a", T=[FLOAT]),
        node("print", "PrintV2", "p:output:0"),
        node("n", "Neg", "a", T=FLOAT),
    ],
    {"b": "n:y:0"},
    ("print",),
)
SAME = function("same", "a", [], {"b": "a"})


def if_node(*inputs: str) -> Any:
    made = node("c", "If", *inputs, then_branch="said", else_branch="same", Tcond=10)
    made.attr["Tin"].list.type.append(FLOAT)
    made.attr["Tout"].list.type.append(FLOAT)
    return made


@pytest.mark.tensorflow
def test_a_branch_still_does_what_it_does_and_is_waited_for(capfd):
    nodes = [
        text_node("x = Placeholder(shape=[])"),
        text_node("p = Placeholder(shape=[], dtype=bool)"),
        if_node("p", "x"),
        text_node("y = Neg(x, ^c)"),
    ]
    after = lowered(function_graph(nodes, SAID, SAME))
    capfd.readouterr()
    for taken in (True, False):
        run(after, ["y"], {"x": np.float32(7), "p": np.bool_(taken)})
        assert ("7" in capfd.readouterr().err) == taken


def test_what_cannot_be_lowered_is_said():
    again = function("again", "a", [call("c", "again", "a")], {"b": "c:output:0"})
    made = if_node("p", "x")
    made.attr["then_branch"].func.name = "again"
    other = if_node("x", "x")
    other.name, other.attr["Tcond"].type = "d", FLOAT
    nodes = [
        text_node("x = Placeholder(shape=[])"),
        text_node("p = Placeholder(shape=[], dtype=bool)"),
        made,
        other,
        text_node("y = Add(c, d)"),
    ]
    before = function_graph(nodes, again, SAID, SAME)
    result = PASSES["inline_functions"](before, context(("x", "p")), control_flow="lower")
    assert not result.modified
    assert "comes to call itself" in result.skipped[0].why
    assert "no bool" in result.skipped[1].why
