"""The hierarchy of scopes: folded weights, scopes by name, groups of our own.

The rules, in order (design notes of the project, "Making the graph readable"):

1. Weights fold into their consumer, plumbing goes into one closed group (`folding`).
2. Scopes by ``/`` in names; single-child chains join; a scope with one op becomes that op; a
   head that holds nearly everything is dropped; Keras' ``_1`` too (`scopes`).
3. Levels of more than 14 items: groups by the first tokens of names, if convex; still more than
   24: straight chains; still more: sections cut where the fewest tensors cross (`grouping`).

All of it is deterministic, iterative and linear but for sorting: 100,000 nodes in under 3 s.

Example:
    >>> tree = build(table)
    >>> tree = Hierarchy.from_json(table, tree.to_json())
    >>> [tree.title(item) for item in tree.children[0]]
"""

from __future__ import annotations

import json
import threading
from itertools import pairwise

import numpy as np

from inspector.collector import collector_paused
from inspector.errors import CorruptModel
from inspector.graph.op_sets import MERGES, NEXT_ITERATIONS
from inspector.view.table import number_text
from inspector.view.table.adjacency import Column, Ints, Lists, column, pairs, starts
from inspector.view.table.element_types import check_list
from inspector.view.table.node_table import NodeTable
from inspector.view.tree import loops, scopes
from inspector.view.tree.folding import APART, ARGUMENT, BEHIND, Folding, fold
from inspector.view.tree.grouping import TOO_WIDE, WIDE, arrange
from inspector.view.tree.hierarchy_index import HierarchyIndex
from inspector.view.tree.levels import Edges, Group, Level, run_of
from inspector.view.tree.scopes import Tree

PLUMBING, ORDER, TRAINING = "save and initialise", "order", "gradients and updates"
MAX_ENDS = 8
"""Inputs, and outputs, that stay outside of our groups, so that they are visible at once."""
VERSION = 3


