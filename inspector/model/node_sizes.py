"""Elements and bytes of the Consts and variables of a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph
from inspector.graph.op_sets import VARIABLES
from inspector.graph.protos import NodeDef, TensorProto
from inspector.graph.tensors import Shape


def constant_bytes(node: NodeDef, name: str) -> int:
    """Bytes of the value of a Const in memory; `name` is not needed for a node that holds it."""
    return tensors.tensor_bytes(node.attr["value"].tensor) if "value" in node.attr else 0


def node_sizes(
    graph: Graph,
    shapes: Mapping[str, Sequence[Shape | None]],
    bytes_of: Callable[[NodeDef, str], int] = constant_bytes,
) -> dict[str, tuple[int, int]]:
    """Elements and bytes of each Const and variable, by node name.

    Args:
        shapes: Node name to the shape of each output; variables without a full shape are left out.
        bytes_of: Bytes of a Const, by a node of the same op and attributes and by its name.
    """
    sizes: dict[str, tuple[int, int]] = {}
    of_kind: dict[int, tuple[int, int]] = {}
    columns = graph.columns()
    for at in np.flatnonzero(columns.of_ops(("Const", *VARIABLES))).tolist():
        name, kind = columns.names[at], int(columns.kind[at])
        if kind in of_kind:
            sizes[name] = of_kind[kind]
            continue
        node = columns.kinds[kind]
        if node.op == "Const":
            # Reading an attribute that is not there would add it.
            tensor = node.attr["value"].tensor if "value" in node.attr else TensorProto()
            sizes[name] = (tensors.elements(tensor), bytes_of(node, name))
            if bytes_of is constant_bytes:
                of_kind[kind] = sizes[name]
        else:
            shape = (shapes.get(name) or [None])[0]
            if node.op == "VarHandleOp" and "shape" in node.attr:
                shape = tensors.shape_of(node.attr["shape"].shape)
            if shape is not None and None not in shape:
                count = tensors.count(size or 0 for size in shape)
                dtype = opdefs.attr(node, "dtype")
                item = 0 if dtype is None else tensors.itemsize(dtype.type)
                sizes[name] = (count, count * item)
    return sizes
