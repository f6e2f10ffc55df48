"""What picks keep and what a trace lights, against networkx-free walks over the same text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.support.node_tables import layered, plain
from inspector.view.state.initial_view import start
from inspector.view.state.reachability import (
    BETWEEN,
    BOTH,
    DOWN,
    UP,
    boxes_with,
    frozen_mask,
    traced,
)
from inspector.view.state.visible import view
from inspector.view.tree.hierarchy import build
from tests.view.graphs import table

GRAPH = """
x = Placeholder()
w = Const()
init = NoOp(^w)
a = MatMul(x, w)
b = Relu(a, ^init)
c = Softmax(b)
loss = Mean(a)
"""


def names(found, mask):
    return {found.names[node] for node in np.flatnonzero(mask)}


@pytest.fixture(scope="module")
def small():
    return table(GRAPH)


def test_an_output_keeps_what_it_needs_control_inputs_too(small):
    assert names(small, frozen_mask(small, ["c"])) == {"x", "w", "init", "a", "b", "c"}
    assert names(small, frozen_mask(small, ["loss:0"])) == {"x", "w", "a", "loss"}
    assert not frozen_mask(small, ["no such"]).any()


def test_an_input_stops_the_walk_and_stays(small):
    assert names(small, frozen_mask(small, ["c"], ["b"])) == {"b", "c"}


@pytest.mark.parametrize(
    ("start_at", "trace", "lit"),
    [
        (["a"], UP, {"x", "w", "a"}),
        (["a"], DOWN, {"a", "b", "c", "loss"}),
        (["b"], BOTH, {"x", "w", "init", "a", "b", "c"}),
        (["w", "c"], BETWEEN, {"w", "a", "b", "c", "init"}),
        (["c", "w"], BETWEEN, {"w", "a", "b", "c", "init"}),
        (["loss", "c"], BETWEEN, {"loss", "c"}),
        (["w"], DOWN, {"w", "a", "b", "c", "loss", "init"}),
    ],
)
def test_a_trace_lights_what_it_says(small, start_at, trace, lit):
    assert names(small, traced(small, start_at, trace)) == lit


def test_a_box_is_lit_if_one_of_its_nodes_is_folded_ones_too():
    found = layered(8)
    tree = build(found)
    picture = view(tree, start(tree, 8))
    boxes = [box.name for box in picture.boxes]
    only = np.zeros(len(found), dtype=np.bool_)
    only[found.find("model/stage_1/block_5/a/conv/kernel")] = True
    lit = [
        name for name, inside in zip(boxes, boxes_with(tree, boxes, only), strict=True) if inside
    ]
    assert len(lit) == 1
    assert lit[0].startswith("model/stage_1/")
    assert boxes_with(tree, ["gone", "model/"], only) == [False, "model/" in tree.index]


@given(st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=1, max_size=30), st.data())
def test_kept_is_what_a_plain_walk_finds(sources, data):
    inputs = [[a for a in found if a < place] for place, found in enumerate(sources)]
    found = plain([f"n{i}" for i in range(len(inputs))], ["Relu"] * len(inputs), inputs)
    output = data.draw(st.integers(0, len(inputs) - 1))
    cut = data.draw(st.integers(0, len(inputs) - 1))
    wanted, todo = set(), [output]
    while todo:
        node = todo.pop()
        if node not in wanted:
            wanted.add(node)
            todo += inputs[node] if node != cut else []
    mask = frozen_mask(found, [f"n{output}"], [f"n{cut}"])
    assert set(np.flatnonzero(mask).tolist()) == wanted


def test_a_long_chain_needs_no_recursion():
    chain = plain([f"n{i}" for i in range(50_000)], ["Relu"] * 50_000,
                  [[i - 1] if i else [] for i in range(50_000)])  # fmt: skip
    assert frozen_mask(chain, ["n49999"]).all()
    assert traced(chain, ["n0", "n49999"], BETWEEN).all()
