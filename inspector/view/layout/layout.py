"""Coordinates of a visible graph, by Graphviz.

No text of the model enters DOT: boxes are ``n0``, scopes ``cluster_0``, and sizes are computed from
the text (`text_width`). The browser draws the text. Layouts are cached and shared.

Example:
    >>> picture = picture_of(tree, opened)  # closes scopes if it is too much
    >>> picture.layout["graph"]["nodes"][0]["title"], picture.opened
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import graphviz

from inspector.errors import LayoutError
from inspector.view.export.packed import pack
from inspector.view.layout import dot, text_width
from inspector.view.layout.columns import in_columns
from inspector.view.layout.edge_labels import label_places
from inspector.view.state.visible import CEILING, VisibleGraph, close_level, fit, view
from inspector.view.tree.hierarchy import Hierarchy

Direction = Literal["TB", "LR"]
HEIGHT, BAND_HEIGHT, STUB_HEIGHT, TITLE_HEIGHT = 38, 16, 18, 18
MIN_WIDTH, PADDING = 64, 24
LOOSE = 6
"""More unconnected parts than this in one scope are set in rows instead of one line."""
CACHED = 6_000_000
"""Characters of packed pictures in the cache: some 400 of 60 boxes, or 80 of 500."""
_CACHE: OrderedDict[str, dict[str, Any]] = OrderedDict()
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A laid out view.

    Args:
        layout: The result of `layout`.
        opened: The open scopes; fewer than requested where that was too much.
        closed_some: Whether scopes were closed for that.
    """

    layout: dict[str, Any]
    opened: frozenset[str]
    closed_some: bool
    visible: VisibleGraph


def picture_of(
    tree: Hierarchy,
    opened: frozenset[str],
    *,
    keep: str = "",
    ceiling: int = CEILING,
    direction: Direction = "TB",
) -> Picture:
    """View and layout; closes the largest scopes past the ceiling, and a level if dot fails.

    Args:
        keep: The scope of the last click; it closes last.
    Raises: LayoutError, if not even the closed picture can be laid out.
    """
    open_scopes = fit(tree, opened, ceiling=ceiling, keep=keep)
    while True:
        visible = view(tree, open_scopes)
        try:
            laid_out = layout(visible, direction=direction)
        except LayoutError:
            if not visible.opened:
                raise
            open_scopes = close_level(tree, open_scopes)
            continue
        requested = {name for name in opened if name in tree.index}
        return Picture(
            laid_out, visible.opened, len(open_scopes & requested) < len(requested), visible
        )


def layout(visible: VisibleGraph, *, direction: Direction = "TB") -> dict[str, Any]:
    """``{rev, graph: {w, h, nodes, edges, clusters}, packed}``; shared, so never change it.

    Lengths are pixels, ``x, y`` upper left corners. ``nodes`` are the boxes in their order, then
    the stubs. An edge's ``p`` is ``x, y`` of the start and of the Bézier points after it, then of
    the arrow's tip. ``columns`` is their number, where there are several. ``labels`` are places of
    edges' labels, as `label_places` gives them.

    Raises: LayoutError.
    """
    rev = _hash(visible, direction)
    with _LOCK:
        laid_out = _CACHE.get(rev)
        if laid_out is not None:
            _CACHE.move_to_end(rev)
            return laid_out
    nodes = _nodes(visible)
    edges = _edges(visible, nodes)
    data = dot.run(_source(visible, nodes, edges, direction))
    graph = _placed(data, visible, nodes, edges)
    graph = in_columns(graph) if direction == "TB" else graph
    graph["labels"] = label_places(graph)
    laid_out = {"rev": rev, "graph": graph, "packed": pack(graph)}
    with _LOCK:
        _CACHE[rev] = laid_out
        while len(_CACHE) > 1 and sum(len(cached["packed"]) for cached in _CACHE.values()) > CACHED:
            _CACHE.popitem(last=False)
    return laid_out


