"""The edit session: nothing given in is written to, and the record says what was done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InvalidGraph
from inspector.graph.edit import Change, GraphEdit, Skip
from inspector.graph.editing.references import with_controls
from inspector.graph.graph import Input
from tests.passes.text import graph, node, show

TEXT = "x = Placeholder() ; a = Split(d, x, num_split=2) ; b = Neg(a:1, ^x) ; y = Add(a, b, ^a)"


def edit(text=TEXT):
    return GraphEdit(graph(text))


def test_no_change_gives_the_graph_back():
    found = edit()
    assert found.finish() is found.graph
    assert found.changes() == []


def test_a_copy_is_made_before_the_first_change():
    found = edit()
    copy = found.mutable("b")
    copy.device = "/cpu:0"
    assert found.mutable("b") is copy
    assert found.graph.node("b").device == ""
    assert found.finish().node("b").device == "/cpu:0"
    assert found.finish().node("x") is found.graph.node("x")
    assert found.changes() == [Change("b", "changed", "Neg")]


def test_a_change_that_changes_nothing_is_none():
    found = edit()
    found.mutable("b").device = ""
    assert found.changes() == []


def test_who_reads_what():
    found = edit()
    assert {name: list(ports) for name, ports in found.reads("a").items()} == {
        "b": [1],
        "y": [0, -1],
    }
    found.set_inputs("y", ["x", "x", "b"])
    assert list(found.reads("a")) == ["b"]
    assert found.reads("x")["y"] == [0, 0]
    found.remove("y")
    assert "y" not in found.reads("x")
    found.add(node("q = Neg(b)"))
    assert [reader.name for reader in found.readers("b")] == ["q"]
    assert found.reads("nobody") == {}


def test_redirecting_one_port():
    found = edit()
    found.redirect("a:1", "x")
    assert list(found["b"].input) == ["x", "^x"]
    assert list(found["y"].input) == ["a", "b", "^a"]
    found.redirect("a", "x:3")
    assert list(found["y"].input) == ["x:3", "b", "^a"]


def test_rewiring_all_at_once():
    found = edit()
    found.rewire(
        {Input("a", 1, False): Input("x", 0, False), Input("a", -1, True): Input("x", -1, True)},
        {"a": ("^w",)},
    )
    assert list(found["b"].input) == ["x", "^x", "^w"]
    assert list(found["y"].input) == ["a", "b", "^x", "^w"]


def test_control_inputs_come_last_and_once():
    assert with_controls(["^a", "x", "^b", "^a"], ["^b", "^c", "^n"], "n") == [
        "x",
        "^a",
        "^b",
        "^c",
    ]


def test_new_nodes_find_their_place():
    found = edit("x = Placeholder() ; y = Neg(x)")
    found.add(node("end = NoOp()"))
    found.add(node("b = Const()"), before="y")
    found.add(node("a = Const()"), before="b")
    found.add(node("c = Const()"), before="y")
    assert [item.name for item in found.finish().nodes] == ["x", "a", "b", "c", "y", "end"]
    assert [change.name for change in found.changes()] == ["end", "b", "a", "c"]
    found.remove("y")
    assert [item.name for item in found.finish().nodes] == ["x", "a", "b", "c", "end"]
    with pytest.raises(ValueError, match="'b' is there already"):
        found.add(node("b = Const()"))


def test_replacing_and_explaining():
    found = edit("x = Placeholder() ; y = Neg(x) ; z = Relu(y)")
    found.replace(node("y = Abs(x)"))
    found.explain("y", "a better one", "x")
    found.remove("z")
    found.skip("x", "is fine")
    found.skip(found["y"], "is new")
    assert show(found.finish()) == "x = Placeholder()\ny = Abs(x)"
    assert found.changes() == [
        Change("y", "changed", "Abs", "a better one", ("x",)),
        Change("z", "removed", "Relu"),
    ]
    assert found.skipped == [Skip("x", "is fine"), Skip("y", "is new")]


def test_listing_passes_over_what_is_removed_meanwhile():
    found = edit("x = Placeholder() ; a = Neg(x) ; b = Neg(x) ; c = Abs(x)")
    seen = []
    for item in found.nodes("Neg"):
        seen.append(item.name)
        found.remove("b") if "b" in found else None
    assert seen == ["a"]
    assert [item.name for item in found.nodes(("Neg", "Abs"))] == ["a", "c"]
    assert len(found) == 3
    assert found.get("b") is None


def test_free_names():
    found = edit("a = Const() ; a_1 = Const()")
    assert found.unique("b") == "b"
    assert found.unique("a") == "a_2"
    found.add(node("a_2 = Const()"))
    assert found.unique("a") == "a_3"
    found.remove("a")
    assert found.unique("a") != "a"  # readers may still mean the old one


def test_places_of_what_is_gone():
    found = edit(
        'a = Const() ; b = Const() ; c = Neg(b, _class=["loc:@a", "loc:@b", "kept"])'
        ' ; d = Neg(b, _class=["loc:@a"]) ; e = Neg(b, _class=["loc:@b"])'
    )
    found.remove("a")
    after = found.finish()
    assert list(after.node("c").attr["_class"].list.s) == [b"loc:@b", b"kept"]
    assert "_class" not in after.node("d").attr
    assert after.node("e") is found.graph.node("e")


def test_places_move_to_the_successor():
    found = edit('a = Const() ; b = Const() ; c = Const() ; d = Neg(c, _class=["loc:@a"])')
    found.remove("a", "b")
    found.remove("b", "c")
    assert list(found.finish().node("d").attr["_class"].list.s) == [b"loc:@c"]


def test_an_order_of_its_own():
    found = edit("x = Placeholder() ; y = Neg(x)")
    found.reorder(["y", "x"])
    assert [item.name for item in found.finish().nodes] == ["y", "x"]
    assert found.changes() == []


def test_two_nodes_of_one_name_are_refused():
    with pytest.raises(InvalidGraph, match="node 'a': two nodes have this name"):
        edit("a = Const() ; a = Neg(b)")


NAMES = ["x", "a", "b", "y", "new"]
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("remove"), st.sampled_from(NAMES)),
        st.tuples(st.just("inputs"), st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES))),
        st.tuples(st.just("add"), st.sampled_from(NAMES)),
        st.tuples(st.just("redirect"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    ),
    max_size=12,
)


@given(MOVES)
def test_readers_are_right_after_any_moves(moves):
    found = edit()
    found.reads("x")  # from here on they are kept up to date
    before = found.graph.to_bytes()
    for kind, name, *rest in moves:
        if kind == "add" and name not in found:
            found.add(node(f"{name} = Neg(x)"))
        elif kind == "remove" and name in found:
            found.remove(name)
        elif kind == "inputs" and name in found:
            found.set_inputs(name, rest[0])
        elif kind == "redirect":
            found.redirect(name, rest[0])
    fresh = GraphEdit(found.finish())
    for name in NAMES:
        ours = {reader: sorted(ports) for reader, ports in found.reads(name).items()}
        assert ours == {reader: sorted(ports) for reader, ports in fresh.reads(name).items()}
    assert found.graph.to_bytes() == before
