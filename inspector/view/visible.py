"""What is on the screen when these scopes are open: boxes, clusters, merged edges.

A view is a function of a hierarchy and the set of opened scopes, nothing else. Every drawn node
is in exactly one box; an edge stands between two boxes if, and only if, a tensor (or a control
input) goes from a node of one to a node of the other, and says how many do.

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

from inspector.view.folding import ARGUMENT
from inspector.view.hierarchy import Hierarchy
from inspector.view.kinds import kind_of
from inspector.view.levels import run_of, said, together
from inspector.view.repeats import RUN
from inspector.view.tally import Tally, tally
from inspector.view.text import bytes_text, count_text, shape_text

CEILING = 750
"""More boxes than this are not drawn; the largest open scopes close instead."""
HUB = 10
"""A box that more boxes than this read from is drawn as a small stub at each reader."""


@dataclass(frozen=True)
class Box:
    """A node, or a closed scope.

    Args:
        name: The node's name or the scope's id.
        nodes: Nodes inside, folded ones included.
        parent: The cluster it is in, as a place in `VisibleGraph.clusters`, or -1.
        ours: True for a group that Inspector made, not the model.
        apart: True for the plumbing and what is in it.
        same: A letter that closed scopes of equal structure share, with open ones like them.
        feed, fetch: Whether a feed, a fetch, is this node or inside of this scope.
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
    """All that goes from one box to another; boxes as places in `VisibleGraph.boxes`.

    Args:
        tensors: Distinct tensors; 0 for an edge of control inputs only.
        label: The tensor's shape where it is one, else how many they are.
        stub: True where the source is a hub, or just one end is plumbing: the source is drawn small
            beside the reader, without a line across the picture.
        back: True where all of it is of a loop's turn before.
    """

    source: int
    target: int
    tensors: int
    label: str
    stub: bool = False
    back: bool = False


@dataclass(frozen=True)
class VisibleGraph:
    """What `view` gives; `opened` holds the scopes that are open and whose parents are."""

    boxes: tuple[Box, ...]
    clusters: tuple[Cluster, ...]
    edges: tuple[Edge, ...]
    opened: frozenset[str]


def view(tree: Hierarchy, opened: Iterable[str], *, control: bool = True) -> VisibleGraph:
    """The boxes, clusters and merged edges of a hierarchy with these scopes open.

    Args:
        opened: Scope ids; unknown ones, and those inside of closed scopes, do not matter.
        control: Whether edges of control inputs are drawn.
    """
    found = tally(tree)
    wanted = {tree.index[name] for name in opened if name in tree.index} | {0}
    items: list[int] = []
    parents: list[int] = []
    clusters: list[Cluster] = []
    stack = [(~0, -1, 0)]
    while stack:
        item, parent, depth = stack.pop()
        if item >= 0 or ~item not in wanted:
            items.append(item)
            parents.append(parent)
            continue
        scope = ~item
        inside = parent
        if scope:
            inside = len(clusters)
            clusters.append(
                Cluster(
                    tree.names[scope], _noted(tree, found, scope), found.kind[scope],
                    tree.kinds[scope] != "name", found.ops(scope), parent, depth,
                )
            )  # fmt: skip
        below = depth + 1 if scope else 0
        stack.extend((child, inside, below) for child in reversed(tree.children[scope]))
    edges = _edges(tree, found, items, control)
    feeds = _marked(tree, found, items, tree.table.feeds)
    fetches = _marked(tree, found, items, tree.table.fetches)
    shapes = _scope_shapes(edges)
    boxes = [
        _box(
            tree,
            found,
            item,
            parents[place],
            shapes.get(place, ""),
            place in feeds,
            place in fetches,
        )
        for place, item in enumerate(items)
    ]
    names = frozenset(cluster.name for cluster in clusters)
    boxes, clusters = _lettered(tree, found, boxes, clusters)
    apart = [box.apart for box in boxes]
    return VisibleGraph(tuple(boxes), tuple(clusters), tuple(_with_stubs(edges, apart)), names)


def reveal(tree: Hierarchy, opened: Iterable[str], item: int) -> frozenset[str]:
    """``opened`` and what else must be open for a node, or a scope, to be a box of its own."""
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
        keep: A scope that closes last, with those around it: the one just opened.
    """
    around = set()
    if keep in tree.index:
        around = {tree.index[keep], *tree.path(~tree.index[keep])}
    current = set(view_scopes(tree, opened))
    total = len(tree.children[0]) + sum(len(tree.children[scope]) - 1 for scope in current)
    while total > ceiling and current:
        # A scope that holds no open one: closing it takes away exactly its children.
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
    wanted = sorted({tree.index[name] for name in opened if name in tree.index})
    todo = set(wanted)
    return [scope for scope in tree.order if scope in todo and todo.issuperset(tree.path(~scope))]


def _noted(tree: Hierarchy, found: Tally, scope: int) -> str:
    """A scope's title, with how many of what it is."""
    return " · ".join(filter(None, (tree.title(~scope), _note(tree, found, scope))))


