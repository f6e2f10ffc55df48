"""Lookup tables of Keras layers, as nodes that are filled from constants by an init op."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from inspector.errors import UnsupportedModel
from inspector.graph import tensors
from inspector.graph.protos import DTypeEnum, GraphDef, NodeDef

_FINDS = ("LookupTableFindV2", "LookupTableSizeV2")
_INIT = "init_tables"


class Tables:
    """Nodes for captured lookup tables, and the init op that fills them."""

    def __init__(self) -> None:
        self.nodes: list[NodeDef] = []
        self._init: NodeDef | None = None

    @property
    def init_op(self) -> str | None:
        """The node to run once; None where there are no tables."""
        return None if self._init is None else str(self._init.name)

    def add(self, node: NodeDef, handle: Any, graph: GraphDef, what: str) -> None:
        """Turn the placeholder of a captured table into the table, filled with its entries.

        Raises: UnsupportedModel for a resource that is no such table.
        """
        kinds = _dtypes(node.name, graph)
        if kinds is None:
            why = "it keeps state that is neither a variable nor a lookup table"
            raise UnsupportedModel(what, f"'{node.name}'", why)
        entries = tf.raw_ops.LookupTableExportV2(
            table_handle=handle, Tkeys=tf.DType(kinds[0]), Tvalues=tf.DType(kinds[1])
        )
        node.op = "HashTableV2"
        for key in list(node.attr):
            del node.attr[key]
        node.attr["key_dtype"].type, node.attr["value_dtype"].type = kinds
        node.attr["shared_name"].s = node.name.encode()
        fill = NodeDef(name=f"{node.name}/fill", op="InitializeTableV2", input=[node.name])
        for part, value, dtype, key in zip(
            ("keys", "values"), entries, kinds, ("Tkey", "Tval"), strict=True
        ):
            constant = NodeDef(name=f"{node.name}/{part}", op="Const")
            constant.attr["dtype"].type = dtype
            array = np.asarray(value.numpy())
            constant.attr["value"].tensor.CopyFrom(tensors.from_numpy(array, dtype))
            fill.input.append(constant.name)
            fill.attr[key].type = dtype
            self.nodes.append(constant)
        if self._init is None:
            self._init = NodeDef(name=_INIT, op="NoOp")
            self.nodes.append(self._init)
        self._init.input.append(f"^{fill.name}")
        self.nodes.append(fill)


def _dtypes(name: str, graph: GraphDef) -> tuple[DTypeEnum, DTypeEnum] | None:
    """Dtypes of keys and values, from a consumer of the table in the graph or a function."""
    bodies = [function.node_def for function in graph.library.function]
    for node in graph.node:
        if node.op in _FINDS[:1] and name in node.input:
            return node.attr["Tin"].type, node.attr["Tout"].type
    for body in bodies if any(name in node.input for node in graph.node) else ():
        for node in body:
            if node.op in _FINDS[:1]:
                return node.attr["Tin"].type, node.attr["Tout"].type
    return None
