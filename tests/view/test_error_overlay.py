"""Errors over the picture: the largest of a box, colours by its logarithm."""

from __future__ import annotations

import math

from inspector.view.state import error_overlay
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree.hierarchy import build
from tests.graphs import const, graph, node, placeholder
from tests.jobs.test_blaming import as_model


def tree():
    model = as_model(
        graph(
            placeholder("x", [None, 4]),
            const("a/w", 1.0),
            node("a/first", "Mul", "x", "a/w", T="float32"),
            node("a/second", "Relu", "a/first", T="float32"),
            node("b/third", "Tanh", "a/second", T="float32"),
            node("y", "Identity", "b/third", T="float32"),
        )
    )
    return build(NodeTableBuilder(model).node_table())


def test_a_box_has_the_largest_error_of_its_nodes() -> None:
    errors = {"a/first": 1e-2, "a/second": 1e-4, "b/third": 0.0, "elsewhere": 1.0}
    heat = error_overlay.for_canvas(tree(), ["a/", "a/first", "a/second", "b/third", "x"], errors)
    assert heat == {
        "a/": [1.0, "0.01"],
        "a/first": [1.0, "0.01"],
        # Two of four decades below, squared, since the canvas takes the root.
        "a/second": [0.25, "0.0001"],
    }


def test_what_is_not_comparable_is_strongest_and_the_least_is_not_none() -> None:
    errors = {"a/first": math.inf, "a/second": 1.0, "b/third": 1e-12}
    heat = error_overlay.for_canvas(tree(), ["a/first", "a/second", "b/third"], errors)
    assert heat["a/first"] == [1.0, "not comparable"]
    assert heat["a/second"][0] == 1.0
    assert 0 < heat["b/third"][0] < 0.1
    assert error_overlay.for_canvas(tree(), ["x"], {}) == {}
