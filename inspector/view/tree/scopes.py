"""The tree of scopes that node names make, before wide levels are grouped.

An item of a tree is a number: a node's index when it is zero or more, and ``~scope`` when it is
below zero (so ``~item`` is the scope again). Scope 0 is the root.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

MAX_DEPTH = 24
"""Parts of a name that make scopes; a hostile name of ten thousand slashes is one leaf."""
HEAD_SHARE = 0.8
"""A scope with more than this share of its level is a head: its label carries no information."""
HEAD_NEIGHBOURS = 12


@dataclass
class Tree:
    """Scopes in columns.

    Args:
        names: Unique id of each scope for canvas and URL: its path with a ``/`` at the end.
        labels: The titles in the picture.
        kinds: ``root``, ``name`` (the model's own), or ours: ``group``, ``chain``, ``section``,
            ``plumbing``.
        parents: The scope each scope is in; -1 for the root.
        children: Per scope, its items, sources before consumers.
        titles: Node to its title, where that is not the last part of its name.
        notes: Scope of ours to the number and sort of its items: ``16 × block``.
    """

    names: list[str] = field(default_factory=lambda: [""])
    labels: list[str] = field(default_factory=lambda: [""])
    kinds: list[str] = field(default_factory=lambda: ["root"])
    parents: list[int] = field(default_factory=lambda: [-1])
    children: list[list[int]] = field(default_factory=lambda: [[]])
    titles: dict[int, str] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)

    def add(self, name: str, label: str, kind: str, parent: int) -> int:
        """A new scope without children; the caller puts ``~scope`` in its parent's list."""
        self.names.append(name)
        self.labels.append(label)
        self.kinds.append(kind)
        self.parents.append(parent)
        self.children.append([])
        return len(self.names) - 1


def by_name(tree: Tree, root: int, nodes: Iterable[int], names: Sequence[str]) -> None:
    """Add nodes to the tree below ``root`` by the ``/`` in their names.

    A node whose name is also a path of others lives inside of its own scope.

    Args:
        nodes: Indices in drawing order, which becomes the order of children.
    """
    nodes = list(nodes)
    scopes: dict[str, int] = {}
    homes: list[int] = []
    for node in nodes:
        path, slash, _ = names[node].rpartition("/")
        if path.count("/") >= MAX_DEPTH:
            path = "/".join(path.split("/", MAX_DEPTH)[:-1])
        scope = scopes.get(path) if slash else root
        if scope is None:
            scope = _scope(tree, root, path, scopes)
        homes.append(scope)
    placed = bytearray(len(tree.names))
    for node, home in zip(nodes, homes, strict=True):
        # A path has fewer slashes than the name of a node that lies as deep as scopes go.
        item, scope = node, scopes.get(names[node], home)
        while True:
            tree.children[scope].append(item)
            if scope == root or placed[scope]:
                break
            placed[scope] = 1
            item, scope = ~scope, tree.parents[scope]


def _scope(tree: Tree, root: int, path: str, scopes: dict[str, int]) -> int:
    """The scope of a path; new, with those around it that are new too.

    Args:
        scopes: Path to scope; written to.
    """
    scope, end = root, -1
    while end < len(path):
        end = path.find("/", end + 1)
        if end < 0:
            end = len(path)
        outer = path[:end]
        inner = scopes.get(outer)
        if inner is None:
            label = outer.rpartition("/")[2] or "/"
            inner = scopes[outer] = tree.add(f"{tree.names[root]}{outer}/", label, "name", scope)
        scope = inner
    return scope


def collapse(tree: Tree, first: int) -> None:
    """Join chains of single-child scopes; a scope with one op becomes that op, with its title.

    Args:
        first: The first of the scopes to join; their parents have smaller numbers.
    """
    instead: dict[int, int] = {}
    for scope in range(len(tree.names) - 1, first - 1, -1):
        children = tree.children[scope] = [instead.get(item, item) for item in tree.children[scope]]
        if len(children) != 1:
            continue
        (child,) = children
        instead[~scope] = child
        tree.children[scope] = []
        if child >= 0:
            inner = tree.titles.get(child)
            tree.titles[child] = f"{tree.labels[scope]}/{inner}" if inner else tree.labels[scope]
        else:
            tree.labels[~child] = f"{tree.labels[scope]}/{tree.labels[~child]}"
    for parent in range(first):
        tree.children[parent] = [instead.get(item, item) for item in tree.children[parent]]
    for scope, children in enumerate(tree.children):
        for item in children:
            if item < 0:
                tree.parents[~item] = scope


def lift_bodies(tree: Tree, arguments: Collection[int]) -> None:
    """Where a body is its arguments and one scope, replace the scope by its children.

    Args:
        arguments: The nodes that are arguments of bodies.
    """
    if not arguments:
        return
    for scope in downward(tree):
        while True:
            inner = [item for item in tree.children[scope] if item not in arguments]
            if len(inner) != 1 or inner[0] >= 0 or len(inner) == len(tree.children[scope]):
                break
            at = tree.children[scope].index(inner[0])
            tree.children[scope][at : at + 1] = tree.children[~inner[0]]
            for item in tree.children[~inner[0]]:
                if item < 0:
                    tree.parents[~item] = scope
            tree.children[~inner[0]] = []


def drop_head(tree: Tree, sizes: Sequence[int], keep: Collection[str] = ()) -> None:
    """Replace a scope by its children at the root while it holds nearly all nodes.

    Args:
        sizes: Nodes below each scope.
        keep: Ids of scopes that stay: loops.
    """
    while len(tree.children[0]) <= HEAD_NEIGHBOURS:
        heads = [item for item in tree.children[0] if item < 0 and tree.kinds[~item] == "name"]
        whole = sum(1 if item >= 0 else sizes[~item] for item in tree.children[0])
        head = max(heads, key=lambda item: sizes[~item], default=0)
        if not head or tree.names[~head] in keep or sizes[~head] <= HEAD_SHARE * whole:
            return
        at = tree.children[0].index(head)
        tree.children[0][at : at + 1] = tree.children[~head]
        for item in tree.children[~head]:
            if item < 0:
                tree.parents[~item] = 0
        tree.children[~head] = []


def sizes(tree: Tree) -> list[int]:
    """Nodes below each scope."""
    counts = [0] * len(tree.names)
    for scope in downward(tree)[::-1]:
        counts[scope] = sum(1 if item >= 0 else counts[~item] for item in tree.children[scope])
    return counts


def downward(tree: Tree) -> list[int]:
    """Scopes of the tree that are in use, each after its parent."""
    order = [0]
    for scope in order:
        order += [~item for item in tree.children[scope] if item < 0]
    return order


def scope_of_nodes(tree: Tree, count: int) -> list[int]:
    """Per node of ``count``, the scope that it is directly in; 0 for a folded node."""
    scope_of = [0] * count
    for scope in downward(tree):
        for item in tree.children[scope]:
            if item >= 0:
                scope_of[item] = scope
    return scope_of


def path(tree: Tree, scope: int) -> list[int]:
    """A scope and those around it, outermost first, without the root."""
    scopes = []
    while scope > 0:
        scopes.append(scope)
        scope = tree.parents[scope]
    return scopes[::-1]


def strip_suffix(tree: Tree, names: Sequence[str]) -> None:
    """Drop Keras' ``_1`` where more than four fifths of a level have it (a model called twice)."""
    for scope in downward(tree):
        children = tree.children[scope]
        if len(children) < 4:
            continue
        labels = [label_of(tree, item, names) for item in children]
        heads = [label.partition("/")[0] for label in labels]
        marked = sum(head.endswith("_1") for head in heads)
        if marked < 4 or marked <= 0.8 * len(labels):
            continue
        for item, label, head in zip(children, labels, heads, strict=True):
            short = head.removesuffix("_1") + label[len(head) :]
            if short in ("", label):
                continue
            if item < 0:
                tree.labels[~item] = short
            else:
                tree.titles[item] = short


def shorten_arguments(tree: Tree, arguments: Collection[int], names: Sequence[str]) -> None:
    """Drop the common prefix of the arguments of a body: the path to it, with ``_``."""
    bodies: dict[str, list[int]] = {}
    for node in arguments:
        bodies.setdefault(names[node].rpartition("/")[0], []).append(node)
    for nodes in bodies.values():
        labels = [label_of(tree, node, names) for node in nodes]
        low, high = min(labels), max(labels)  # all labels share the prefix of these two
        same = next(
            (n for n, pair in enumerate(zip(low, high, strict=False)) if len(set(pair)) > 1), 0
        )
        start = low[: low.rfind("_", 0, min(same, 400)) + 1]
        if len(nodes) < 2 or start.count("_") < 2:
            continue
        for node, label in zip(nodes, labels, strict=True):
            short = label
            while short.startswith(start) and len(short) > len(start):
                short = short[len(start) :]
            tree.titles[node] = short


def label_of(tree: Tree, item: int, names: Sequence[str]) -> str:
    """The title of an item in the picture."""
    if item < 0:
        return tree.labels[~item]
    return tree.titles.get(item) or names[item].rpartition("/")[2] or names[item]


def structures(tree: Tree, op: Sequence[int]) -> list[int]:
    """Per scope, a number that scopes with the same ops in the same order and nesting share.

    Numbers start after those of the ops, in the order of the tree.
    """
    numbers: dict[tuple[int, ...], int] = {}
    first = max(op, default=0) + 1
    structure = [0] * len(tree.names)
    for scope in reversed(downward(tree)):
        # Scopes are below zero, so that they differ from ops.
        parts = tuple(op[item] if item >= 0 else ~structure[~item] for item in tree.children[scope])
        structure[scope] = numbers.setdefault(parts, first + len(numbers))
    return structure
