"""Finds the checkpoint key of each variable by walking back from the graph's restore op.

The restore op of every saver, of TensorFlow 1 and 2 alike, runs ``Assign`` ops whose values come
from ``RestoreV2``, which lists the keys. Functions are inlined first. The object graph of
TensorFlow 2 is not needed.

Source: python/training/saver.py; python/checkpoint/functional_saver.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from inspector.graph.graph import Graph, data_inputs, split_input
from inspector.graph.inline import inline
from inspector.graph.op_sets import ASSIGNS, RESTORES, TABLE_IMPORTS
from inspector.graph.protos import NodeDef, OpDef
from inspector.graph.tensors import STRING, elements, to_numpy

_MAX_SPLAT = 10_000
_PASSING = ("Identity", "IdentityN", "Reshape", "Cast", "Enter", "Switch")


@dataclass(frozen=True)
class Key:
    """One tensor of the checkpoint, or the part of it that ``shape_and_slices`` names."""

    name: str
    slice_spec: str = ""


@dataclass
class Restored:
    """What the restore op assigns.

    Attributes:
        variables: Name of a variable's node to its key.
        tables: Name of a table's node to the keys of its keys and values.
    """

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
    """Variable to key, from every assignment in the main graph of a restored tensor."""
    return _assigned(graph).variables


def _assigned(flat: Graph) -> Restored:
    restored = Restored()
    keys: dict[str, list[Key]] = {}
    for node in flat:
        if node.op in ASSIGNS:
            inputs = data_inputs(node)
            if len(inputs) < 2:
                continue
            variable = _behind(flat, inputs[0])
            key = _key(flat, inputs[1], keys)
            if variable is not None and key is not None:
                restored.variables.setdefault(variable[0].name, key)
        elif node.op in TABLE_IMPORTS:
            inputs = data_inputs(node)
            if len(inputs) < 3:
                continue
            table = _behind(flat, inputs[0])
            pair = _key(flat, inputs[1], keys), _key(flat, inputs[2], keys)
            if table is not None and pair[0] is not None and pair[1] is not None:
                restored.tables.setdefault(table[0].name, (pair[0], pair[1]))
    return restored


def _behind(graph: Graph, text: str) -> tuple[NodeDef, int] | None:
    """The node and port that produce a tensor, past ops that pass it on unchanged."""
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


def _key(graph: Graph, text: str, keys_of_node: dict[str, list[Key]]) -> Key | None:
    source = _behind(graph, text)
    if source is None or source[0].op not in RESTORES:
        return None
    node, port = source
    if node.name not in keys_of_node:
        inputs = data_inputs(node)
        names = _strings(graph, inputs[1]) if len(inputs) > 1 else []
        specs = _strings(graph, inputs[2]) if len(inputs) > 2 else []
        specs += [""] * (len(names) - len(specs))
        keys_of_node[node.name] = [Key(*pair) for pair in zip(names, specs, strict=False)]
    keys = keys_of_node[node.name]
    return keys[port] if port < len(keys) else None


def _strings(graph: Graph, text: str) -> list[str]:
    source = _behind(graph, text)
    if source is None or "value" not in source[0].attr:
        return []
    tensor = source[0].attr["value"].tensor
    # One string repeated many times is no list of keys, and would take gigabytes expanded.
    if tensor.dtype != STRING or elements(tensor) > max(len(tensor.string_val), _MAX_SPLAT):
        return []
    return [item.decode(errors="replace") for item in to_numpy(tensor, where=text).ravel()]
