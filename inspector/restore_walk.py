"""Which key of the checkpoint is which variable: told by the graph's own restore op.

The restore op of every saver, of TensorFlow 1 and 2 alike, runs ``Assign`` ops that are fed by the
outputs of ``RestoreV2``; that one lists the keys. So the graph is walked back from there, its
functions inlined. The object graph of TensorFlow 2 is not needed.

Source: python/training/saver.py; python/checkpoint/functional_saver.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from inspector.graph import Graph, data_inputs, split_input
from inspector.inlining import inline
from inspector.protos import NodeDef, OpDef
from inspector.tensors import STRING, elements, to_numpy

_ASSIGNS = ("Assign", "AssignVariableOp")
_IMPORTS = ("LookupTableImport", "LookupTableImportV2")
_RESTORES = ("RestoreV2", "Restore", "RestoreSlice")
_MOST_SPLAT = 10_000
_PASSING = ("Identity", "IdentityN", "Reshape", "Cast", "Enter", "Switch")


@dataclass(frozen=True)
class Key:
    """One tensor of the checkpoint, or the part of it that ``shape_and_slices`` names."""

    name: str
    slice_spec: str = ""


@dataclass
class Restored:
    """What the restore op fills: variable node to key; table node to the keys of its entries."""

    variables: dict[str, Key] = field(default_factory=dict)
    tables: dict[str, tuple[Key, Key]] = field(default_factory=dict)


def walk_restore(graph: Graph, restore_op: str, ops: Iterable[OpDef] = ()) -> Restored:
    """Follow the restore op back to the keys it reads.

    Raises: InvalidGraph, CorruptModel, LimitExceeded from inlining.
    """
    root = split_input(restore_op).name
    if root not in graph:
        return Restored()
    return _assigned(inline(graph, [root], ops=ops))


def assigned_keys(graph: Graph) -> dict[str, Key]:
    """Variable node to key, by all assignments of the main graph that are fed by a restore op."""
    return _assigned(graph).variables


def _assigned(flat: Graph) -> Restored:
    found = Restored()
    keys: dict[str, list[Key]] = {}
    for node in flat:
        if node.op in _ASSIGNS:
            inputs = data_inputs(node)
            if len(inputs) < 2:
                continue
            variable = _behind(flat, inputs[0])
            key = _key(flat, inputs[1], keys)
            if variable is not None and key is not None:
                found.variables.setdefault(variable[0].name, key)
        elif node.op in _IMPORTS:
            inputs = data_inputs(node)
            if len(inputs) < 3:
                continue
            table = _behind(flat, inputs[0])
            pair = _key(flat, inputs[1], keys), _key(flat, inputs[2], keys)
            if table is not None and pair[0] is not None and pair[1] is not None:
                found.tables.setdefault(table[0].name, (pair[0], pair[1]))
    return found


def _behind(graph: Graph, text: str) -> tuple[NodeDef, int] | None:
    """The node and port a tensor comes from, past nodes that only hand it on."""
    for _ in range(len(graph) + 1):
        name, port, _ = split_input(text)
        node = graph.get(name)
        if node is None:
            return None
        inputs = data_inputs(node)
        if node.op not in _PASSING or not inputs:
            return node, port
        text = inputs[port if node.op == "IdentityN" and port < len(inputs) else 0]
    return None


def _key(graph: Graph, text: str, known: dict[str, list[Key]]) -> Key | None:
    source = _behind(graph, text)
    if source is None or source[0].op not in _RESTORES:
        return None
    node, port = source
    if node.name not in known:
        inputs = data_inputs(node)
        names = _strings(graph, inputs[1]) if len(inputs) > 1 else []
        specs = _strings(graph, inputs[2]) if len(inputs) > 2 else []
        specs += [""] * (len(names) - len(specs))
        known[node.name] = [Key(*pair) for pair in zip(names, specs, strict=False)]
    keys = known[node.name]
    return keys[port] if port < len(keys) else None


def _strings(graph: Graph, text: str) -> list[str]:
    source = _behind(graph, text)
    if source is None or "value" not in source[0].attr:
        return []
    tensor = source[0].attr["value"].tensor
    # One text for very many elements is no list of keys, and would take gigabytes as one.
    if tensor.dtype != STRING or elements(tensor) > max(len(tensor.string_val), _MOST_SPLAT):
        return []
    return [item.decode(errors="replace") for item in to_numpy(tensor, where=text).ravel()]
