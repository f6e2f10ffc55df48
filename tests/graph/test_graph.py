"""The index over NodeDefs, the execution order, the validator."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InvalidGraph, UnknownNode
from inspector.graph.graph import (
    Graph,
    Input,
    Names,
    control_inputs,
    data_inputs,
    node_name,
    split_input,
    tensor_name,
    validate,
    with_inputs,
)
from inspector.graph.protos import FunctionDefLibrary, GraphDef, NodeDef
from tests.passes.text import graph, node

LOOP = (
    "x = Placeholder() ; e = Enter(x, frame_name=f) ; m = Merge(e, n) ; p = Placeholder(dtype=bool)"
    " ; s = Switch(m, p) ; n = NextIteration(s:1) ; y = Exit(s)"
)


@pytest.mark.parametrize(
    ("text", "name", "port", "control"),
    [
        ("a", "a", 0, False),
        ("a:0", "a", 0, False),
        ("a:12", "a", 12, False),
        ("^a", "a", -1, True),
        ("a/b:1", "a/b", 1, False),
        ("a:b", "a:b", 0, False),
        ("a:", "a:", 0, False),
        ("a:-1", "a:-1", 0, False),
        ("a:²", "a:²", 0, False),
        ("a:99999999999", "a:99999999999", 0, False),
        ("^a:1", "a:1", -1, True),
        ("", "", 0, False),
    ],
)
def test_input_strings(text, name, port, control):
    assert split_input(text) == Input(name, port, control)
    assert node_name(text) == name


def test_tensor_names():
    assert tensor_name("a") == "a:0"
    assert tensor_name("a:1") == "a:1"
    assert str(Input("a", 0, False)) == "a"
    assert str(Input("a", 2, False)) == "a:2"
    assert str(Input("a", -1, True)) == "^a"


@given(st.text(max_size=20))
def test_any_input_string_is_read(text):
    source = split_input(text)
    assert node_name(text) == source.name
    assert split_input(str(source)) == source or source.name.startswith("^")


def test_data_and_control():
    found = node("a = Add(x, y:1, ^z)")
    assert data_inputs(found) == ["x", "y:1"]
    assert control_inputs(found) == ["^z"]


def test_lookups():
    found = graph("x = Placeholder() ; y = Add(x, x, ^x) ; z = Neg(y, ^x)")
    assert len(found) == 3
    assert "y" in found
    assert "q" not in found
    assert found.get("q") is None
    assert found.consumers("x") == ["y", "z"]
    assert found.consumers("z") == []
    assert found.op_counts() == {"Add": 1, "Neg": 1, "Placeholder": 1}
    with pytest.raises(UnknownNode, match="did you mean 'x'"):
        graph("x = Placeholder()").node("xx")


def test_ancestors():
    found = graph("x = Placeholder() ; a = Neg(x) ; b = Neg(a) ; y = Add(b, q) ; z = NoOp(^y)")
    assert found.ancestors(["z"]) == {"z", "y", "b", "a", "x"}
    assert found.ancestors(["z"], stop=["b"]) == {"z", "y", "b"}
    assert found.ancestors(["nope"]) == set()
    assert graph(LOOP).ancestors(["y"]) == set("xempsny")


def test_bytes_there_and_back():
    before = graph(LOOP).to_proto()
    before.library.function.add().signature.name = "f"
    found = Graph.of(before)
    assert found.to_proto() == before
    assert GraphDef.FromString(found.to_bytes()) == before
    assert found.byte_size() == len(before.SerializeToString()) == len(found.to_bytes())
    assert Graph([]).byte_size() == 0
    assert Graph([]).to_bytes() == b""


@given(st.integers(0, 70_000))
def test_lengths_of_any_size_are_written_right(size):
    big = NodeDef(name="n" * size, op="NoOp")
    found = Graph([big])
    assert GraphDef.FromString(found.to_bytes()).node[0] == big
    assert found.byte_size() == len(found.to_bytes())


def test_the_proto_is_a_copy():
    found = graph("x = Placeholder()")
    found.to_proto().node[0].name = "changed"
    assert found.nodes[0].name == "x"


def test_the_order_is_the_tools():
    found = graph("a = Const() ; b = Const() ; c = Add(a, b) ; d = Neg(a)")
    assert [item.name for item in found.order()] == ["b", "a", "d", "c"]


def test_a_loop_has_an_order():
    names = [item.name for item in graph(LOOP).order()]
    for first, second in zip("xems", "emsy", strict=True):
        assert names.index(first) < names.index(second)


def test_a_merge_of_two_branches_waits_for_both():
    found = graph("a = Const() ; m = Merge(a, b, ^c) ; b = Neg(a) ; c = NoOp(^b)")
    assert [item.name for item in found.order()] == ["a", "b", "c", "m"]


def test_what_is_sorted_stays():
    found = graph("x = Placeholder() ; a = Const() ; y = Add(x, a)")
    assert found.sorted() is found.nodes
    assert list(graph(LOOP).sorted()) == list(graph(LOOP).nodes)
    turned = graph("y = Neg(x) ; x = Placeholder()")
    assert [item.name for item in turned.sorted()] == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = Neg(b) ; b = Neg(a)", "2 nodes in a cycle"),
        ("a = Neg(a)", "1 nodes in a cycle"),
        ("a = Neg(b)", "node 'a': Unknown input node 'b'"),
        ("m = Merge(a, m) ; a = Const()", "1 nodes in a cycle"),
    ],
)
def test_no_order(text, message):
    for attempt in (graph(text).order, graph(text).sorted):
        with pytest.raises(InvalidGraph, match=message):
            attempt()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = Neg(b)", "reads 'b', and there is no such node"),
        ("a = Const() ; a = Const()", "two nodes have this name"),
        ("a = Const() ; b = NoOp(^c)", r"reads '\^c'"),
    ],
)
def test_the_validator(text, message):
    with pytest.raises(InvalidGraph, match=message):
        validate(graph(text))
    with pytest.raises(InvalidGraph, match="must have a name"):
        validate(Graph([NodeDef(op="NoOp")]))
    validate(graph(LOOP))


def test_a_hundred_thousand_nodes_are_no_matter():
    nodes = [NodeDef(name="n0", op="Const")]
    nodes += [NodeDef(name=f"n{i}", op="Neg", input=[f"n{i - 1}"]) for i in range(1, 100_000)]
    started = time.process_time()
    found = Graph(reversed(nodes))
    assert found.order()[0].name == "n0"
    assert len(found.ancestors(["n99999"])) == 100_000
    validate(found)
    assert time.process_time() - started < 10


def test_free_names_are_given_once_and_counted_on():
    names = Names(["a", "a_1"])
    assert [names.free(name) for name in ("a", "a", "b", "b", "a_1")] == [
        "a_2", "a_3", "b", "b_1", "a_1_1",
    ]  # fmt: skip
    assert len(names) == 7


def test_a_node_with_other_inputs_is_a_copy():
    old = NodeDef(name="n", op="Add", input=["a", "b"])
    assert with_inputs(old, ["a", "b"]) is old
    new = with_inputs(old, (text for text in ("c", "^d")))
    assert (list(new.input), list(old.input), new.op) == (["c", "^d"], ["a", "b"], "Add")


def test_a_graph_of_its_own_nodes_is_the_graph_itself_with_its_columns() -> None:
    nodes = [NodeDef(name="a", op="Const"), NodeDef(name="b", op="Neg", input=["a"])]
    whole = Graph(nodes)
    assert whole.with_nodes(iter(whole.nodes)) is whole
    assert whole.with_nodes(reversed(nodes)) is not whole
    assert len(whole.with_nodes(nodes[:1])) == 1
    copy = NodeDef()
    copy.CopyFrom(nodes[1])
    assert whole.with_nodes([nodes[0], copy]) is not whole
    assert whole.with_library(whole.library) is whole
    other = FunctionDefLibrary()
    assert whole.with_library(other).library is other
    assert whole.with_library(other).nodes == whole.nodes
