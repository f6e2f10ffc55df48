"""Which fed tensors are the indices or the shape of a sparse tensor.

TensorFlow refuses indices that are out of order or outside of the shape, and ends the process on
some: the parts have to fit each other. Generated ones have one value in each row, at its beginning.

Source: tensorflow/core/ops/sparse_ops.cc; sparse_placeholder in python/ops/array_ops.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from inspector.graph.graph import Graph, data_inputs, node_name
from inspector.graph.op_sets import SPARSE_READERS
from inspector.graph.protos import NodeDef
from inspector.graph.shapes.infer import Inferred

Part = Literal["indices", "shape"]

_SUFFIXES: Mapping[str, Part] = {"/indices": "indices", "/shape": "shape"}


def part_of(graph: Graph, tensor: str, reads: Iterable[tuple[NodeDef, int]]) -> Part | None:
    """The part of a sparse tensor that a fed one is, by its readers, or as TensorFlow names it.

    Args:
        reads: The inputs that its values reach.
    """
    name = node_name(tensor)
    for suffix, part in _SUFFIXES.items():
        base = name.removesuffix(suffix)
        if base != name and all(f"{base}/{other}" in graph for other in ("indices", "values")):
            return part
    for node, at in reads:
        if node.op in SPARSE_READERS:
            indices, shape = SPARSE_READERS[node.op]
            if at in (indices, shape):
                return "indices" if at == indices else "shape"
    return None


def columns_of(inferred: Inferred, reads: Iterable[tuple[NodeDef, int]]) -> int | None:
    """The width of a sparse matrix by the dense one that it is multiplied with; None for any."""
    for node, at in reads:
        texts = data_inputs(node)
        if node.op == "SparseTensorDenseMatMul" and at == 2 and len(texts) > 3:
            flip = node.attr["adjoint_b"].b if "adjoint_b" in node.attr else False
            dense = inferred.of(texts[3])
            if dense is not None and len(dense) == 2:
                return dense[1 if flip else 0]
    return None
