"""A tall picture in columns: nothing overlaps, nothing leaves its scope, every edge arrives."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from benchmarks.support.node_tables import layered, plain
from inspector.view.layout import columns, layout
from inspector.view.layout.columns import in_columns
from inspector.view.layout.curves import Curve, lead, split_at
from inspector.view.state.initial_view import start
from inspector.view.state.visible import fit, view
from inspector.view.tree.hierarchy import build
from tests.view.test_layout import inside, overlap


def in_one(picture):
    """The picture before it is set in columns."""
    nodes = layout._nodes(picture)
    edges = layout._edges(picture, nodes)
    data = layout.dot.run(layout._source(picture, nodes, edges, "TB"))
    return layout._placed(data, picture, nodes, edges)


def check(graph):
    """What holds for every picture."""
    assert not [pair for pair in combinations(graph["nodes"], 2) if overlap(*pair)]
    for box in [*graph["nodes"], *graph["clusters"]]:
        assert box["x"] >= -1
        assert box["x"] + box["w"] <= graph["w"] + 1
        assert box["y"] >= -1
        assert box["y"] + box["h"] <= graph["h"] + 1
        if box["parent"] >= 0:
            assert inside(box, graph["clusters"][box["parent"]])
    for one, other in combinations(range(len(graph["clusters"])), 2):
        a, b = graph["clusters"][one], graph["clusters"][other]
        assert (
            not overlap(smaller(a), b) or other in around(graph, one) or one in around(graph, other)
        )
    for node in graph["nodes"]:
        for place, cluster in enumerate(graph["clusters"]):
            assert not overlap(smaller(node), cluster) or place in around(graph, node["parent"])
    for edge in graph["edges"]:
        a, b, p = graph["nodes"][edge["a"]], graph["nodes"][edge["b"]], edge["p"]
        assert (len(p) // 2 - 2) % 3 == 0
        for box, x, y in ((a, *p[:2]), (b, *p[-2:])):
            assert box["x"] - 2 <= x <= box["x"] + box["w"] + 2
            assert box["y"] - 2 <= y <= box["y"] + box["h"] + 2
        for x, y in zip(p[6:-2:6], p[7:-2:6], strict=True):
            assert not [box for box in graph["nodes"] if box not in (a, b) and on(box, x, y)]


def smaller(box):
    """By the pixel that rounding may take."""
    return {"x": box["x"] + 1, "y": box["y"] + 1, "w": box["w"] - 2, "h": box["h"] - 2}


def on(box, x, y):
    return box["x"] + 2 < x < box["x"] + box["w"] - 2 and box["y"] + 2 < y < box["y"] + box["h"] - 2


def around(graph, place):
    found = []
    while place >= 0:
        found.append(place)
        place = graph["clusters"][place]["parent"]
    return found


@pytest.mark.parametrize("blocks", [4, 8, 16, 40])
def test_a_deep_network_fits_on_a_screen(blocks):
    tree = build(layered(blocks))
    graph = in_one(view(tree, start(tree)))
    columned = in_columns(graph)
    check(columned)
    assert columns.scale(columned["w"], columned["h"]) > 0.4
    assert columns.scale(columned["w"], columned["h"]) > columns.scale(graph["w"], graph["h"])


def test_what_fits_stays_as_it_is():
    tree = build(layered(1))
    graph = in_one(view(tree, frozenset()))
    assert in_columns(graph) is graph


@pytest.mark.parametrize("blocks", [3, 9])
def test_everything_open_is_in_columns_too(blocks):
    tree = build(layered(blocks))
    opened = fit(tree, frozenset(tree.index))
    graph = in_one(view(tree, opened))
    columned = in_columns(graph)
    check(columned)
    assert columned["w"] > graph["w"]
    assert columned is not graph


def test_a_scope_that_is_cut_has_columns_of_its_own():
    names = ["x", *(f"in/n{n}" for n in range(8)), *(f"net/n{n}" for n in range(20)), "y"]
    count = len(names)
    inputs = [[], *([n] for n in range(count - 1))]
    tree = build(plain(names, ["Placeholder"] + ["Relu"] * (count - 1), inputs))
    graph = in_columns(in_one(view(tree, frozenset({"net/"}))))
    check(graph)
    (net,) = graph["clusters"]
    outside = [node for node in graph["nodes"] if node["parent"] < 0]
    assert {node["name"] for node in outside} >= {"x", "y"}
    assert len({node["x"] // 100 for node in graph["nodes"] if node["parent"] == 0}) > 1
    assert net["w"] < graph["w"]


def test_an_edge_over_several_columns_arrives():
    count = 60
    names = [f"n{n}" for n in range(count)]
    inputs = [[], *([n] for n in range(count - 1))]
    inputs[-1] = [count - 2, 0]
    tree = build(plain(names, ["Placeholder"] + ["Relu"] * (count - 1), inputs))
    graph = in_columns(in_one(view(tree, fit(tree, frozenset(tree.index)))))
    check(graph)
    last = next(n for n, node in enumerate(graph["nodes"]) if node["name"] == names[-1])
    first = next(n for n, node in enumerate(graph["nodes"]) if node["name"] == names[0])
    assert graph["nodes"][last]["x"] > graph["nodes"][first]["x"] + 300
    assert [edge for edge in graph["edges"] if (edge["a"], edge["b"]) == (first, last)]


def test_an_edge_that_goes_up_is_not_cut():
    def box(number):
        return {"x": 0, "y": 60 * number, "w": 100, "h": 40, "parent": -1, "name": str(number)}

    nodes = [box(number) for number in range(30)]
    down = [
        {"a": n, "b": n + 1, "p": [50, 60 * n + 40] + [50, 60 * n + 50] * 3 + [50, 60 * n + 60]}
        for n in range(29)
    ]
    loop = {"a": 29, "b": 0, "p": [100, 1740, 150, 1200, 150, 600, 105, 45, 100, 40]}
    graph = {"w": 160, "h": 1780, "nodes": nodes, "edges": [*down, loop], "clusters": []}
    assert in_columns(graph) is graph
    check(in_columns(graph | {"edges": down}))
    assert in_columns(graph | {"edges": down})["columns"] > 1
    assert in_columns(graph | {"edges": down})["h"] < 900


def random_picture(seed):
    """A graph of some scopes, long and with edges over it, with some scopes open."""
    chance = Random(seed)
    count = chance.randint(6, 60)
    names = []
    for number in range(count):
        depth = chance.choice((0, 1, 1, 2, 3))
        scopes = [f"{'abc'[chance.randrange(3)]}{number // (12 - 3 * up)}" for up in range(depth)]
        names.append("/".join([*scopes, f"n{number}"]))
    inputs = [
        sorted(
            {max(0, n - 1 - int(chance.expovariate(0.7))) for _ in range(chance.choice((1, 1, 2)))}
        )
        for n in range(count)
    ]
    inputs[0] = []
    tree = build(plain(names, ["Placeholder"] + ["Relu"] * (count - 1), inputs))
    scopes = [tree.names[scope] for scope in tree.order[1:]]
    return view(tree, frozenset(name for name in scopes if chance.random() < 0.7))


def test_random_pictures_hold_together(monkeypatch):
    monkeypatch.setattr(columns, "STAGE", (900, 150))
    cut = 0
    for seed in range(60):
        graph = in_one(random_picture(seed))
        columned = in_columns(graph)
        cut += columned is not graph
        check(columned)
        assert [node["name"] for node in columned["nodes"]] == [
            node["name"] for node in graph["nodes"]
        ]
    assert cut > 15


def test_a_curve_is_cut_at_a_height():
    curve = Curve.of([0, 0, 0, 10, 30, 20, 30, 30, 30, 40, 30, 50, 30, 60, 30, 66])
    upper, lower = split_at(curve, 20)
    assert upper.end == pytest.approx(lower.start)
    assert upper.end[1] == pytest.approx(20, abs=0.01)
    assert (upper.start, lower.end) == (curve.start, curve.end)
    assert split_at(curve, -5)[0].pieces == ()
    assert split_at(curve, 90)[1].pieces == ()


def test_a_lead_goes_along_the_axes():
    path = lead((10, 100), (200, 0), foot=110, side=150, above=-10, radius=8)
    assert (path.start, path.end) == ((10, 100), (200, 0))
    assert 150 in {round(x) for x in path.xs()}
