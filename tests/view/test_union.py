"""Before and after in one picture: nodes of both, and which box says that something changed."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.view.state.union import Difference, difference_marks, union
from inspector.view.state.visible import view
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import build
from tests.view.graphs import table

BEFORE = """
x = Placeholder()
w = Const()
w/read = Identity(w)
a = MatMul(x, w/read)
drop = Identity(a)
y = Softmax(drop, ^init)
init = NoOp()
"""
AFTER = """
x = Placeholder()
w = Const()
a = MatMul(x, w)
fused = Relu(a)
y = Softmax(fused)
"""


@pytest.fixture(scope="module")
def both():
    return union(table(BEFORE), table(AFTER))


def test_every_node_of_both_is_there_once_with_the_edges_of_both(both):
    assert both.names == ["x", "w", "a", "fused", "y", "w/read", "drop", "init"]
    assert both.input_names(both.find("a")) == ["x:0", "w:0", "w/read:0"]
    assert both.input_names(both.find("y")) == ["fused:0", "drop:0", "^init"]
    assert both.op_of(both.find("fused")) == "Relu"
    assert both.op_of(both.find("drop")) == "Identity"


def test_the_union_is_a_table_like_any_other(both):
    assert type(both).from_json(both.to_json()).to_json() == both.to_json()


def test_a_table_with_itself_is_itself():
    one = table(BEFORE)
    again = union(one, one)
    assert again.names == one.names
    assert [again.input_names(node) for node in range(len(one))] == [
        one.input_names(node) for node in range(len(one))
    ]


def test_inputs_that_neither_graph_has_stay_told():
    found = union(table("a = Relu(gone)"), table("a = Relu(gone:1)\nb = Relu(lost)"))
    assert found.input_names(0) == ["gone:1", "gone:0"]
    assert found.input_names(1) == ["lost:0"]


def test_marks_say_what_became_of_each_box(both):
    tree = build(both)
    nodes = {"added": ["fused"], "removed": ["drop", "w/read", "init"],
             "changed": [{"name": "a", "fields": ["inputs"]},
                         {"name": "x", "fields": ["attr:_output_shapes"]}]}  # fmt: skip
    names = [box.name for box in view(tree, frozenset(tree.index)).boxes]
    marks = difference_marks(tree, names, Difference.of({"nodes": nodes, "renamed": []}))
    assert marks["fused"] == ["added"]
    assert marks["drop"] == ["removed"]
    assert marks["a"] == ["changed"]
    assert "x" not in marks
    assert "y" not in marks


def test_a_scope_is_marked_by_what_is_in_it():
    before = table(
        "x = Placeholder()\ns/a = Relu(x)\ns/b = Relu(s/a)\nt/a = Relu(s/b)\nt/b = Relu(t/a)"
    )
    after = table("x = Placeholder()\ns/a = Relu(x)\ns/b = Relu(s/a)")
    tree = build(union(before, after))
    gone = Difference(frozenset(), frozenset(["t/a", "t/b"]), frozenset(["s/a"]))
    marks = difference_marks(tree, ["s/", "t/", "x", "no such"], gone)
    assert marks == {"s/": ["changed"], "t/": ["removed"]}
    assert np.array_equal(difference_marks(tree, ["s/"], Difference(*[frozenset()] * 3)), {})


def test_bodies_of_loops_keep_their_edges():
    text = "x = Placeholder()\nw/body/a = _Arg(x)\nw/body/b = Relu(w/body/a)\nw = While(x)"
    returns, again = {"w": ["w/body/b", "^w/body/a"]}, {"w/body/a": "w/body/b"}
    one = table(text, returns=returns, again=again)
    both = union(one, table(text + "\ny = Relu(w)", returns=returns, again=again))
    loop, result = both.find("w"), both.find("w/body/b")
    assert both.returns == {loop: [result, 0]}
    assert both.again == {both.find("w/body/a"): (result, 0)}
    assert both.input_names(loop) == ["x:0", "^w/body/a"]
    assert NodeTable.from_json(both.to_json()).returns == both.returns


def test_a_renamed_node_is_one_box_with_the_name_it_has_now():
    before = table("x = Placeholder()\nold = Relu(x)\ny = Softmax(old)\ngone = Tanh(x)")
    after = table("x = Placeholder()\nnew = Relu(x)\ny = Softmax(new)")
    delta = {
        "nodes": {"added": [], "removed": ["gone"], "changed": []},
        "renamed": [{"before": "old", "after": "new"}],
    }
    difference = Difference.of(delta)
    both = union(before, after, difference.renamed)
    assert both.names == ["x", "new", "y", "gone"]
    assert both.input_names(both.find("y")) == ["new:0"]
    marks = difference_marks(build(both), both.names, difference)
    assert marks == {"gone": ["removed"], "new": ["renamed"]}
    assert difference.before("new") == "old"
    assert difference.before("y") is None


def test_a_removed_node_whose_name_another_node_has_now_keeps_a_box_of_its_own():
    before = table("x = Placeholder()\na = Relu(x)\nb = Tanh(a)")
    after = table("x = Placeholder()\nb = Relu(x)")
    delta = {
        "nodes": {"added": [], "removed": ["b"], "changed": []},
        "renamed": [{"before": "a", "after": "b"}],
    }
    difference = Difference.of(delta)
    both = union(before, after, difference.renamed)
    assert both.names == ["x", "b", "b (before)"]
    assert [both.op_of(both.find(name)) for name in both.names] == ["Placeholder", "Relu", "Tanh"]
    assert both.input_names(2) == ["b:0"]
    marks = difference_marks(build(both), both.names, difference)
    assert marks == {"b": ["renamed"], "b (before)": ["removed"]}
    assert difference.before("b (before)") is None


def test_boxes_show_the_bytes_of_weights_before_and_after():
    text = "x = Placeholder()\nw = VariableV2()\nb = Const()\ny = MatMul(x, w)\nz = BiasAdd(y, b)"
    before = table(
        text + "\nsave = Save(w)", weights={"w": (100, 400), "b": (4, 16)}, fetches=["z"]
    )
    after = table(text, weights={"w": (100, 100), "b": (4, 16)}, fetches=["z"])
    both = union(before, after)
    assert both.former != both.weights
    read = NodeTable.from_json(both.to_json())
    assert (read.side.tolist(), read.former) == (both.side.tolist(), both.former)
    tree = build(read)
    subs = {box.name: box.sub for box in view(tree, frozenset(tree.index)).boxes}
    assert subs["y"].endswith("400 B → 100 B")
    assert subs["z"].endswith("16 B")
    assert subs["save"].endswith("400 B → 0 B")  # nothing saves the smaller weights
