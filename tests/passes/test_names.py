"""Names: one node renamed, and all of them shortened."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.errors import BadParameter, TransformFailed
from inspector.graph.graph import Graph
from inspector.passes import pipeline
from inspector.passes.pipeline import plan
from tests.passes.running import assert_same_values, context
from tests.passes.text import graph, show

TEXT = """
x = Placeholder(shape=[4])
axis = Const(value=0, dtype=int32)
s = Split(axis, x, num_split=2)
t = Relu(s:1, ^s, _class=["loc:@s"])
y = Sub(s, t, _class=["loc:@s", "loc:@t"])
"""


def rename(text: str, old: str, new: str) -> Any:
    (item,) = plan(f'rename_node(old_node_name="{old}", new_node_name="{new}")')
    ctx = context()
    return item.transform(graph(text), ctx, **item.params), ctx


def shorten(before: Graph, inputs: Any = ("x",), outputs: Any = ("y",)) -> Graph:
    (item,) = plan("obfuscate_names")
    after: Graph = item.transform(before, context(inputs, outputs)).graph
    return after


@pytest.mark.tensorflow
def test_all_references_follow():
    result, ctx = rename(TEXT, "s", "deep/halves")
    assert show(result.graph).splitlines()[2:] == [
        "deep/halves = Split(axis, x)",
        "t = Relu(deep/halves:1, ^deep/halves)",
        "y = Sub(deep/halves, t)",
    ]
    assert list(result.graph.node("t").attr["_class"].list.s) == [b"loc:@deep/halves"]
    places = list(result.graph.node("y").attr["_class"].list.s)
    assert places == [b"loc:@deep/halves", b"loc:@t"]
    assert ctx.warnings == []
    assert_same_values(graph(TEXT), result.graph, ["y"])


def test_the_record_says_who_was_renamed_and_who_follows():
    result, _ = rename(TEXT, "s", "halves")
    assert {(item.name, item.kind, item.rule, item.sources) for item in result.changed} == {
        ("s", "removed", "has another name now", ("halves",)),
        ("halves", "added", "has this name now", ("s",)),
        ("t", "changed", "follows what it reads", ()),
        ("y", "changed", "follows what it reads", ()),
    }


def test_a_name_that_is_taken_is_an_error():
    with pytest.raises(TransformFailed, match="already using t as name"):
        rename(TEXT, "s", "t")


@pytest.mark.parametrize("new", ["a:1", "^a", "_a", "a b"])
def test_a_name_that_is_none_is_an_error(new):
    with pytest.raises(BadParameter, match="no name that TensorFlow gives"):
        rename(TEXT, "s", new)


def test_a_node_that_is_not_there_is_said():
    result, ctx = rename(TEXT, "sp", "halves")
    assert not result.modified
    assert ctx.warnings[0].startswith("no node is named 'sp'")


def test_an_input_that_is_renamed_is_said():
    result, ctx = rename(TEXT, "x", "image")
    assert "x" not in result.graph
    assert "'x' is an input or output" in ctx.warnings[0]


def test_names_may_be_swapped_one_by_one():
    calls = [("x", "z"), ("t", "x"), ("z", "t")]
    transforms = " ".join(f"rename_node(old_node_name={a}, new_node_name={b})" for a, b in calls)
    after = pipeline.run(graph(TEXT), [], [], transforms).graph
    assert show(after).splitlines()[2] == "s = Split(axis, t)"
    assert after.node("x").op == "Relu"


def test_short_names_skip_what_is_taken_and_may_be_in_use():
    text = "x = Placeholder() ; 1 = Relu(x) ; 0 = Neg(1) ; c = Tanh(0, ^1) ; 2 = Exp(c)"
    after = shorten(graph(text), ["x"], ["2"])
    assert show(after) == (
        "x = Placeholder()\n0 = Relu(x)\n1 = Neg(0)\n3 = Tanh(1, ^0)\n2 = Exp(3)"
    )
    assert shorten(after, ["x"], ["2"]) is after


def test_short_names_count_in_base_62():
    nodes = [f"n{index} = Relu(image)" for index in range(62 * 62 + 1)]
    after = shorten(graph("\n".join(["image = Placeholder()", *nodes])), ["image"], [])
    names = [node.name for node in after.nodes[1:]]
    assert names[:11] == list("0123456789a")
    assert names[61:64] == ["Z", "10", "11"]
    assert names[-2:] == ["ZZ", "100"]


def test_colocations_follow_short_names():
    after = shorten(graph(TEXT))
    assert after.node("y").attr["_class"].list.s == [b"loc:@1", b"loc:@2"]


@pytest.mark.tensorflow
def test_an_output_with_its_port_keeps_its_name():
    before = graph(TEXT)
    after = shorten(before, ["x:0"], ["y:0", "s:1"])
    assert {"x", "y", "s"} <= {node.name for node in after.nodes}
    assert_same_values(before, after, ["y:0", "s:1"])


def test_an_input_that_is_not_there_is_an_error():
    with pytest.raises(TransformFailed, match="No node named gone for input to y"):
        shorten(graph("y = Relu(gone)"))
