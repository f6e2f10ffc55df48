"""remove_training_nodes: the values stay, and what only training needs is gone."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.graph.graph import Graph, validate
from inspector.graph.protos import GraphDef
from inspector.passes import PASSES
from tests.passes.running import assert_same_values, context, run
from tests.passes.text import graph, show

X = "x = Placeholder(shape=[2,3])"
OLD = (
    "q = Const(value=0.5) ; d = RealDiv(x, q) ; s = Const(value=[2,3], dtype=int32)"
    " ; u = RandomUniform(s, dtype=float, T=int32) ; a = Add(u, q) ; f = Floor(a) ; m = Mul(d, f)"
)


def apply(before, outputs=("y",), inputs=("x",), **params):
    return PASSES["remove_training_nodes"](before, context(inputs, outputs), **params)


def made(build):
    import tensorflow as tf

    with tf.Graph().as_default() as built:
        build(tf, tf.compat.v1)
    return Graph.of(GraphDef.FromString(built.as_graph_def().SerializeToString()))


@pytest.mark.tensorflow
def test_what_hands_its_input_on_goes():
    before = graph(
        f"{X} ; one = Relu(x) ; i = Identity(one, ^k) ; k = NoOp(^x) ; s = StopGradient(i)"
        " ; p = PreventGradient(s) ; c = CheckNumerics(p, message=no)"
        " ; n = IdentityN(c, x, T=[float, float]) ; m = IdentityN(n:1, n, T=[float, float])"
        " ; t = Print(m:1, x, T=float, U=[float]) ; z = Neg(m) ; e = Add(t, z) ; y = Identity(e)"
    )
    result = apply(before)
    validate(result.graph)
    assert show(result.graph) == (
        "x = Placeholder()\none = Relu(x)\nk = NoOp(^x)\nz = Neg(x)\n"
        "e = Add(one, z, ^k)\ny = Identity(e)"
    )
    assert_same_values(before, result.graph, ["y"])


def test_dropout_as_old_graphs_have_it():
    told = context()
    result = PASSES["remove_training_nodes"](graph(f"{X} ; {OLD} ; y = Neg(m)"), told)
    assert told.warnings == ["1 dropout drew random numbers; from here on none are drawn"]
    assert show(result.graph) == "x = Placeholder()\ny = Neg(x)"
    kept = apply(graph(f"{X} ; {OLD} ; y = Neg(m)"), dropout=False)
    assert "u" in kept.graph


def test_a_dropout_that_is_asked_for_keeps_its_name():
    result = apply(graph(f"{X} ; {OLD}"), ("m",))
    assert show(result.graph) == "x = Placeholder()\nm = Identity(x)"


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", ["rate", "keep", "stateless", "shape"])
def test_dropout_as_tensorflow_writes_it(kind):
    def build(tf, v1):
        x = v1.placeholder(tf.float32, [2, 3], name="x")
        hidden = tf.nn.relu(x)
        if kind == "rate":
            out = v1.nn.dropout(hidden, rate=0.4)
        elif kind == "keep":
            out = v1.nn.dropout(hidden, rate=1 - v1.placeholder_with_default(1.0, []))
        elif kind == "stateless":
            out = tf.nn.experimental.stateless_dropout(hidden, 0.3, seed=[1, 2])
        else:
            out = v1.nn.dropout(hidden, rate=0.4, noise_shape=[2, 1])
        tf.negative(out, name="y")

    after = apply(made(build)).graph
    assert not [node for node in after.nodes if "Random" in node.op]
    assert list(after.node("y").input) == ["Relu"]
    x = np.float32([[1, -2, 3], [4, 5, -6]])
    np.testing.assert_array_equal(run(after, ["y"], {"x": x})[0], -np.maximum(x, 0))


@pytest.mark.parametrize(
    "text",
    [
        "u = Const(value=random(2,3)) ; g = GreaterEqual(u, x) ; c = Cast(g, SrcT=bool, DstT=float)"
        " ; k = Const(value=2) ; s = Mul(x, k) ; y = Mul(s, c)",
        "g = Greater(x, x) ; k = Const(value=2) ; s = Mul(x, k) ; y = SelectV2(g, s, x)",
    ],
)
def test_a_mask_that_is_not_drawn_is_no_dropout(text):
    assert not apply(graph(f"{X} ; {text}")).modified


@pytest.mark.tensorflow
@pytest.mark.parametrize("old", [True, False])
def test_assertions_and_summaries_as_tensorflow_writes_them(old):
    def build(tf, v1):
        (v1.disable_control_flow_v2 if old else v1.enable_control_flow_v2)()
        x = v1.placeholder(tf.float32, [2, 3], name="x")
        with tf.control_dependencies([v1.assert_greater(x, -100.0), tf.print("here")]):
            y = tf.negative(tf.identity(x), name="y")
        v1.summary.scalar("mean", tf.reduce_mean(y))
        v1.summary.histogram("all", y)
        v1.summary.merge_all()
        v1.enable_control_flow_v2()

    before = made(build)
    result = apply(before)
    # TensorFlow itself leaves constants of the message behind that nobody reads.
    assert [item.name for item in result.graph.nodes if item.op != "Const"] == ["x", "y"]
    assert list(result.graph.node("y").input) == ["x"]
    assert_same_values(before, result.graph, ["y"])


def test_what_is_asked_for_or_ties_a_node_to_its_branch_stays():
    text = f"{X} ; k = Const(value=1, dtype=bool) ; a = Assert(k, x, T=[float]) ; y = Neg(x, ^a)"
    result = apply(graph(text), ("y", "a"))
    assert list(result.graph.node("y").input) == ["x", "^a"]
    assert "is a feed or a fetch" in result.skipped[0].why
    branch = (
        f"{X} ; p = Placeholder(shape=[], dtype=bool) ; s = Switch(x, p)"
        " ; a = Assert(p, s, T=[float]) ; c = Const(value=zeros(2,3), ^a) ; y = Merge(c, s:1, N=2)"
    )
    result = apply(graph(branch), inputs=("x", "p"))
    assert "says which loop or branch 'c' belongs to" in result.skipped[0].why
    assert not result.modified


def test_a_summary_that_somebody_reads_stays():
    text = (
        f"{X} ; t = Const(value='m', dtype=string) ; s = ScalarSummary(t, x) ; y = EncodeBase64(s)"
    )
    result = apply(graph(text))
    assert not result.modified
    assert "is read by 'y'" in result.skipped[0].why
