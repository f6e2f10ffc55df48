"""The value that a generated scalar should have: as in prediction, and one that its readers take.

A graph would run with any ``keep_prob`` or ``phase_train``; their names say what they are. Dropout
is recognised without a name too, by the random numbers that its scalar is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from inspector.graph.graph import Graph, data_inputs, node_name
from inspector.graph.op_sets import BRANCHES
from inspector.graph.protos import NodeDef

_KEEP = re.compile(r"keep|(^|_)kp($|_)")
_TRAINING = re.compile(
    r"(^|_)(is_?)?train(ing)?$|phase_?train|train(ing)?_?(phase|mode|flag)|learning_?phase"
    r"|(^|_)phase$|is_?train"
)
_RATE = re.compile(r"drop_?(out)?(_?(rate|prob|probability|ratio|p))?$")
_RANDOM = re.compile(r"(Stateless|Stateful)?RandomUniform\w*|StatefulUniform")
_SCALES = frozenset({"Add", "AddV2", "Mul", "Identity", "Cast"})
_MOST_SCALES = 4
"""Ops that make uniform numbers of another range out of those from 0 to 1."""
_SHARE = re.compile(r"NonMaxSuppression(V[2345])")
"""Ops whose input 3 is refused outside of 0 to 1."""


@dataclass(frozen=True)
class Read:
    """One input of a node: the fed tensor, or what elementwise ops made of it.

    Attributes:
        same_shape: The ops between cannot have changed the rank.
    """

    node: NodeDef
    at: int
    same_shape: bool


def of_scalar(graph: Graph, tensor: str, kind: str, reads: Iterable[Read]) -> float | None:
    """The value of a fed scalar; None where any will do.

    Args:
        kind: Numpy's letter for the kind of its dtype.
        reads: The inputs that it reaches, the nearest first.
    """
    name = re.sub(r"_\d+$", "", node_name(tensor).rsplit("/", 1)[-1])
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if kind in "biu":
        return _flag(name, kind, reads)
    if _KEEP.search(name):
        return 1.0
    return 0.0 if _RATE.search(name) else _share(graph, reads)


def _flag(name: str, kind: str, reads: Iterable[Read]) -> float | None:
    """Of a predicate or the number of a branch."""
    if _TRAINING.search(name):
        return 0.0
    ops = {read.node.op for read in reads}
    if kind == "b":
        return 1.0 if "Assert" in ops else 0.0
    return 0.0 if ops & BRANCHES else None


def _share(graph: Graph, reads: Iterable[Read]) -> float | None:
    """Of a number from 0 to 1: of dropout the one that keeps all."""
    is_inverted = False
    for read in reads:
        op, at = read.node.op, read.at
        if at == 3 and _SHARE.fullmatch(op):
            return 0.5
        if op == "Sub" and at == 1:
            is_inverted = True
        if not _meets_random(graph, read.node, at):
            continue
        if op.startswith(("Add", "Less", "Greater")):
            keeps_high = op.startswith("Add") or (op.startswith("Less") == (at == 1))
            return 1.0 if keeps_high != is_inverted else 0.0
    return None


def _meets_random(graph: Graph, node: NodeDef, at: int) -> bool:
    """Whether the other input of an op of two comes from uniform random numbers."""
    texts = data_inputs(node)
    if len(texts) != 2 or at > 1:
        return False
    source = graph.get(node_name(texts[1 - at]))
    for _ in range(_MOST_SCALES):
        if source is None or _RANDOM.fullmatch(source.op):
            break
        inputs = data_inputs(source)
        if source.op not in _SCALES or not inputs:
            return False
        source = graph.get(node_name(inputs[0]))
    return source is not None and _RANDOM.fullmatch(source.op) is not None
