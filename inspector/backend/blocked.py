"""Which ops a run would execute that are not run for a model that may come from a stranger.

Only what the run reaches counts: the nodes behind the fetches, those that fill tables, those that
restore variables, and the functions that any of them calls. A SavedModel's way to save itself is
on none of these. A table may be filled from the model's own assets, variables restored from its own
checkpoint; the same ops with any other file are blocked.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from inspector import opdefs
from inspector.errors import BlockedOp
from inspector.flagged import flag, is_blocked
from inspector.functions import function_names
from inspector.graph import Graph, data_inputs, node_name
from inspector.protos import GraphDef, NodeDef
from inspector.variable_values import identity

# Ops that read a file, and which of their inputs is its path.
_READERS = {
    "InitializeTableFromTextFile": 1,
    "InitializeTableFromTextFileV2": 1,
    "Restore": 0,
    "RestoreSlice": 0,
    "RestoreV2": 0,
}
_HOPS = 32
_HARMLESS = {"AssignVariableOp", "ReadVariableOp", "VarIsInitializedOp"}
# Where the first argument of a function stands among the inputs of the node that calls it.
_FIRST_ARG = {"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}


@dataclass(frozen=True)
class _Part:
    """Nodes that run, and which names among them hold the path of one of the model's own files."""

    nodes: Sequence[NodeDef]
    own_files: frozenset[str]


def blocked_ops(
    graph: Graph | GraphDef,
    fetches: Iterable[str] | None = None,
    *,
    feeds: Iterable[str] = (),
    once: Iterable[str] = (),
    own_files: Collection[str] = (),
) -> list[tuple[str, str]]:
    """The blocked ops that a run would reach, and why each is blocked, by name.

    Args:
        graph: Its constants' values may be left out.
        fetches: Names of nodes or tensors; all nodes when None.
        feeds: What is behind these does not run.
        once: Names of nodes that run when the model is loaded: restore variables, fill tables.
        own_files: Names of the nodes or tensors that the loader feeds with paths of its own: the
            assets, and the prefix of the checkpoint.
    """
    if not isinstance(graph, Graph):
        graph = Graph.of(graph)
    own = frozenset(node_name(name) for name in own_files)
    own |= _read_from_own(graph, own)
    known = opdefs.known_ops()
    bodies = {function.signature.name: function for function in graph.library.function}
    todo = [_behind(graph, fetches, feeds, own), _behind(graph, once, (), own)]
    seen: set[tuple[str, tuple[bool, ...]]] = set()
    found: dict[str, str] = {}
    while todo:
        part = todo.pop()
        named = {node.name: node for node in part.nodes}
        for node in part.nodes:
            called = [name for name in (node.op, *function_names(node)) if name in bodies]
            if node.op in _READERS:
                paths = data_inputs(node)[_READERS[node.op] :][:1]
                if not paths or not _is_own(paths[0], named, part.own_files):
                    found[node.op] = _why(node.op)
            elif (node.op not in bodies or node.op in known) and is_blocked(node.op):
                found[node.op] = _why(node.op)
            if not called:
                continue
            given = data_inputs(node)[_FIRST_ARG.get(node.op, 0) :]
            mask = tuple(_is_own(text, named, part.own_files) for text in given)
            for name in called:
                key = (name, mask)
                if key not in seen:  # so that calls of calls of calls cost no more than one each
                    seen.add(key)
                    args = [arg.name for arg in bodies[name].signature.input_arg]
                    files = frozenset(itertools.compress(args, mask))
                    todo.append(_Part(bodies[name].node_def, files))
    return sorted(found.items())


def refuse(name: str, found: Sequence[tuple[str, str]]) -> None:
    """Raise BlockedOp if there are any."""
    if found:
        told = "; ".join(f"{op} {why}" for op, why in found[:5])
        raise BlockedOp(name, found[0][0], f"not run for a model you may not know: {told}")


def _behind(
    graph: Graph,
    names: Iterable[str] | None,
    feeds: Iterable[str],
    own: frozenset[str],
) -> _Part:
    if names is None:
        return _Part(graph.nodes, own)
    walls = {node_name(name) for name in feeds}
    needed = graph.ancestors([node_name(name) for name in names], walls) - walls
    return _Part([node for node in graph if node.name in needed], own)


def _read_from_own(graph: Graph, own: frozenset[str]) -> set[str]:
    """The nodes that read a variable which holds the path of an asset, as in TensorFlow 2.

    The path is put there once, and nothing else can get at the variable: no function is given it,
    no other node has its name.
    """
    bodies = (node for function in graph.library.function for node in function.node_def)
    holders = Counter(
        identity(node) for node in itertools.chain(graph, bodies) if node.op == "VarHandleOp"
    )
    found: set[str] = set()
    for node in graph:
        if node.op != "AssignVariableOp" or len(data_inputs(node)) != 2:
            continue
        handle, value = data_inputs(node)
        holder = graph.get(node_name(handle))
        if node_name(value) not in own or holder is None or holders[identity(holder)] != 1:
            continue
        readers = [graph.node(name) for name in graph.consumers(holder.name)]
        ops = Counter(reader.op for reader in readers)
        if ops["AssignVariableOp"] == 1 and set(ops) <= _HARMLESS:
            found.update(reader.name for reader in readers if reader.op == "ReadVariableOp")
    return found


def _is_own(text: str, named: dict[str, NodeDef], own: frozenset[str]) -> bool:
    """True if an input is, through a few Identity at most, a path the loader puts in."""
    for _ in range(_HOPS):
        name = text.split(":", maxsplit=1)[0]
        if name in own:
            return True
        node = named.get(name)
        if node is None or node.op != "Identity" or not node.input:
            return False
        text = node.input[0]
    return False


def _why(op: str) -> str:
    found = flag(op)
    return found.why if found is not None else ""
