"""The visible graph for a set of open scopes: boxes, clusters, merged edges.

It is a function of the hierarchy and the open scopes only. Every drawn node is in exactly one box.
There is an edge between two boxes exactly if a tensor or a control input goes from a node of one to
a node of the other; it carries the number of tensors.

Example:
    >>> picture = view(tree, start(tree))
    >>> picture = view(tree, reveal(tree, opened, table.find("conv1/Relu")))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np

from inspector.text import brief_shape
from inspector.text import count as count_text
from inspector.view.state import box_texts
from inspector.view.table.op_kinds import kind_of
from inspector.view.tree.hierarchy import Hierarchy
from inspector.view.tree.hierarchy_index import HierarchyIndex

CEILING = 750
"""Most boxes; past it, the largest open scopes close."""
HUB = 10
"""A box with more consumers than this is drawn as a small stub at each of them."""


@dataclass(frozen=True)
class Box:
    """A node, or a closed scope.

    Args:
        name: The node's name or the scope's id.
        nodes: Number of nodes inside, folded ones included.
        parent: The cluster it is in, as a place in `VisibleGraph.clusters`, or -1.
        ours: True for a group of Inspector, not of the model.
        apart: True for the plumbing and its nodes.
        same: A letter that closed scopes of equal structure share, with open ones like them.
        feed, fetch: Whether a feed, a fetch, is this node or inside of this scope.
        band: The activation that is fused into this node.
    """

    name: str
    title: str
    sub: str
    op: str
    kind: int
    scope: bool
    ours: bool
    ops: int
    nodes: int
    parent: int
    feed: bool
    fetch: bool
    apart: bool = False
    same: str = ""
    band: str = ""


@dataclass(frozen=True)
class Cluster:
    """An open scope."""

    name: str
    title: str
    kind: int
    ours: bool
    ops: int
    parent: int
    depth: int
    same: str = ""


@dataclass(frozen=True)
class Edge:
    """All tensors and control inputs from one box to another; places in `VisibleGraph.boxes`.

    Args:
        tensors: Distinct tensors; 0 for an edge of control inputs only.
        label: The shape of a single tensor, else the number of tensors.
        stub: True where the source is a hub, or just one end is plumbing: a small copy of it is
            drawn beside the consumer instead of a line across the picture.
        back: True where all of its tensors are from a loop's last iteration.
    """

    source: int
    target: int
    tensors: int
    label: str
    stub: bool = False
    back: bool = False


@dataclass(frozen=True)
class VisibleGraph:
    """The result of `view`; `opened` holds the open scopes whose parents are open too."""

    boxes: tuple[Box, ...]
    clusters: tuple[Cluster, ...]
    edges: tuple[Edge, ...]
    opened: frozenset[str]


def view(tree: Hierarchy, opened: Iterable[str], *, control: bool = True) -> VisibleGraph:
    """The boxes, clusters and merged edges of a hierarchy with these scopes open.

    Args:
        opened: Scope ids; unknown ones, and those inside of closed scopes, are ignored.
        control: Whether edges of control inputs are drawn.
    """
    index = tree.columns
    open_scopes = {tree.index[name] for name in opened if name in tree.index} | {0}
    items: list[int] = []
    parents: list[int] = []
    clusters: list[Cluster] = []
    stack = [(~0, -1, 0)]
    while stack:
        item, parent, depth = stack.pop()
        if item >= 0 or ~item not in open_scopes:
            items.append(item)
            parents.append(parent)
            continue
        scope = ~item
        inside = parent
        if scope:
            inside = len(clusters)
            clusters.append(
                Cluster(
                    tree.names[scope], box_texts.title_of_scope(tree, scope), index.kind[scope],
                    tree.kinds[scope] != "name", index.ops(scope), parent, depth,
                )
            )  # fmt: skip
        below = depth + 1 if scope else 0
        stack.extend((child, inside, below) for child in reversed(tree.children[scope]))
    edges = _edges(tree, index, items, control)
    feeds = _marked(tree, index, items, tree.table.feeds)
    fetches = _marked(tree, index, items, tree.table.fetches)
    shapes = _scope_shapes(edges)
    boxes = [
        _box(tree, item, parents[place], shapes.get(place, ""), place in feeds, place in fetches)
        for place, item in enumerate(items)
    ]
    names = frozenset(cluster.name for cluster in clusters)
    boxes, clusters = _lettered(tree, index, boxes, clusters)
    apart = [box.apart for box in boxes]
    return VisibleGraph(tuple(boxes), tuple(clusters), tuple(_with_stubs(edges, apart)), names)


def reveal(tree: Hierarchy, opened: Iterable[str], item: int) -> frozenset[str]:
    """``opened`` and the scopes around a node or scope, so that it is a box of its own."""
    return frozenset(opened) | {tree.names[scope] for scope in tree.path(item)}


def toggle(tree: Hierarchy, opened: frozenset[str], name: str) -> frozenset[str]:
    """Open a closed scope, close an open one (all inside closes too); unknown names do nothing."""
    scope = tree.index.get(name)
    if scope is None:
        return opened
    if name not in opened:
        return reveal(tree, opened, ~scope) | {name}
    inside = {scope}
    for other in tree.order:
        if tree.parents[other] in inside:
            inside.add(other)
    return opened - {tree.names[other] for other in inside}


def fit(
    tree: Hierarchy, opened: frozenset[str], *, ceiling: int = CEILING, keep: str = ""
) -> frozenset[str]:
    """``opened`` with the largest open scopes closed until at most ``ceiling`` boxes are left.

    Args:
        keep: A scope that closes last, with those around it: that of the last click.
    """
    around = set()
    if keep in tree.index:
        around = {tree.index[keep], *tree.path(~tree.index[keep])}
    current = set(view_scopes(tree, opened))
    total = len(tree.children[0]) + sum(len(tree.children[scope]) - 1 for scope in current)
    while total > ceiling and current:
        # A scope without open scopes inside: closing it removes exactly its children.
        outer = {tree.parents[scope] for scope in current}
        leaves = [scope for scope in current if scope not in outer]
        worst = max(leaves, key=lambda s: (s not in around, len(tree.children[s]), -s))
        current.discard(worst)
        total -= len(tree.children[worst]) - 1
    return frozenset(tree.names[scope] for scope in current)


def close_level(tree: Hierarchy, opened: frozenset[str]) -> frozenset[str]:
    """``opened`` without the deepest level of open scopes."""
    current = view_scopes(tree, opened)
    depth = {scope: len(tree.path(~scope)) for scope in current}
    deepest = max(depth.values(), default=0)
    return frozenset(tree.names[scope] for scope in current if depth[scope] < deepest)


def view_scopes(tree: Hierarchy, opened: Iterable[str]) -> list[int]:
    """The scopes that are open and whose parents are, outer ones first."""
    scopes = sorted({tree.index[name] for name in opened if name in tree.index})
    open_scopes = set(scopes)
    return [
        scope
        for scope in tree.order
        if scope in open_scopes and open_scopes.issuperset(tree.path(~scope))
    ]


def _lettered(
    tree: Hierarchy, index: HierarchyIndex, boxes: list[Box], clusters: list[Cluster]
) -> tuple[list[Box], list[Cluster]]:
    """Boxes and clusters with a shared letter where another scope has the same structure."""
    alike = [index.structure[tree.index[box.name]] if box.scope else -1 for box in boxes]
    opened = [index.structure[tree.index[cluster.name]] for cluster in clusters]
    closed = {structure for structure in alike if structure >= 0}
    often = Counter([*alike, *(structure for structure in opened if structure in closed)])
    letters: dict[int, str] = {-1: ""}
    for structure in alike:
        if often[structure] > 1 and len(letters) <= len(ascii_uppercase):
            letters.setdefault(structure, ascii_uppercase[len(letters) - 1])
    return (
        [
            replace(box, same=letters[structure]) if letters.get(structure) else box
            for box, structure in zip(boxes, alike, strict=True)
        ],
        [
            replace(cluster, same=letters[structure]) if structure in letters else cluster
            for cluster, structure in zip(clusters, opened, strict=True)
        ],
    )


def _edges(tree: Hierarchy, index: HierarchyIndex, items: list[int], control: bool) -> list[Edge]:
    """The merged edges between items, by source, then target."""
    if not items:
        return []
    starts = np.array(
        [index.at[item] if item >= 0 else index.start[~item] for item in items], dtype=np.int64
    )
    box = np.searchsorted(starts, index.at, side="right") - 1
    size = len(items)
    tails, heads = box[index.source], box[index.target]
    crossing = np.flatnonzero(tails != heads)
    onward = crossing[~index.back[crossing]]
    forward = set((tails[onward] * size + heads[onward]).tolist()) if index.back.any() else None
    # A tensor that several nodes of one box read goes to that box once.
    _, first = np.unique(index.tensor[crossing] * size + heads[crossing], return_index=True)
    crossing = crossing[first]
    pairs, first, tensors = np.unique(
        tails[crossing] * size + heads[crossing], return_index=True, return_counts=True
    )
    merged: dict[int, Edge] = {}
    for pair, edge, count in zip(
        pairs.tolist(), crossing[first].tolist(), tensors.tolist(), strict=True
    ):
        label = count_text(count, "tensor")
        if count == 1:
            shapes = tree.table.shapes_of(int(index.source[edge]))
            port = int(index.port[edge])
            label = brief_shape(shapes[port]) if port < len(shapes) else ""
        back = forward is not None and pair not in forward
        merged[pair] = Edge(pair // size, pair % size, count, label, back=back)
    if control:
        tails, heads = box[index.wait_source], box[index.wait_target]
        apart = tails != heads
        for pair in np.unique(tails[apart] * size + heads[apart]).tolist():
            merged.setdefault(pair, Edge(pair // size, pair % size, 0, "waits for"))
    return [merged[pair] for pair in sorted(merged)]


def _with_stubs(edges: list[Edge], apart: list[bool]) -> list[Edge]:
    degree: dict[int, int] = {}
    for edge in edges:
        degree[edge.source] = degree.get(edge.source, 0) + 1
    return [
        replace(edge, stub=True)
        if degree[edge.source] > HUB or apart[edge.source] != apart[edge.target]
        else edge
        for edge in edges
    ]


def _scope_shapes(edges: list[Edge]) -> dict[int, str]:
    """Shape of the output of each box whose edges all carry one tensor of that shape."""
    shapes: dict[int, set[str]] = {}
    for edge in edges:
        if edge.tensors:
            shapes.setdefault(edge.source, set()).add(edge.label if edge.tensors == 1 else "")
    return {place: next(iter(labels)) for place, labels in shapes.items() if len(labels) == 1}


def _marked(
    tree: Hierarchy, index: HierarchyIndex, items: list[int], names: Iterable[str]
) -> set[int]:
    """The places of the boxes with the nodes of these tensor names."""
    nodes = [node for name in names if (node := tree.table.get(name)) is not None]
    if not nodes or not items:
        return set()
    starts = [index.at[item] if item >= 0 else index.start[~item] for item in items]
    return set((np.searchsorted(starts, index.at[nodes], side="right") - 1).tolist())


def _box(tree: Hierarchy, item: int, parent: int, shape: str, feed: bool, fetch: bool) -> Box:
    """The box of a node or a closed scope.

    Args:
        shape: Of what leaves a scope.
    """
    index = tree.columns
    if item < 0:
        scope = ~item
        return Box(
            tree.names[scope], tree.title(item), box_texts.scope_line(tree, scope, shape), "",
            index.kind[scope], True, tree.kinds[scope] != "name", index.ops(scope),
            index.all_nodes[scope], parent, feed, fetch, tree.is_apart(item),
        )  # fmt: skip
    op = tree.table.op_of(item)
    title, sub = box_texts.node_lines(tree, item)
    return Box(
        tree.table.names[item], title, sub, op, kind_of(op), False, False, 1,
        index.nodes[item], parent, feed, fetch, tree.is_apart(item),
        band=box_texts.fused_activation(tree.table, item),
    )  # fmt: skip