def _hash(visible: VisibleGraph, direction: str) -> str:
    data = [
        [list(asdict(box).values()) for box in visible.boxes],
        [list(asdict(cluster).values()) for cluster in visible.clusters],
        [list(asdict(edge).values()) for edge in visible.edges],
        direction,
    ]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:20]


def _nodes(visible: VisibleGraph) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    for box in visible.boxes:
        title, sub = text_width.clip(box.title), text_width.clip(box.sub, 44)
        wide = max(
            text_width.width(title, text_width.TITLE_PX, bold=True),
            text_width.width(sub, text_width.SUB_PX),
            text_width.width(box.band, text_width.SUB_PX),
        )
        node: dict[str, Any] = {
            "name": box.name,
            "title": title,
            "sub": sub,
            "kind": box.kind,
            "w": max(MIN_WIDTH, math.ceil(wide) + PADDING + (12 if box.scope else 0)),
            "h": HEIGHT + (BAND_HEIGHT if box.band else 0),
            "parent": box.parent,
        }
        if box.band:
            node["band"] = box.band
        flags = {"scope": box.scope, "ours": box.ours, "feed": box.feed, "fetch": box.fetch}
        if box.same:
            node["same"] = box.same
        nodes.append(node | {key: 1 for key, value in flags.items() if value})
    return nodes


