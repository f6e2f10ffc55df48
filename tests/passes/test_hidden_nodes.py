"""Nodes that TensorFlow does not know are hidden from it, and are put back as they were."""

from __future__ import annotations

import pytest

from inspector.errors import InvalidGraph
from inspector.graph.graph import Graph
from inspector.passes.rewrite.hidden_nodes import hide_unknown
from tests.passes.test_grappler import run
from tests.passes.text import graph, show

CUSTOM = (
    "x = Placeholder(shape=[2,3]) ; a = Neg(x) ; u = Mystery(a, ^x) ; v = Secret(u:1, u)"
    " ; b = Abs(u) ; c = Add(b, u:2) ; d = Identity(c, ^u) ; y = Mul(d, v:1)"
)


def inputs(made: Graph) -> dict[str, list[str]]:
    return {node.name: list(node.input) for node in made}


def test_placeholders_stand_for_what_is_read_and_all_fits_again() -> None:
    before = graph(CUSTOM)
    hidden = hide_unknown(before)
    assert hidden is not None
    assert {node.name for node in hidden.nodes} == {"u", "v"}
    assert hidden.inputs == ("u", "u_output_2", "v", "v_output_1")
    assert hidden.outputs == ("a", "x")
    assert {node.op for node in hidden.graph} == {
        *("Placeholder", "Neg", "Abs", "Add", "Identity", "Mul")
    }
    assert inputs(hidden.graph)["c"] == ["b", "u_output_2"]
    assert inputs(hidden.graph)["d"] == ["c", "^u"]
    assert inputs(hidden.restored(hidden.graph)) == inputs(before)


def test_names_that_are_taken_are_not_taken_again() -> None:
    text = "x = Placeholder() ; u = Mystery(x) ; u_output_1 = Neg(x) ; y = Add(u:1, u_output_1)"
    hidden = hide_unknown(graph(text))
    assert hidden is not None
    assert hidden.inputs == ("u", "u_output_1_1")
    assert inputs(hidden.restored(hidden.graph))["y"] == ["u:1", "u_output_1"]


def test_nothing_is_hidden_where_all_is_known_or_a_dtype_is_not() -> None:
    assert hide_unknown(graph("x = Placeholder() ; y = Neg(x)")) is None
    assert hide_unknown(graph("x = Placeholder() ; u = Mystery(x) ; y = Neg(u, u)")) is None


def test_a_graph_that_would_wait_for_itself_is_refused() -> None:
    before = graph("x = Placeholder() ; a = Neg(x) ; u = Mystery(a) ; y = Abs(u)")
    hidden = hide_unknown(before)
    assert hidden is not None
    crossed = graph("x = Placeholder() ; u = Placeholder() ; a = Neg(u) ; y = Abs(u)")
    with pytest.raises(InvalidGraph, match="cycle"):
        hidden.restored(crossed)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["grappler", "grappler_pruning", "grappler_constfold"])
def test_grappler_works_around_them(name: str) -> None:
    text = (
        "x = Placeholder(shape=[2,3]) ; k = Const(value=random(2, 3)) ; l = Neg(k) ; m = Add(l, k)"
        " ; u = Mystery(m, x) ; i = Identity(u) ; y = Add(i, m)"
    )
    result = run(text, name)
    (step,) = result.steps
    assert [(skip.name, skip.why) for skip in step.skipped] == [
        ("u", "Mystery is no op of TensorFlow 2.21 and stays as it is")
    ]
    after = result.graph
    assert after.node("u") == graph(text).node("u")
    assert "u" in after.ancestors(["y"])
    # It may be the output, as the last op of a detector for TensorFlow Lite is.
    last = run("x = Placeholder(shape=[2]) ; y = Mystery(x)", name).graph
    assert inputs(last) == {"x": [], "y": ["x"]}
    if name == "grappler_constfold":
        assert after.node("m").op == "Const", show(after)
