"""What is on the screen: properties over random graphs, and the rules of the first picture."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.support.node_tables import layered, plain
from inspector.view.layout.layout import layout, picture_of
from inspector.view.state.initial_view import BUDGET, start
from inspector.view.state.visible import close_level, fit, reveal, toggle, view
from inspector.view.tree.hierarchy import build
from tests.view.graphs import table

OPS = ("Relu", "Const", "Placeholder", "AddV2", "Identity", "Assign", "NoOp")


@st.composite
def tables(draw):
    """Random graphs: scoped and flat names, control inputs, forward references, hubs."""
    count = draw(st.integers(1, 60))
    parts = st.sampled_from(["a", "b", "block_1", "block_2", "c_d_e", "é<&>"])
    names = []
    for number in range(count):
        depth = draw(st.integers(0, 3))
        names.append(
            "/".join([*draw(st.lists(parts, min_size=depth, max_size=depth)), f"n{number}"])
        )
    ops = draw(st.lists(st.sampled_from(OPS), min_size=count, max_size=count))
    sources = st.lists(st.integers(0, count - 1), max_size=3)
    inputs = [[] if op in ("Const", "Placeholder", "NoOp") else draw(sources) for op in ops]
    controls = draw(st.dictionaries(st.integers(0, count - 1), sources, max_size=5))
    fetches = [names[node] for node in draw(st.lists(st.integers(0, count - 1), max_size=3))]
    return plain(names, ops, inputs, controls=controls, fetches=fetches)


@st.composite
def views(draw):
    tree = build(draw(tables()))
    scopes = [tree.names[scope] for scope in tree.order[1:]]
    opened = draw(st.sets(st.sampled_from(scopes))) if scopes else set()
    return tree, frozenset(opened)


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def boxes_by_hand(tree, opened):
    """Node to the name of its box: the outermost closed scope above it, or the node itself."""
    homes = {}
    for node in range(len(tree.table)):
        drawn = tree.drawn(node)
        closed = [tree.names[s] for s in tree.path(drawn) if tree.names[s] not in opened]
        homes[node] = closed[0] if closed else tree.table.names[drawn]
    return homes


@quick
@given(views())
def test_every_node_is_in_exactly_one_box(case):
    tree, opened = case
    picture = view(tree, opened)
    homes = Counter(boxes_by_hand(tree, opened).values())
    assert {box.name: box.nodes for box in picture.boxes} == homes
    assert len({box.name for box in picture.boxes}) == len(picture.boxes)


@quick
@given(views())
def test_edges_are_exactly_those_of_the_graph(case):
    tree, opened = case
    picture = view(tree, opened)
    homes = boxes_by_hand(tree, opened)
    tensors, waits = {}, set()
    for node in range(len(tree.table)):
        for source, port in tree.table.sources(node):
            ends = homes[source], homes[node]
            if tree.into[node] < 0 and tree.into[source] < 0 and ends[0] != ends[1]:
                tensors.setdefault(ends, set()).add((source, port))
        for source in tree.table.controls.get(node, ()):
            ends = homes[source], homes[node]
            if tree.into[node] < 0 and tree.into[source] < 0 and ends[0] != ends[1]:
                waits.add(ends)
    wanted = {ends: len(found) for ends, found in tensors.items()}
    wanted |= {ends: 0 for ends in waits if ends not in wanted}
    names = [box.name for box in picture.boxes]
    drawn = {(names[e.source], names[e.target]): e.tensors for e in picture.edges}
    assert drawn == wanted
    assert len(drawn) == len(picture.edges)
    without = view(tree, opened, control=False)
    assert all(edge.tensors for edge in without.edges)


@quick
@given(views())
def test_clusters_are_the_open_scopes_and_hold_their_boxes(case):
    tree, opened = case
    picture = view(tree, opened)
    for box in picture.boxes:
        item = tree.item(box.name) if not box.scope else ~tree.index[box.name]
        around = [tree.names[scope] for scope in tree.path(item)]
        found, parent = [], box.parent
        while parent >= 0:
            found.append(picture.clusters[parent].name)
            parent = picture.clusters[parent].parent
        assert found[::-1] == around
    assert picture.opened == {cluster.name for cluster in picture.clusters} <= opened


@quick
@given(tables())
def test_the_budget_holds_and_the_result_is_the_same_each_time(table):
    tree = build(table)
    for budget in (1, 10, BUDGET):
        opened = start(tree, budget)
        picture = view(tree, opened)
        assert len(picture.boxes) <= max(budget, len(tree.children[0]))
        again = build(table)
        assert start(again, budget) == opened
        assert view(again, opened) == picture


@quick
@given(views(), st.data())
def test_reveal_makes_a_node_a_box(case, data):
    tree, opened = case
    node = data.draw(st.integers(0, len(tree.table) - 1))
    picture = view(tree, reveal(tree, opened, node))
    assert tree.table.names[tree.drawn(node)] in {box.name for box in picture.boxes}


@quick
@given(views(), st.integers(1, 40))
def test_fit_keeps_under_the_ceiling_and_only_closes(case, ceiling):
    tree, opened = case
    shown = fit(tree, opened, ceiling=ceiling)
    assert shown <= opened
    assert len(view(tree, shown).boxes) <= max(ceiling, len(tree.children[0]))


def test_blocks_of_equal_structure_open_together_or_the_first_as_an_example():
    tree = build(layered(16))
    for budget in range(5, 200, 7):
        opened = start(tree, budget)
        blocks = [
            name for name in tree.index if name.endswith(tuple(f"block_{n}/" for n in range(16)))
        ]
        assert len(blocks) == 16
        found = opened & set(blocks)
        assert len(found) in (0, 16) or found == {"model/stage_0/block_0/"}


def test_the_first_picture_opens_what_holds_the_weights():
    tree = build(layered(4))
    picture = view(tree, start(tree))
    assert any(box.op == "Conv2D" for box in picture.boxes)
    assert 20 <= len(picture.boxes) <= BUDGET


def test_a_flat_graph_starts_within_the_budget_and_not_with_one_box():
    tree = build(layered(154, scoped=False))
    assert len(tree.table) > 2000
    picture = view(tree, start(tree))
    assert 8 <= len(picture.boxes) <= BUDGET


def test_a_closed_scope_counts_what_is_folded_and_weighs_each_weight_once():
    tree = build(layered(4))
    (box,) = [box for box in view(tree, frozenset()).boxes if box.title == "block_0"]
    assert (box.ops, box.nodes) == (7, 13)
    assert box.sub == "7 ops · [None, 8] · 16 KiB"


def test_a_weight_that_two_nodes_read_shows_at_both_and_counts_once():
    names = ["x", "w", "s/a", "s/b", "y"]
    inputs = [[], [], [0, 1], [2, 1], [3]]
    found = plain(
        names, ["Placeholder", "Const", "Mul", "Mul", "Relu"], inputs, weights={1: (9, 36)}
    )
    tree = build(found)
    subs = {box.title: box.sub for box in view(tree, frozenset({"s/"})).boxes}
    assert subs["a"].endswith("36 B")
    assert subs["b"].endswith("36 B")
    (closed,) = [box for box in view(tree, frozenset()).boxes if box.scope]
    assert closed.sub.endswith("36 B")


def test_a_hub_is_a_stub_at_each_reader():
    names = ["hub", *(f"r{n}" for n in range(12))]
    tree = build(plain(names, ["Placeholder"] + ["Relu"] * 12, [[], *([0] for _ in range(12))]))
    edges = view(tree, frozenset()).edges
    assert len(edges) == 12
    assert all(edge.stub for edge in edges)


def test_toggle_opens_with_what_is_around_and_closes_with_what_is_inside():
    tree = build(layered(8))
    inner = next(name for name in tree.index if name.endswith("block_5/a/"))
    opened = toggle(tree, frozenset(), inner)
    assert inner in view(tree, opened).opened
    outer = tree.names[tree.path(~tree.index[inner])[0]]
    assert toggle(tree, opened, outer) == frozenset()
    assert toggle(tree, opened, "no such scope/") == opened


def test_fit_closes_the_scope_just_opened_last():
    tree = build(layered(16))
    everything = frozenset(tree.index)
    keep = next(name for name in tree.index if name.endswith("block_5/a/"))
    assert keep in fit(tree, everything, ceiling=30, keep=keep)


def test_close_level_takes_the_deepest():
    tree = build(layered(8))
    everything = frozenset(tree.index)
    less = close_level(tree, everything)
    assert less < everything
    assert close_level(tree, frozenset()) == frozenset()


def test_lines_into_the_plumbing_do_not_pull_at_the_picture():
    names = ["x", "y", "mean", "summary"]
    ops = ["Placeholder", "Relu", "Mean", "ScalarSummary"]
    tree = build(plain(names, ops, [[], [0], [1], [2]], fetches=["y"]))
    picture = view(tree, frozenset())
    assert [(box.title, box.apart) for box in picture.boxes][-1] == ("save and initialise", True)
    (to_plumbing,) = [edge for edge in picture.edges if picture.boxes[edge.target].apart]
    assert to_plumbing.stub
    graph = layout(picture)["graph"]
    assert len(graph["edges"]) == 1
    opened = layout(view(tree, frozenset({"save and initialise/"})))["graph"]
    assert [node["name"] for node in opened["nodes"] if node.get("stub")] == ["y"]


@pytest.mark.parametrize(
    ("op", "attr", "band"),
    [
        ("CONV_2D", "fused_activation_function=RELU6", "Relu6"),
        ("CONV_2D", "fused_activation_function=NONE", ""),
        ("Dense", "activation=softmax", "Softmax"), ("Dense", "activation=linear", ""),
        ("Dense", 'activation={"class_name": "<b>"}', ""), ("Activation", "activation=relu", ""),
        ("_FusedConv2D", "fused_ops=[BiasAdd,Relu]", "Relu"),
        ("_FusedConv2D", "fused_ops=[BiasAdd]", ""), ("Conv2D", "padding=SAME", ""),
    ],
)  # fmt: skip
def test_a_fused_activation_is_a_band_of_the_box(op, attr, band):
    found = table(f"x = Placeholder()\ny = {op}(x)", fetches=["y"])
    found.attrs.append([attr])
    found.attr[1] = len(found.attrs) - 1
    tree = build(found)
    assert [box.band for box in view(tree, frozenset()).boxes] == ["", band]
    plain, fused = picture_of(tree, frozenset()).layout["graph"]["nodes"]
    assert (fused["h"] > plain["h"]) == bool(band)
