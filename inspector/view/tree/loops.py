"""Loops and branches as scopes: scopes for loops of TensorFlow 1, and words in titles.

A frame of TensorFlow 1 is a connected part of the graph without the edges into Enter and out of
Exit; it is a loop if it has a LoopCond. Usually the names of its nodes make a scope of it. Where
they do not, as after obfuscation, a scope of ours is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from inspector.graph.control_flow import NO_LOOP, loops_of
from inspector.graph.op_sets import BRANCHES, ENTERS, EXITS, MERGES, WHILES
from inspector.view.table.node_table import NodeTable, is_back_edge
from inspector.view.tree.scopes import Tree

_LOOPS = WHILES | {"For"}
MAX_DEPTH = 50
"""Most nested scopes of ours; a loop further inside is part of the one around it."""


def scoped_names(table: NodeTable) -> tuple[Sequence[str], set[str]]:
    """The names to make scopes from: nodes of a loop without a scope get one before their names.

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
    """The path of each loop: the scopes of ours around it and its own, at most `MAX_DEPTH`."""
    nesting: dict[int, tuple[str, int]] = {}
    for frame in frames:
        around: dict[int, None] = {}
        at: int | None = frame
        while at is not None and at not in nesting and at not in around:
            around[at] = None
            at = parents.get(at)
        path, depth = ("", 0) if at is None else nesting.get(at, ("", 0))
        for inner in reversed(around):
            if inner in own and depth < MAX_DEPTH:
                path, depth = path + own[inner], depth + 1
            nesting[inner] = path, depth
    return {frame: path for frame, (path, _) in nesting.items()}


def _is_scope(table: NodeTable, nodes: Sequence[int]) -> bool:
    """Whether a loop has a scope by its names; gradients add a few nodes of other scopes."""
    names = _of(table, nodes)
    heads = {name.partition("/")[0] for name in names}
    if len(heads) == 1 and all("/" in name for name in names):
        return True
    end = next(node for node in nodes if table.op_of(node) == "LoopCond")
    where = table.names[end].rpartition("/")[0]
    return bool(where) and sum(name.startswith(where + "/") for name in names) > len(names) / 2


def say_what_runs(tree: Tree, table: NodeTable) -> None:
    """Add ``loop`` or ``branches`` to the titles of the scopes that are."""
    index = {name: scope for scope, name in enumerate(tree.names)}
    for name, word in _runs(table).items():
        if name in index:
            tree.labels[index[name]] += f" · {word}"


def loop_scopes(table: NodeTable) -> set[str]:
    """The ids of the scopes of loops."""
    return {name for name, word in _runs(table).items() if word == "loop"}


def _runs(table: NodeTable) -> dict[str, str]:
    """Id of each scope that is a loop or branches to that word."""
    ops_and_words = [
        (_LOOPS, "loop"),
        (BRANCHES, "branches"),
        (("LoopCond",), "loop"),
        (MERGES, "branches"),
    ]
    word_of_op = {op: word for ops, word in ops_and_words for op in ops}
    words: dict[str, str] = {}
    for node in np.flatnonzero(table.of_ops(word_of_op)).tolist():
        op, name = table.op_of(node), table.names[node]
        word = word_of_op[op]
        above = name.rpartition("/")[0]
        if op in _LOOPS | BRANCHES:
            words.setdefault(f"{name}/", word)
        elif op == "LoopCond" or _ends_branches(table, node, above):
            words.setdefault(f"{above}/", word)
    return words


def _ends_branches(table: NodeTable, merge: int, scope: str) -> bool:
    """Whether a Merge is an output of a ``tf.cond`` of TensorFlow 1."""
    is_loop = any(is_back_edge(table, source, merge) for source, _ in table.sources(merge))
    return not is_loop and table.get(f"{scope}/pred_id") is not None


def _of(table: NodeTable, nodes: Sequence[int]) -> list[str]:
    return [table.names[node] for node in nodes]


def _frames(table: NodeTable) -> tuple[dict[int, list[int]], dict[int, int]]:
    """The nodes of each loop of frames, by one of them, and the loop around each loop."""
    if "LoopCond" not in table.ops:
        return {}, {}
    ops = [table.ops[op] for op in table.op]
    conditions = [node for node, op in enumerate(ops) if op == "LoopCond"]
    edges = [
        (source, node)
        for node in range(len(table))
        for source in (
            *(source for source, _ in table.sources(node)),
            *table.controls.get(node, ()),
        )
    ]
    pairs = np.array(edges, np.int32).reshape(-1, 2)
    enters = np.array([op in ENTERS for op in ops])
    exits = np.array([op in EXITS for op in ops])
    loop_of = loops_of(pairs[:, 0], pairs[:, 1], enters, exits, conditions)
    members: dict[int, list[int]] = {loop_of[node]: [] for node in conditions}
    for node, loop in enumerate(loop_of):
        if loop != NO_LOOP:
            members[loop].append(node)
    parents: dict[int, int] = {}
    after: dict[int, int] = {}
    for frame, nodes in members.items():
        entries = [node for node in nodes if ops[node] in ENTERS]
        for source in (source for node in entries for source, _ in table.sources(node)):
            outer = loop_of[source]
            if outer not in (NO_LOOP, frame):
                (after if ops[source] in EXITS else parents).setdefault(frame, outer)
    return members, _beside(members, parents, after)


def _beside(
    frames: Iterable[int], parents: Mapping[int, int], after: Mapping[int, int]
) -> dict[int, int]:
    """The loop around each loop; a loop that starts with the result of another is beside it."""
    outer_of: dict[int, int | None] = {}
    for frame in frames:
        chain: dict[int, None] = {}
        at: int | None = frame
        while at is not None and at not in outer_of and at not in parents and at not in chain:
            chain[at] = None
            at = after.get(at)
        outer = None if at is None else outer_of[at] if at in outer_of else parents.get(at)
        outer_of.update(dict.fromkeys([*chain, frame], outer))
    return {frame: outer for frame, outer in outer_of.items() if outer is not None}