def _note(tree: Hierarchy, found: Tally, scope: int) -> str:
    """How many of what a scope is: as noted of a group, or because it is so many equal scopes."""
    inside = tree.children[scope]
    if scope in tree.notes or len(inside) < RUN or inside[0] >= 0:
        return tree.notes.get(scope, "")
    sorts = {found.structure[~item] if item < 0 else -1 for item in inside}
    if len(sorts) > 1:
        return ""
    (sort,) = sorts
    return said(together([run_of(sort, tree.title(item), "") for item in inside]))


def _lettered(
    tree: Hierarchy, found: Tally, boxes: list[Box], clusters: list[Cluster]
) -> tuple[list[Box], list[Cluster]]:
    """The same with letters for closed scopes of which another has the same structure."""
    alike = [found.structure[tree.index[box.name]] if box.scope else -1 for box in boxes]
    opened = [found.structure[tree.index[cluster.name]] for cluster in clusters]
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


def _edges(tree: Hierarchy, found: Tally, items: list[int], control: bool) -> list[Edge]:
    """The merged edges between items, by source, then target."""
    if not items:
        return []
    starts = np.array(
        [found.at[item] if item >= 0 else found.start[~item] for item in items], dtype=np.int64
    )
    box = np.searchsorted(starts, found.at, side="right") - 1
    size = len(items)
    tails, heads = box[found.source], box[found.target]
    crossing = np.flatnonzero(tails != heads)
    onward = crossing[~found.back[crossing]]
    forward = set((tails[onward] * size + heads[onward]).tolist()) if found.back.any() else None
    # A tensor that several nodes of one box read goes to that box once.
    _, first = np.unique(found.tensor[crossing] * size + heads[crossing], return_index=True)
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
            shapes = tree.table.shapes_of(int(found.source[edge]))
            port = int(found.port[edge])
            label = shape_text(shapes[port]) if port < len(shapes) else ""
        back = forward is not None and pair not in forward
        merged[pair] = Edge(pair // size, pair % size, count, label, back=back)
    if control:
        tails, heads = box[found.wait_source], box[found.wait_target]
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
    """For boxes that give the same single tensor to all their readers, or equal ones, its shape."""
    shapes: dict[int, set[str]] = {}
    for edge in edges:
        if edge.tensors:
            shapes.setdefault(edge.source, set()).add(edge.label if edge.tensors == 1 else "")
    return {place: next(iter(found)) for place, found in shapes.items() if len(found) == 1}


def _marked(tree: Hierarchy, found: Tally, items: list[int], names: Iterable[str]) -> set[int]:
    """The boxes that the nodes of these tensor names are in."""
    nodes = [node for name in names if (node := tree.table.get(name)) is not None]
    if not nodes or not items:
        return set()
    starts = [found.at[item] if item >= 0 else found.start[~item] for item in items]
    return set((np.searchsorted(starts, found.at[nodes], side="right") - 1).tolist())


def _box(
    tree: Hierarchy, found: Tally, item: int, parent: int, shape: str, feed: bool, fetch: bool
) -> Box:
    title = tree.title(item)
    weights = bytes_text(found.weights[item]) if item in found.weights else ""
    if item < 0:
        scope = ~item
        ops = found.ops(scope)
        sub = " · ".join(
            filter(None, (_note(tree, found, scope), count_text(ops, "op"), shape, weights))
        )
        return Box(
            tree.names[scope], title, sub, "", found.kind[scope], True,
            tree.kinds[scope] != "name", ops, found.all_nodes[scope], parent, feed, fetch,
            tree.is_apart(item),
        )  # fmt: skip
    op = tree.table.op_of(item)
    shapes = tree.table.shapes_of(item)
    first = shape_text(shapes[0]) if shapes else ""
    more = f" +{len(shapes) - 1}" if first and len(shapes) > 1 else ""
    said = "argument" if op == ARGUMENT else op
    sub = " · ".join(filter(None, (said, first + more, weights)))
    return Box(
        tree.table.names[item], title, sub, op, kind_of(op), False, False, 1,
        found.nodes[item], parent, feed, fetch, tree.is_apart(item),
    )  # fmt: skip
