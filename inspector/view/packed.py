"""A laid out graph as short JSON text, for the browser; canvas_unpack.js reads it back.

Boxes and edges are lists, names are cut to what differs from the name before, other texts are told
once, and the points of an edge are steps from the point before. That is a third of the plain JSON,
and as a text it is made once for all runs of a page that show the same picture.

Example:
    >>> pack(picture.layout["graph"])
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FLAGS = ("scope", "ours", "feed", "fetch", "stub")
"""Of a box, from the lowest bit on."""


def pack(graph: Mapping[str, Any]) -> str:
    """``nodes, clusters, texts, edges`` and all else of what `layout` gave under ``graph``.

    A name is how many characters are those of the name before, nodes first, then the others. A
    node is its name, places of ``title``, ``sub`` and ``same`` in ``texts``, then kind, x, y, w, h,
    parent and `FLAGS`. A cluster is as it was, but for its name. An edge is source, target,
    tensors, place of its label, whether it goes back, then x and y of its first point, then of
    each other point the steps to it.
    """
    texts: dict[str, int] = {}
    before = ""

    def place(text: str) -> int:
        return texts.setdefault(text, len(texts))

    def name(item: Mapping[str, Any]) -> tuple[int, str]:
        nonlocal before
        whole, same = item["name"], 0
        for one, other in zip(before, whole, strict=False):
            if one != other:
                break
            same += 1
        before = whole
        return same, whole[same:]

    nodes = [
        [
            *name(node),
            *(place(node.get(key, "")) for key in ("title", "sub", "same")),
            *(node[key] for key in ("kind", "x", "y", "w", "h", "parent")),
            sum(1 << bit for bit, flag in enumerate(FLAGS) if node.get(flag)),
        ]
        for node in graph["nodes"]
    ]
    edges = []
    for edge in graph["edges"]:
        points = edge.get("p", [])
        steps = points[:2] + [one - other for one, other in zip(points[2:], points, strict=False)]
        edges.append(
            [edge["a"], edge["b"], edge["n"], place(edge["t"]), edge.get("back", 0), *steps]
        )
    packed = {
        **graph,
        "nodes": nodes,
        "clusters": [{**cluster, "name": name(cluster)} for cluster in graph["clusters"]],
        "texts": list(texts),
        "edges": edges,
    }
    return json.dumps(packed, separators=(",", ":"), ensure_ascii=False)
