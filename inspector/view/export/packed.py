"""A laid out graph as compact JSON, for the browser; view/canvas/js/graph.js reads it.

Boxes and edges are lists, a name is stored as its difference from the one before, other texts once,
and the points of an edge as steps from the one before. That is a third of the plain JSON. The text
is computed once for all runs of a page that show the same picture.

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
    """``nodes, clusters, texts, edges`` and everything else that `layout` has under ``graph``.

    A name is the number of characters that it shares with the start of the name before, and the
    rest; nodes come first, then clusters. A node is its name, places of ``title``, ``sub``,
    ``same`` and ``band`` in ``texts``, then kind, x, y, w, h, parent and `FLAGS`. A cluster is
    unchanged but for its name. An edge is source, target, tensors, place of its label, whether it
    goes back, then x and y of its first point, then the steps to each other point.
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
            *(place(node.get(key, "")) for key in ("title", "sub", "same", "band")),
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
