"""Loops and branches as scopes: those of TensorFlow 1 without names for it, and what titles say.

A frame of TensorFlow 1 is what hangs together when the edges into Enter and those out of Exit are
cut; it is a loop where it has a LoopCond. Names mostly make a scope of it already. Where they do
not, as after obfuscation, the scope is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inspector.graph import MERGES
from inspector.view.scopes import Tree
from inspector.view.summary import Summary, is_back_edge

ENTERS = ("Enter", "RefEnter")
EXITS = ("Exit", "RefExit")
_LOOPS = ("While", "StatelessWhile", "For")
MAX_DEPTH = 50
"""Most scopes of ours around one another; a loop further inside is part of the one around it."""
_BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")


def scoped_names(table: Summary) -> tuple[Sequence[str], set[str]]:
    """The names to make scopes from: a loop whose nodes share no scope gets one in front of them.

    Returns: One name per node, and the ids of the scopes that are ours.
    """
    members, parents = _frames(table)
    if not members:
        return table.names, set()
    names = list(table.names)
    ours: set[str] = set()
    paths: dict[int, str] = {}
    for number, frame in enumerate(members, start=1):
        if _is_scope(table, members[frame]):
            continue
        paths[frame] = f"loop {number}/"
    for frame, path in _nested(members, parents, paths).items():
        for node in members[frame] if path else ():
            names[node] = path + names[node]
        scope = path
        while scope and scope not in ours:
            ours.add(scope)
            scope = scope[: scope[:-1].rfind("/") + 1]
    return names, ours


def _nested(
    frames: Iterable[int], parents: Mapping[int, int], own: Mapping[int, str]
) -> dict[int, str]:
    """The path of each loop: our scopes that it is in, and its own; `MAX_DEPTH` at most."""
    found: dict[int, tuple[str, int]] = {}
    for frame in frames:
        around: dict[int, None] = {}
        at: int | None = frame
        while at is not None and at not in found and at not in around:
            around[at] = None
            at = parents.get(at)
        path, depth = ("", 0) if at is None else found.get(at, ("", 0))
        for inner in reversed(around):
            if inner in own and depth < MAX_DEPTH:
                path, depth = path + own[inner], depth + 1
            found[inner] = path, depth
    return {frame: path for frame, (path, _) in found.items()}


def _is_scope(table: Summary, nodes: Sequence[int]) -> bool:
    """Whether names make a scope of a loop already; gradients add a few nodes from elsewhere."""
    names = _of(table, nodes)
    heads = {name.partition("/")[0] for name in names}
    if len(heads) == 1 and all("/" in name for name in names):
        return True
    end = next(node for node in nodes if table.op_of(node) == "LoopCond")
    where = table.names[end].rpartition("/")[0]
    return bool(where) and sum(name.startswith(where + "/") for name in names) > len(names) / 2


def say_what_runs(tree: Tree, table: Summary) -> None:
    """Put into the titles of scopes that they are a loop, or branches."""
    index = {name: scope for scope, name in enumerate(tree.names)}
    for name, word in _runs(table).items():
        if name in index:
            tree.labels[index[name]] += f" · {word}"


def loop_scopes(table: Summary) -> set[str]:
    """The ids that the scopes of loops have."""
    return {name for name, word in _runs(table).items() if word == "loop"}


def _runs(table: Summary) -> dict[str, str]:
    """Ids of scopes that are a loop, or branches, and which."""
    wanted = [
        (_LOOPS, "loop"),
        (_BRANCHES, "branches"),
        (("LoopCond",), "loop"),
        (MERGES, "branches"),
    ]
    says = {op: word for ops, word in wanted for op in ops}
    found: dict[str, str] = {}
    for node, op in enumerate(table.op):
        word = says.get(table.ops[op])
        if word is None:
            continue
        name = table.names[node]
        above = name.rpartition("/")[0]
        if table.ops[op] in (*_LOOPS, *_BRANCHES):
            found.setdefault(f"{name}/", word)
        elif table.ops[op] == "LoopCond" or _ends_branches(table, node, above):
            found.setdefault(f"{above}/", word)
    return found


def _ends_branches(table: Summary, merge: int, scope: str) -> bool:
    """Whether a Merge is the end of what TensorFlow 1 makes of a condition."""
    is_loop = any(is_back_edge(table, source, merge) for source, _ in table.sources(merge))
    return not is_loop and table.get(f"{scope}/pred_id") is not None


def _of(table: Summary, nodes: Sequence[int]) -> list[str]:
    return [table.names[node] for node in nodes]


def _frames(table: Summary) -> tuple[dict[int, list[int]], dict[int, int]]:
    """Nodes of each loop of frames, by any of them, and the loop that a loop is in."""
    count = len(table)
    ops = [table.ops[op] for op in table.op]
    if "LoopCond" not in table.ops:
        return {}, {}
    part = list(range(count))

    def root(node: int) -> int:
        while part[node] != node:
            part[node] = part[part[node]]
            node = part[node]
        return node

    for node in range(count):
        if ops[node] in ENTERS:
            continue
        for source in (*(found for found, _ in table.sources(node)), *table.controls.get(node, ())):
            if ops[source] not in EXITS:
                part[root(source)] = root(node)
    members: dict[int, list[int]] = {
        root(node): [] for node in range(count) if ops[node] == "LoopCond"
    }
    for node in range(count):
        found = members.get(root(node))
        if found is not None:
            found.append(node)
    parents: dict[int, int] = {}
    after: dict[int, int] = {}
    for frame, nodes in members.items():
        for node in nodes:
            if ops[node] in ENTERS:
                for source, _ in table.sources(node):
                    outer = root(source)
                    if outer in members and outer != frame:
                        (after if ops[source] in EXITS else parents).setdefault(frame, outer)
    return members, _beside(members, parents, after)


def _beside(
    frames: Iterable[int], parents: Mapping[int, int], after: Mapping[int, int]
) -> dict[int, int]:
    """The loop that each loop is in; one that starts with what another leaves is beside that."""
    found: dict[int, int | None] = {}
    for frame in frames:
        chain: dict[int, None] = {}
        at: int | None = frame
        while at is not None and at not in found and at not in parents and at not in chain:
            chain[at] = None
            at = after.get(at)
        outer = None if at is None else found[at] if at in found else parents.get(at)
        found.update(dict.fromkeys([*chain, frame], outer))
    return {frame: outer for frame, outer in found.items() if outer is not None}
