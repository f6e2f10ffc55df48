"""All nodes of an edit are replaced at once, and each difference is explained."""

from __future__ import annotations

from inspector.graph.edit import GraphEdit
from inspector.passes.rewrite.node_list import adopt, successors
from tests.passes.text import graph

BEFORE = "x = Placeholder(dtype=float) ; a = Relu(x, T=float) ; y = Neg(a, T=float)"


def test_differences_are_explained_and_the_order_is_that_of_the_new_nodes() -> None:
    edit = GraphEdit(graph(BEFORE))
    after = graph("b = Abs(x, T=float) ; x = Placeholder(dtype=float) ; y = Neg(b, T=float)")
    explained: list[tuple[str | None, str | None]] = []
    adopt(
        edit,
        after.nodes,
        lambda old, new: explained.append((old and old.op, new and new.op)),
    )
    assert explained == [("Relu", None), (None, "Abs"), ("Neg", "Neg")]
    assert list(edit.finish().nodes) == list(after.nodes)
    assert {(change.name, change.kind) for change in edit.changes()} == {
        ("a", "removed"),
        ("b", "added"),
        ("y", "changed"),
    }


def test_equal_nodes_in_another_order_change_nothing() -> None:
    before = graph(BEFORE)
    edit = GraphEdit(before)
    adopt(edit, list(reversed(graph(BEFORE).nodes)))
    assert edit.finish() is before


def test_each_node_has_the_next_one_as_successor() -> None:
    assert successors(GraphEdit(graph(BEFORE))) == {"x": "a", "a": "y"}
