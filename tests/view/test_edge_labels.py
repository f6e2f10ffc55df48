"""Shapes on edges: beside their edge, where there is room, and only where they add something."""

from __future__ import annotations

from itertools import combinations

import pytest

from inspector.view.layout.edge_labels import ABOVE, BELOW, label_places
from inspector.view.layout.layout import picture_of
from inspector.view.layout.text_width import SUB_PX, width
from inspector.view.tree.hierarchy import build
from tests.view.graphs import table


def box(x, y, sub=""):
    return {"x": x, "y": y, "w": 80, "h": 38, "sub": sub}


def straight(high, label="[None, 512]", tensors=1):
    """A picture of two boxes with an edge of this length from one down to the other."""
    points = [100, 38, 100, 38 + high // 3, 100, 38 + 2 * high // 3, 100, 34 + high, 100, 38 + high]
    edge = {"a": 0, "b": 1, "n": tensors, "t": label, "p": points}
    nodes = [box(60, 0), box(60, 38 + high)]
    return {"w": 300, "h": 76 + high, "nodes": nodes, "edges": [edge], "clusters": []}


def test_a_label_stands_beside_its_edge():
    ((edge, x, y),) = label_places(straight(60))
    assert edge == 0
    assert 100 < x < 110
    assert 38 < y - ABOVE < y + BELOW < 98


def test_without_room_there_is_no_label():
    assert label_places(straight(10)) == []
    graph = straight(34)
    graph["nodes"] += [box(104, 36), box(10, 36)]
    assert label_places(graph) == []


def test_a_box_beside_the_edge_sends_the_label_to_the_other_side():
    graph = straight(60)
    graph["nodes"].append(box(104, 50))
    ((_, x, _),) = label_places(graph)
    assert x + width("[None, 512]", SUB_PX) < 100


def test_a_short_edge_does_not_repeat_its_box_and_control_inputs_have_no_label():
    graph = straight(60)
    graph["nodes"][0]["sub"] = "Relu · [None, 512]"
    assert label_places(graph) == []
    graph = straight(200)
    graph["nodes"][0]["sub"] = "Relu · [None, 512]"
    assert len(label_places(graph)) == 1
    assert label_places(straight(60, "waits for", tensors=0)) == []


def test_an_endless_picture_has_no_labels():
    assert label_places(straight(60) | {"w": 100_000, "h": 100_000}) == []


@pytest.mark.parametrize("several", [3, 8])
def test_labels_of_a_real_layout_lie_on_nothing(several):
    lines = ["x = Placeholder()", "parts = Split(x)"]
    lines += [f"r{n} = Relu(parts:{n})" for n in range(several)]
    lines += [f"sum = AddN(x, {', '.join(f'r{n}' for n in range(several))})"]
    shapes = {"x": [[64]], "parts": [[n + 2] for n in range(several)]}
    graph = picture_of(build(table("\n".join(lines), shapes=shapes)), frozenset()).layout["graph"]
    assert graph["labels"]
    rects = [(n["x"], n["y"], n["x"] + n["w"], n["y"] + n["h"]) for n in graph["nodes"]]
    rects += [
        (x, y - ABOVE, x + width(graph["edges"][edge]["t"], SUB_PX), y + BELOW)
        for edge, x, y in graph["labels"]
    ]
    for one, other in combinations(rects, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
