"""Random numbers of a graph, made repeatable, and varied to find the outputs that depend on them.

A graph with dropout gives other values on every run, or by chance the same. So a check runs such a
graph several times: with seeds of its own, and with uniform numbers that are all low or all high,
which drops everything and nothing. An output that is the same in all these runs does not depend on
the numbers.

Source: tensorflow/core/ops/random_ops.cc, stateless_random_ops_v2.cc.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inspector.graph import op_safety, opdefs, tensors
from inspector.graph.functions import reachable
from inspector.graph.graph import Graph, Names, control_inputs, data_inputs, node_name
from inspector.graph.protos import FunctionDefLibrary, NodeDef

_SEEDS = (1, 2)
_EXTREMES = (0.0, 0.999)
"""Values in place of uniform numbers, which are from 0 to below 1."""
_UNIFORM: Mapping[str, tuple[int, str]] = {
    "RandomUniform": (0, "T"),
    "StatelessRandomUniform": (0, "T"),
    "StatelessRandomUniformV2": (0, "Tshape"),
    "StatefulUniform": (2, "shape_dtype"),
}
"""Ops of uniform numbers to the input that is their shape, and the attribute of its dtype."""
_RANDOM = "random"
_SEEDED = frozenset({"seed", "seed2"})
_MOST_SEED = (1 << 31) - 1


def draws(graph: Graph, outputs: Iterable[str]) -> bool:
    """Whether the outputs need nodes that draw random numbers, also inside functions."""
    return any(True for _ in _drawing(graph, outputs))


def variants(graph: Graph, outputs: Iterable[str]) -> list[Graph]:
    """The graphs to run in place of one, each with random numbers that are the same in every run.

    The graph itself where its outputs draw none.
    """
    if not draws(graph, outputs):
        return [graph]
    return [_changed(graph, seed, None) for seed in _SEEDS] + [
        _changed(graph, _SEEDS[0], value) for value in _EXTREMES
    ]


def _drawing(graph: Graph, outputs: Iterable[str]) -> Iterator[NodeDef]:
    needed = graph.ancestors(map(node_name, outputs))
    nodes = [node for node in graph if node.name in needed]
    functions = reachable(graph.library, nodes).function
    for node in (*nodes, *(node for function in functions for node in function.node_def)):
        if _is_random(node):
            yield node


def _is_random(node: NodeDef) -> bool:
    return node.op in _UNIFORM or op_safety.class_of(node.op).name == _RANDOM


def _changed(graph: Graph, seed: int, uniform: float | None) -> Graph:
    """The graph with seeds for its random ops, or with one value for all uniform numbers."""
    change = _Change(seed, uniform)
    library = graph.library
    if any(_is_random(node) for function in library.function for node in function.node_def):
        library = FunctionDefLibrary()
        library.CopyFrom(graph.library)
        for function in library.function:
            body = change.nodes(list(function.node_def), in_body=True)
            copies = [NodeDef.FromString(node.SerializeToString()) for node in body]
            del function.node_def[:]
            function.node_def.extend(copies)
    return Graph(change.nodes(graph.nodes, in_body=False), library, graph.versions)


@dataclass(frozen=True)
class _Change:
    """Seeds for random ops, and a value for all uniform numbers; None leaves them random."""

    seed: int
    uniform: float | None

    def nodes(self, nodes: Sequence[NodeDef], *, in_body: bool) -> list[NodeDef]:
        """The nodes of a graph, or of a function's body, whose input strings differ."""
        names = Names(node.name for node in nodes)
        changed: list[NodeDef] = []
        for node in nodes:
            if node.op in _UNIFORM and self.uniform is not None:
                changed += _filled(node, self.uniform, names, in_body=in_body)
            elif _is_random(node):
                changed.append(self._seeded(node))
            else:
                changed.append(node)
        return changed

    def _seeded(self, node: NodeDef) -> NodeDef:
        definition = opdefs.get(node.op)
        if definition is None or not {item.name for item in definition.attr} >= _SEEDED:
            return node
        copy = NodeDef()
        copy.CopyFrom(node)
        # A seed for each name: one for all would draw equal numbers, whose difference is 0.
        copy.attr["seed"].i = self.seed
        copy.attr["seed2"].i = 1 + zlib.crc32(node.name.encode()) % _MOST_SEED
        return copy


def _filled(node: NodeDef, value: float, names: Names, *, in_body: bool) -> list[NodeDef]:
    """Nodes that give one number in the shape in which a node gives uniform numbers."""
    place, key = _UNIFORM[node.op]
    dtype, index, inputs = opdefs.attr(node, "dtype"), opdefs.attr(node, key), data_inputs(node)
    numpy = None if dtype is None else tensors.numpy_dtype(dtype.type)
    if dtype is None or numpy is None or index is None or place >= len(inputs):
        return [node]
    const = NodeDef(name=names.free(f"{node.name}_value"), op="Const", device=node.device)
    const.attr["dtype"].type = dtype.type
    const.attr["value"].tensor.CopyFrom(tensors.from_numpy(np.asarray(value, numpy)))
    text = f"{const.name}:output:0" if in_body else const.name
    if not in_body:  # of TensorFlow 1, where the loop or branch of a constant is that of its inputs
        const.input.append(f"^{node_name(inputs[place])}")
    fill = NodeDef(name=node.name, op="Fill", device=node.device)
    fill.input.extend([inputs[place], text, *control_inputs(node)])
    fill.attr["T"].type = dtype.type
    fill.attr["index_type"].type = index.type
    return [const, fill]
