"""Coordinates from dot: sane, cached, bounded in time, without a word of the model in DOT."""

from __future__ import annotations

import time
from itertools import combinations

import pytest

from benchmarks.support.node_tables import layered, plain
from inspector.errors import LayoutError
from inspector.view.layout import dot
from inspector.view.layout.layout import layout, picture_of
from inspector.view.state.initial_view import start
from inspector.view.state.visible import Box, Edge, VisibleGraph, view
from inspector.view.tree.hierarchy import build

HOSTILE = '"];evil [label="<b>x</b>\\N:0 é'


def overlap(a, b):
    return (
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )  # fmt: skip


def inside(inner, outer):
    return (
        outer["x"] <= inner["x"] and inner["x"] + inner["w"] <= outer["x"] + outer["w"]
        and outer["y"] <= inner["y"] and inner["y"] + inner["h"] <= outer["y"] + outer["h"]
    )  # fmt: skip


@pytest.fixture(scope="module")
def tree():
    return build(layered(8))


def test_boxes_do_not_overlap_and_lie_in_their_clusters(tree):
    graph = layout(view(tree, start(tree)))["graph"]
    assert len(graph["nodes"]) > 20
    assert not [pair for pair in combinations(graph["nodes"], 2) if overlap(*pair)]
    for node in graph["nodes"]:
        assert 0 <= node["x"] <= node["x"] + node["w"] <= graph["w"]
        if node["parent"] >= 0:
            assert inside(node, graph["clusters"][node["parent"]])
    for cluster in graph["clusters"]:
        if cluster["parent"] >= 0:
            assert inside(cluster, graph["clusters"][cluster["parent"]])


def test_edges_go_from_box_to_box(tree):
    graph = layout(view(tree, start(tree)))["graph"]
    for edge in graph["edges"]:
        a, b, p = graph["nodes"][edge["a"]], graph["nodes"][edge["b"]], edge["p"]
        assert len(p) % 2 == 0
        assert (len(p) // 2 - 2) % 3 == 0  # start, then Béziers of three points, then the tip
        assert a["x"] - 2 <= p[0] <= a["x"] + a["w"] + 2
        assert b["x"] - 2 <= p[-2] <= b["x"] + b["w"] + 2
        assert b["y"] - 2 <= p[-1] <= b["y"] + b["h"] + 2


def test_the_same_picture_has_the_same_revision_and_is_laid_out_once(tree, monkeypatch):
    first = layout(view(tree, start(tree)))
    monkeypatch.setattr(dot, "run", lambda source: pytest.fail("was laid out again"))
    assert layout(view(tree, start(tree))) is first


def test_another_picture_has_another_revision(tree):
    assert layout(view(tree, start(tree)))["rev"] != layout(view(tree, frozenset()))["rev"]


def test_no_word_of_the_model_is_in_dot(monkeypatch):
    names = [HOSTILE, f"{HOSTILE}/a", f"{HOSTILE}/b"]
    tree = build(plain(names, ["Placeholder", "Relu", "Relu"], [[], [0], [1]]))
    sources = []
    real = dot.run
    monkeypatch.setattr(dot, "run", lambda source: sources.append(source) or real(source))
    graph = layout(view(tree, frozenset(tree.index)))["graph"]
    assert "evil" not in sources[0]
    assert graph["nodes"][0]["name"] == HOSTILE


def test_the_payload_is_small(tree):
    found = layout(view(tree, start(tree)))
    boxes = len(found["graph"]["nodes"])
    assert len(found["packed"]) < boxes * 220


def test_unconnected_boxes_stand_in_rows():
    names = [f"p{n}" for n in range(24)]
    tree = build(plain(names, ["Placeholder"] * 24, [[] for _ in names]))
    graph = layout(view(tree, frozenset()))["graph"]
    assert len({node["y"] for node in graph["nodes"]}) >= 3
    assert graph["w"] < 1000


def test_a_hub_is_laid_out_as_stubs():
    names = ["hub", *(f"r{n}" for n in range(12))]
    tree = build(plain(names, ["Placeholder"] + ["Relu"] * 12, [[], *([0] for _ in range(12))]))
    graph = layout(view(tree, frozenset()))["graph"]
    stubs = [node for node in graph["nodes"] if node.get("stub")]
    assert [stub["name"] for stub in stubs] == ["hub"] * 12


def test_left_to_right_is_wider_than_high():
    tree = build(plain(["a", "b", "c"], ["Placeholder", "Relu", "Relu"], [[], [0], [1]]))
    graph = layout(view(tree, frozenset()), direction="LR")["graph"]
    assert graph["w"] > graph["h"]


def test_an_empty_graph_has_an_empty_picture():
    graph = layout(VisibleGraph((), (), (), frozenset()))["graph"]
    assert (graph["nodes"], graph["edges"], graph["clusters"]) == ([], [], [])


def test_past_the_ceiling_the_largest_scopes_close(tree):
    found = picture_of(tree, frozenset(tree.index), ceiling=30)
    assert found.closed_some
    assert len(found.visible.boxes) <= 30
    assert not picture_of(tree, start(tree)).closed_some


def test_where_dot_gives_up_a_level_closes(tree, monkeypatch):
    real = dot.run

    def picky(source):
        if source.count("subgraph") > 3:
            raise LayoutError("picture", "dot", "took longer than 2 seconds")
        return real(source)

    monkeypatch.setattr(dot, "run", picky)
    found = picture_of(build(layered(9)), frozenset(build(layered(9)).index))
    assert found.closed_some
    assert found.opened < frozenset(tree.index) | found.opened


def test_a_graph_too_hard_for_the_time_limit_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(dot, "TRIES", ((0.2, ()), (0.2, ("-Gnslimit=0.1",))))
    boxes = tuple(Box(f"b{n}", "b", "", "Relu", 0, *[False] * 2, 1, 1, -1, *[False] * 2)
                  for n in range(400))  # fmt: skip
    count = len(boxes)
    tangle = [Edge(a, (a * 7919 + k * 31) % count, 1, "") for a in range(count) for k in (1, 2, 3)]
    began = time.monotonic()
    with pytest.raises(LayoutError, match="close some scopes"):
        layout(VisibleGraph(boxes, (), tuple(tangle), frozenset()))
    assert time.monotonic() - began < 5


def test_without_dot_the_bundled_graphviz_serves(tree, monkeypatch):
    pytest.importorskip("pygraphviz")
    monkeypatch.setattr(dot.shutil, "which", lambda name: None)
    monkeypatch.setattr(dot, "TRIES", ((20.0, ()),))
    visible = view(tree, frozenset(list(tree.index)[:1]))
    graph = layout(visible, direction="LR")["graph"]
    assert all("x" in node for node in graph["nodes"])
    assert not [pair for pair in combinations(graph["nodes"], 2) if overlap(*pair)]


def test_without_any_graphviz_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(dot.shutil, "which", lambda name: None)
    monkeypatch.setattr(dot.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LayoutError, match="install the program dot, or pip install"):
        dot.run("digraph {}")