def _edges(visible: VisibleGraph, nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The edges to draw; for a hub's, a stub is added to ``nodes`` and drawn from."""
    edges = []
    for edge in visible.edges:
        source = edge.source
        if edge.stub:
            hub, reader = visible.boxes[source], visible.boxes[edge.target]
            if hub.apart != reader.apart and (hub.scope or reader.scope):
                continue  # lines to the plumbing would distort the data path
            title = text_width.clip(hub.title, 22)
            source = len(nodes)
            wide = math.ceil(text_width.width(title, text_width.SUB_PX)) + 18
            nodes.append(
                {
                    "name": hub.name, "title": title, "sub": "", "kind": hub.kind, "w": wide,
                    "h": STUB_HEIGHT, "parent": visible.boxes[edge.target].parent, "stub": 1,
                }
            )  # fmt: skip
        drawn = {"a": source, "b": edge.target, "n": edge.tensors, "t": edge.label}
        edges.append(drawn | ({"back": 1} if edge.back else {}))
    return edges


def _source(
    visible: VisibleGraph,
    nodes: list[dict[str, Any]],
    edges: list[dict[str, Any]],
    direction: Direction,
) -> str:
    graph = graphviz.Digraph("g")
    graph.attr("graph", rankdir=direction, nodesep="0.22", ranksep="0.28", margin="0", pad="0")
    graph.attr("graph", splines="spline")
    graph.attr("node", shape="box", fixedsize="true", label="")
    graph.attr("edge", arrowsize="0.6")
    clusters = [graphviz.Digraph(f"cluster_{place}") for place in range(len(visible.clusters))]
    for place, node in enumerate(nodes):
        home = clusters[node["parent"]] if node["parent"] >= 0 else graph
        home.node(f"n{place}", width=f"{node['w'] / 72:.3f}", height=f"{node['h'] / 72:.3f}")
    for place in range(len(clusters) - 1, -1, -1):
        cluster = visible.clusters[place]
        wide = (
            math.ceil(
                text_width.width(text_width.clip(cluster.title), text_width.TITLE_PX, bold=True)
            )
            + 34
        )
        clusters[place].attr(
            margin="10",
            # An empty table of fixed size: space for the title, which the browser draws.
            label=f'<<TABLE BORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE" '
            f'WIDTH="{wide}" HEIGHT="{TITLE_HEIGHT}"><TR><TD></TD></TR></TABLE>>',
        )
        (clusters[cluster.parent] if cluster.parent >= 0 else graph).subgraph(clusters[place])
    for place, edge in enumerate(edges):
        weight = "0" if not edge["n"] else "2" if _straight(nodes, edge) else "1"
        # An edge back to the start of a loop must not affect the ranks.
        rank = {"constraint": "false"} if edge.get("back") else {}
        graph.edge(f"n{edge['a']}", f"n{edge['b']}", id=f"e{place}", weight=weight, **rank)
    for upper, lower in _rows(nodes, edges):
        graph.edge(f"n{upper}", f"n{lower}", style="invis")
    return str(graph.source)


def _straight(nodes: list[dict[str, Any]], edge: dict[str, Any]) -> bool:
    """Whether an edge is worth keeping straight: between siblings, not from a stub."""
    return bool(nodes[edge["a"]]["parent"] == nodes[edge["b"]]["parent"]) and not nodes[
        edge["a"]
    ].get("stub")


def _rows(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> Iterable[tuple[int, int]]:
    """Invisible edges that put many unconnected parts of one scope into rows, near a square."""
    part = list(range(len(nodes)))

    def root(place: int) -> int:
        while part[place] != place:
            part[place] = part[part[place]]
            place = part[place]
        return place

    for edge in edges:
        part[root(edge["a"])] = root(edge["b"])
    members: dict[int, list[int]] = {}
    for place in range(len(nodes)):
        members.setdefault(root(place), []).append(place)
    sources = {edge["a"] for edge in edges}
    targets = {edge["b"] for edge in edges}
    loose: dict[int, list[list[int]]] = {}
    for group in members.values():
        homes = {nodes[place]["parent"] for place in group}
        if len(homes) == 1 and len(group) <= 12:
            loose.setdefault(homes.pop(), []).append(group)
    for groups in loose.values():
        if len(groups) <= LOOSE:
            continue
        wide = sum(nodes[group[0]]["w"] + 16 for group in groups) / len(groups)
        columns = max(2, round(math.sqrt(len(groups) * 90 / wide) * 1.6))
        for upper, lower in zip(groups, groups[columns:], strict=False):
            bottom = next((place for place in reversed(upper) if place not in sources), upper[-1])
            top = next((place for place in lower if place not in targets), lower[0])
            yield bottom, top


def _placed(
    data: dict[str, Any],
    visible: VisibleGraph,
    nodes: list[dict[str, Any]],
    edges: list[dict[str, Any]],
) -> dict[str, Any]:
    try:
        _, _, wide, high = map(float, data["bb"].split(","))
        clusters = [_cluster(cluster) for cluster in visible.clusters]
        for item in data.get("objects", []):
            name = item["name"]
            if name.startswith("cluster_"):
                x0, y0, x1, y1 = map(float, item["bb"].split(","))
                box = {"x": x0, "y": high - y1, "w": x1 - x0, "h": y1 - y0}
                clusters[int(name[8:])].update({key: round(value) for key, value in box.items()})
            else:
                x, y = map(float, item["pos"].split(","))
                node = nodes[int(name[1:])]
                node["x"] = round(x - node["w"] / 2)
                node["y"] = round(high - y - node["h"] / 2)
        for item in data.get("edges", []):
            if "id" in item:
                edges[int(item["id"][1:])]["p"] = _points(item.get("pos", ""), high)
    except (KeyError, ValueError, IndexError) as err:
        raise LayoutError("picture", "dot", f"answered with something unknown: {err}") from err
    return {
        "w": round(wide),
        "h": round(high),
        "nodes": nodes,
        "edges": edges,
        "clusters": clusters,
    }


def _cluster(cluster: Any) -> dict[str, Any]:
    item = {
        "name": cluster.name,
        "title": text_width.clip(cluster.title),
        "kind": cluster.kind,
        "depth": cluster.depth,
        "parent": cluster.parent,
        "ops": cluster.ops,
    }
    if cluster.same:
        item["same"] = cluster.same
    return item | ({"ours": 1} if cluster.ours else {})


def _points(pos: str, high: float) -> list[int]:
    """Start and Bézier points, then the arrow's tip, of ``e,x,y x,y x,y ...``."""
    tip: list[float] = []
    points: list[float] = []
    for word in pos.partition(";")[0].split():
        values = word.split(",")
        if values[0] == "e":
            tip = [float(values[1]), high - float(values[2])]
        elif values[0] != "s":
            points += [float(values[0]), high - float(values[1])]
    return [round(value) for value in points + (tip or points[-2:])]
