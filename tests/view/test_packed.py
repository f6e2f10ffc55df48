"""The picture as it is sent: short, and all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.support.node_tables import layered
from inspector.view.export.packed import FLAGS, pack
from inspector.view.layout.layout import picture_of
from inspector.view.tree.hierarchy import build


def unpacked(text: str) -> dict[str, Any]:
    """As view/canvas/js/graph.js reads it."""
    graph: dict[str, Any] = json.loads(text)
    texts = graph.pop("texts")
    before = ""

    def name(same: int, rest: str) -> str:
        nonlocal before
        before = before[:same] + rest
        return before

    nodes = []
    for same, rest, title, sub, letter, band, *figures, flags in graph["nodes"]:
        node = {"name": name(same, rest), "title": texts[title], "sub": texts[sub]}
        node |= dict(zip(("kind", "x", "y", "w", "h", "parent"), figures, strict=True))
        node |= {"same": texts[letter]} if texts[letter] else {}
        node |= {"band": texts[band]} if texts[band] else {}
        nodes.append(node | {flag: 1 for bit, flag in enumerate(FLAGS) if flags >> bit & 1})
    for cluster in graph["clusters"]:
        cluster["name"] = name(*cluster["name"])
    edges = []
    for a, b, n, label, back, *p in graph["edges"]:
        for place in range(2, len(p)):
            p[place] += p[place - 2]
        edge = {"a": a, "b": b, "n": n, "t": texts[label]} | ({"back": 1} if back else {})
        edges.append(edge | ({"p": p} if p else {}))
    return graph | {"nodes": nodes, "edges": edges}


@pytest.mark.parametrize(("blocks", "boxes", "most"), [(8, 50, 25_000), (67, 450, 120_000)])
def test_a_picture_is_small_and_nothing_is_lost(blocks, boxes, most):
    tree = build(layered(blocks))
    picture = picture_of(tree, frozenset(tree.index))
    assert boxes <= len(picture.visible.boxes) <= 1.3 * boxes
    packed = picture.layout["packed"]
    assert len(json.dumps(packed)) < most
    assert unpacked(packed) == picture.layout["graph"]


def test_names_of_any_letters_come_back():
    names = ["größe/日本", "größe/日", "größe/日本語", "", "😀a", "😀b"]
    figures = {"title": "", "sub": "", "kind": 0, "x": 0, "y": 0, "w": 1, "h": 1, "parent": -1}
    nodes = [{"name": name, **figures} for name in names]
    packed = pack({"w": 1, "h": 1, "nodes": nodes, "clusters": [], "edges": []})
    assert [node["name"] for node in unpacked(packed)["nodes"]] == names