class Hierarchy:
    """A `NodeTable` and the tree over it. Immutable; sessions share it.

    Items are numbers as in `scopes.Tree`: a node's index, or ``~scope``.

    Args:
        into: Per node, the drawn node it is folded into, or -1.
        tree: The scopes.
    """

    def __init__(self, table: NodeTable, into: list[int], tree: Tree) -> None:
        self.table = table
        self.into = into
        self.names: list[str] = tree.names
        self.labels: list[str] = tree.labels
        self.kinds: list[str] = tree.kinds
        self.parents: list[int] = tree.parents
        self.children: list[list[int]] = tree.children
        self.titles: dict[int, str] = tree.titles
        self.notes: dict[int, str] = tree.notes
        self.tree = tree
        self.order: list[int] = scopes.downward(tree)
        """Scopes in use, each after its parent."""
        self.scope_of: list[int] = scopes.scope_of_nodes(tree, len(table))
        """Per drawn node, the scope it is directly in."""
        self.index: dict[str, int] = {self.names[scope]: scope for scope in self.order if scope}
        """Scope id to scope."""
        self._columns: HierarchyIndex | None = None
        self._lock = threading.Lock()

    @property
    def columns(self) -> HierarchyIndex:
        """Its index; computed at the first use, while other threads wait for it."""
        with self._lock:
            if self._columns is None:
                self._columns = HierarchyIndex(self.table, self.into, self.tree)
            return self._columns

    def title(self, item: int) -> str:
        """The title of a node or scope in the picture."""
        return scopes.label_of(self.tree, item, self.table.names)

    def name(self, item: int) -> str:
        """The id of an item for canvas and URL: a node's name, or a scope's path with its ``/``."""
        return self.table.names[item] if item >= 0 else self.names[~item]

    def item(self, name: str) -> int | None:
        """The item of an id that came from a browser or a URL, or None. A node's name wins."""
        node = self.table.index.get(name)
        if node is not None:
            return node
        scope = self.index.get(name)
        return None if scope is None else ~scope

    def drawn(self, node: int) -> int:
        """The node that is drawn for this one: itself, or the one it is folded into."""
        return self.into[node] if self.into[node] >= 0 else node

    def scope_above(self, item: int) -> int:
        """The scope an item is directly in; -1 for the root."""
        return self.parents[~item] if item < 0 else self.scope_of[self.drawn(item)]

    def path(self, item: int) -> list[int]:
        """The scopes around an item, outermost first, without the root."""
        return scopes.path(self.tree, self.scope_above(item))

    def is_apart(self, item: int) -> bool:
        """Whether an item is in the group of saving and initialising, or is that group."""
        around = [*self.path(item), ~item] if item < 0 else self.path(item)
        return any(self.kinds[scope] == "plumbing" for scope in around)

    def inside(self, scope: int) -> list[int]:
        """The drawn nodes in a scope and in those below it, sorted."""
        nodes: list[int] = []
        todo = [scope]
        while todo:
            for item in self.children[todo.pop()]:
                if item >= 0:
                    nodes.append(item)
                else:
                    todo.append(~item)
        return sorted(nodes)

    def to_json(self) -> str:
        """The tree as compact JSON, without the table and what can be computed from it."""
        numbers = {scope: number for number, scope in enumerate(self.order)}
        children = [self.children[scope] for scope in self.order]
        items = [item if item >= 0 else ~numbers[~item] for items in children for item in items]
        counts = list(map(len, children))
        data = {
            "version": VERSION,
            "into": number_text.text(column(self.into)),
            "names": [self.names[scope] for scope in self.order],
            "labels": [self.labels[scope] for scope in self.order],
            "kinds": [self.kinds[scope] for scope in self.order],
            "children": [number_text.text(column(part)) for part in (counts, items)],
            "titles": self.titles,
            "notes": {numbers[scope]: note for scope, note in self.notes.items()},
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    @collector_paused()
    def from_json(cls, table: NodeTable, text: str | bytes) -> Hierarchy:
        """Read `to_json` for the same table; checked, since a job wrote it from an untrusted file.

        Raises: CorruptModel.
        """
        try:
            data = json.loads(text)
            if data["version"] != VERSION:
                raise ValueError("written by another version")
            titles = {int(node): str(title) for node, title in data["titles"].items()}
            names, into = data["names"], number_text.numbers("into", data["into"])
            counts, items = (number_text.numbers("children", part) for part in data["children"])
            if not len(names) == len(data["labels"]) == len(data["kinds"]) == len(counts):
                raise ValueError("columns of different lengths")
            for key in ("names", "labels", "kinds"):
                check_list(key, data[key], str)
            if len(set(names)) != len(names):
                raise ValueError("scopes share an id")
            parents = _parents(len(table), into, counts, items).tolist()
            start, flat = Lists(starts(counts), items).flat()
            children = [flat[first:last] for first, last in pairwise(start)]
            notes = {int(scope): str(note) for scope, note in data["notes"].items()}
            tree = Tree(names, data["labels"], data["kinds"], parents, children, titles, notes)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as err:
            raise CorruptModel("hierarchy", "JSON", str(err)) from err
        return cls(table, into.tolist(), tree)


@collector_paused()
def build(table: NodeTable) -> Hierarchy:
    """The hierarchy of a node table."""
    folding = fold(table)
    tree = Tree()
    into = folding.into
    drawn = [node for node in folding.order if into[node] < 0]
    names, ours = loops.scoped_names(table)
    scopes.by_name(tree, 0, [node for node in drawn if not folding.plumbing[node]], names)
    for scope, name in enumerate(tree.names):
        if name in ours:
            tree.kinds[scope] = "group"
    scopes.collapse(tree, 1)
    is_argument = [op == ARGUMENT for op in table.ops]
    op = table.op.tolist()
    arguments = [node for node in drawn if is_argument[op[node]]]
    scopes.lift_bodies(tree, set(arguments))
    scopes.drop_head(tree, scopes.sizes(tree), loops.loop_scopes(table))
    for which, label in ((BEHIND, TRAINING), (APART, PLUMBING)):
        apart = [node for node in drawn if folding.plumbing[node] == which]
        if not apart:
            continue
        group = tree.add(label + "/", label, "plumbing", 0)
        if {table.op_of(node) for node in apart} == {"NoOp"}:
            tree.labels[group] = ORDER
        tree.children[0].append(~group)
        scopes.by_name(tree, group, apart, table.names)
        scopes.collapse(tree, group + 1)
    scopes.strip_suffix(tree, table.names)
    scopes.shorten_arguments(tree, arguments, table.names)
    _unique(tree)
    _group_wide_levels(tree, table, folding)
    loops.say_what_runs(tree, table)
    return Hierarchy(table, folding.into, tree)


def _group_wide_levels(tree: Tree, table: NodeTable, folding: Folding) -> None:
    """Arrange every level of more than 14 items, and the levels inside of the new groups."""
    taken = set(tree.names)
    todo: list[tuple[int, Level]] = []
    op = table.op.tolist()
    alike = scopes.structures(tree, op)
    for scope, edges in _level_edges(tree, table, folding).items():
        items = tree.children[scope]
        labels = [scopes.label_of(tree, item, table.names) for item in items]
        sorts = [op[item] if item >= 0 else alike[~item] for item in items]
        runs = [
            run_of(sort, label, table.ops[op[item]] if item >= 0 else "")
            for item, label, sort in zip(items, labels, sorts, strict=True)
        ]
        todo.append((scope, Level(items, labels, edges, sorts, runs)))
    while todo:
        scope, level = todo.pop()

        def make(group: Group, inside: Level, scope: int = scope) -> int:
            name = base = f"{tree.names[scope]}~{group.label}/"
            number = 1
            while name in taken:
                number += 1
                name = f"{base[:-1]}~{number}/"
            taken.add(name)
            kind = "section" if group.kind == "block" else group.kind
            new = tree.add(name, group.label, kind, scope)
            if group.note:
                tree.notes[new] = group.note
            tree.children[new] = inside.items
            for item in inside.items:
                if item < 0:
                    tree.parents[~item] = new
            if len(inside.items) > (WIDE if group.kind == "group" else TOO_WIDE):
                todo.append((new, inside))
            return ~new

        first, last = _ends(tree, table, level)
        between = _without(level, {*first, *last})
        tree.children[scope] = [*first, *arrange(between, make).items, *last]


def _ends(tree: Tree, table: NodeTable, level: Level) -> tuple[list[int], list[int]]:
    """Items that stay outside of groups: inputs, and outputs, if they are few; plumbing."""
    fetches = {table.get(name) for name in table.fetches}
    feeds = {table.get(name) for name in table.feeds}
    read = {level.items[a] for a, _ in level.edges}
    reading = {level.items[b] for _, b in level.edges}
    nodes = [item for item in level.items if item >= 0]
    inputs = [
        node
        for node in nodes
        if (node in feeds or table.op_of(node) == "Placeholder") and node not in reading
    ]
    outputs = [node for node in nodes if node in fetches and node not in read]
    outputs = [node for node in outputs if node not in inputs]
    plumbing = [item for item in level.items if item < 0 and tree.kinds[~item] == "plumbing"]
    first = inputs if len(inputs) <= MAX_ENDS else []
    return first, (outputs if len(outputs) <= MAX_ENDS else []) + plumbing


def _without(level: Level, items: set[int]) -> Level:
    if not items:
        return level
    keep = [place for place, item in enumerate(level.items) if item not in items]
    new = {old: number for number, old in enumerate(keep)}
    return Level(
        [level.items[place] for place in keep],
        [level.labels[place] for place in keep],
        {(new[a], new[b]) for a, b in level.edges if a in new and b in new},
        [level.sorts[place] for place in keep],
        [level.runs[place] for place in keep],
    )


def _level_edges(tree: Tree, table: NodeTable, folding: Folding) -> dict[int, Edges]:
    """For every wide scope, the edges between its items, by the edges between their nodes."""
    order = scopes.downward(tree)
    wide = [scope for scope in order if len(tree.children[scope]) > WIDE]
    edges: dict[int, Edges] = {scope: set() for scope in wide}
    if not wide:
        return edges
    count, scope_count = len(table), len(tree.names)
    depth, place, home = [0] * scope_count, [0] * (count + scope_count), [-1] * count
    for scope in order:
        for number, item in enumerate(tree.children[scope]):
            if item < 0:
                place[count + ~item] = number
                depth[~item] = depth[scope] + 1
            else:
                place[item] = number
                home[item] = scope
    places, depths = np.array(place), np.array(depth)
    above, a, b = _common_scopes(table, folding, np.array(home), np.array(tree.parents), depths)
    is_wide = np.zeros(scope_count, np.bool_)
    is_wide[wide] = True
    chosen = is_wide[above] & (a != b)
    above, a, b = above[chosen], places[a[chosen]], places[b[chosen]]
    by_scope = np.argsort(above, kind="stable")
    above, a, b = above[by_scope], a[by_scope], b[by_scope]
    cuts: list[int] = np.flatnonzero(np.diff(above, prepend=-1)).tolist()
    for first, last in pairwise([*cuts, len(above)]):
        ends = a[first:last].tolist(), b[first:last].tolist()
        edges[int(above[first])] = set(zip(*ends, strict=True))
    return edges


def _common_scopes(
    table: NodeTable, folding: Folding, home: Ints, parents: Ints, depth: Ints
) -> tuple[Ints, Ints, Ints]:
    """Per edge between drawn nodes, the innermost scope of both, and the items in it they are in.

    Args:
        home: Per node, the scope that it is directly in.
    Returns: Scopes; items twice, a scope as its number after those of the nodes.
    """
    source, _, node = table.edges
    waits, waiting = pairs(table.controls)
    source, node = np.append(source, waits), np.append(node, waiting)
    into = np.array(folding.into, np.int64)
    is_next, is_merge = table.of_ops(NEXT_ITERATIONS), table.of_ops(MERGES)
    drawn = (into[source] < 0) & (into[node] < 0) & (source != node)
    drawn &= ~(is_next[source] & is_merge[node])
    a, b = source[drawn], node[drawn]
    above_a, above_b = home[a], home[b]
    apart = np.flatnonzero(above_a != above_b)
    while apart.size:
        one, two = above_a[apart], above_b[apart]
        is_deeper = depth[one] >= depth[two]
        up, down = apart[is_deeper], apart[~is_deeper]
        a[up], above_a[up] = len(table) + above_a[up], parents[above_a[up]]
        b[down], above_b[down] = len(table) + above_b[down], parents[above_b[down]]
        apart = apart[above_a[apart] != above_b[apart]]
    return above_a, a, b


def _unique(tree: Tree) -> None:
    """Make the ids of scopes unique, whatever a hostile model calls its nodes."""
    taken: set[str] = set()
    for scope in scopes.downward(tree):
        name, number = tree.names[scope], 1
        while name in taken:
            number += 1
            name = f"{tree.names[scope]}~{number}/"
        tree.names[scope] = name
        taken.add(name)


def _parents(count: int, into: Column, counts: Column, items: Column) -> Column:
    """The parent of each scope; checks that every drawn node is in the tree exactly once.

    Args:
        count: The number of nodes.
        counts: Per scope, how many of the items are in it.
    """
    if len(into) != count or not _between(into, -1, count):
        raise ValueError("column into does not fit the nodes")
    if np.any(into[into[into >= 0]] >= 0):
        raise ValueError("a node is folded into one that is folded itself")
    scopes = len(counts)
    if np.any(counts < 0) or counts.sum() != len(items) or not _between(items, -scopes, count):
        raise ValueError("column children does not fit the nodes and scopes")
    owner = np.repeat(np.arange(scopes, dtype=np.int32), counts)
    inner, above = ~items[items < 0], owner[items < 0]
    if np.any(inner <= above) or len(np.unique(inner)) < len(inner):
        raise ValueError("a scope is in the tree twice, or above itself")
    placed = np.bincount(items[items >= 0], minlength=count)
    if np.any(placed[into >= 0]) or np.any(placed > 1):
        raise ValueError("a node is in the tree twice, or folded and in the tree")
    if not np.all(placed[into < 0]):
        raise ValueError("a node is not in the tree")
    parents = np.full(scopes, -1, np.int32)
    parents[inner] = above
    return parents


def _between(values: Column, lowest: int, end: int) -> bool:
    return not values.size or bool(lowest <= values.min() and values.max() < end)
