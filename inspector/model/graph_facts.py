"""Figures of a graph of TensorFlow's ops: nodes by op, feeds, parameters, refused ops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from inspector.graph import opdefs, tensors
from inspector.graph.columns import CONTROL
from inspector.graph.graph import Graph
from inspector.graph.op_safety import ATTRIBUTE_RULES, flagged
from inspector.graph.op_sets import PLACEHOLDERS, VARIABLES
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Shape
from inspector.model.checkpoint import Variable
from inspector.printing.short_record import ShortRecord


@dataclass(frozen=True)
class Tensor:
    """A feed: name, dtype and declared shape."""

    name: str
    dtype: str
    shape: Shape | None

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``."""
        return {"name": self.name, "dtype": self.dtype, "shape": self.shape}


@dataclass(repr=False)
class GraphFacts(ShortRecord):
    """What one graph holds, its function library left out.

    Attributes:
        nodes: Their number.
        placeholders: Its feeds: ``name``, ``dtype``, ``shape``.
        softmax: Names of Softmax nodes.
        op_counts: Op, layer class or operator to the number of its nodes.
        constant_tensors: Of a TFLite model, whose constants are no operators, how many constant
            tensors there are; else None.
    """

    nodes: int
    op_counts: dict[str, int]
    placeholders: list[Tensor]
    softmax: list[str]
    constant_tensors: int | None = None

    @property
    def constants(self) -> int:
        """Const nodes; of a TFLite model constant tensors."""
        count = self.constant_tensors
        return self.op_counts.get("Const", 0) if count is None else count

    @property
    def identities(self) -> int:
        """Identity nodes."""
        return self.op_counts.get("Identity", 0)

    @property
    def variables(self) -> int:
        """Nodes whose op has "Variable" in it, as the original notebook counted."""
        return sum(count for op, count in self.op_counts.items() if "Variable" in op)

    def to_dict(self) -> dict[str, Any]:
        """The object under ``serving``."""
        return {
            "nodes": self.nodes,
            "op_counts": self.op_counts,
            "placeholders": [item.to_dict() for item in self.placeholders],
            "softmax": self.softmax,
            "constants": self.constants,
            "variables": self.variables,
            "identities": self.identities,
        }


def graph_facts(graph: Graph) -> GraphFacts:
    """Count one graph: nodes, ops, placeholders, softmax nodes."""
    columns = graph.columns()
    fed = np.flatnonzero(columns.of_ops(PLACEHOLDERS)).tolist()
    return GraphFacts(
        nodes=len(graph),
        op_counts=graph.op_counts(),
        placeholders=[
            _placeholder(columns.kinds[columns.kind[at]], columns.names[at]) for at in fed
        ],
        softmax=list(compress(columns.names, columns.of_ops(("Softmax",)))),
    )


def flagged_ops(graph: Graph, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The ops of a graph and its functions that are refused or warned of.

    Args:
        counts: Ops of the graph and of the bodies of its functions.
    """
    columns, functions = graph.columns(), graph.library.function
    kinds = np.bincount(columns.kind, minlength=len(columns.kinds)).tolist()
    decided = [
        (node, count)
        for node, count in zip(columns.kinds, kinds, strict=True)
        if node.op in ATTRIBUTE_RULES
    ]
    bodies = (node for function in functions for node in function.node_def)
    decided += [(node, 1) for node in bodies if node.op in ATTRIBUTE_RULES]
    return flagged(counts, {item.signature.name for item in functions}, decided)


def parameters(variables: Iterable[Variable], graph: Graph) -> int:
    """Elements of all variables in the checkpoint that are numbers, else of those in the graph.

    Optimiser slots and step counters are included. Without a checkpoint: elements of the variables
    that the graph declares; without these too (a frozen graph): elements of its Consts of float,
    quantised or 8-bit dtype that are not scalars.
    """
    listed = [
        item.shape for item in variables if item.dtype not in ("string", "resource", "variant")
    ]
    if listed:
        return sum(_elements(shape) for shape in listed)
    declared = [(_shape_attr(node), count) for node, count in _kinds(graph) if node.op in VARIABLES]
    if declared:
        return sum(_elements(shape) * count for shape, count in declared)
    return constant_parameters(graph)


def constant_parameters(graph: Graph) -> int:
    """Elements of Consts of float, quantised or 8-bit dtype that are not scalars."""
    total = 0
    for node, count in _kinds(graph):
        # Reading an attribute that is not there would add it, and nodes are not written to.
        if node.op == "Const" and "value" in node.attr:
            tensor = node.attr["value"].tensor
            if _is_weight(tensor.dtype) and tensor.tensor_shape.dim:
                total += max(tensors.elements(tensor), 0) * count
    return total


def control_edges(graph: Graph) -> int:
    """How many control inputs the nodes of a graph have."""
    return int(np.count_nonzero(graph.columns().port == CONTROL))


def _kinds(graph: Graph) -> list[tuple[NodeDef, int]]:
    """One node of each kind, and how many there are."""
    columns = graph.columns()
    counts = np.bincount(columns.kind, minlength=len(columns.kinds)).tolist()
    return list(zip(columns.kinds, counts, strict=True))


def _placeholder(node: NodeDef, name: str) -> Tensor:
    dtype = opdefs.attr(node, "dtype")
    dtype_name = tensors.dtype_name(0 if dtype is None else dtype.type)
    return Tensor(name, dtype_name, _shape_attr(node))


def _shape_attr(node: NodeDef) -> Shape | None:
    shape = opdefs.attr(node, "shape")
    return None if shape is None else tensors.shape_of(shape.shape)


def _is_weight(dtype: int) -> bool:
    name = tensors.dtype_name(dtype)
    return name.startswith(("float", "bfloat", "complex", "qint", "quint", "int8", "uint8"))


def _elements(shape: Shape | None) -> int:
    return 0 if shape is None or None in shape else tensors.count(size or 0 for size in shape)
