"""Reads and creates Const nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from inspector.errors import InspectorError, TransformFailed
from inspector.graph import tensors
from inspector.graph.protos import DTypeEnum, NodeDef, TensorProto
from inspector.graph.tensors import Array

BLOCK = 1 << 15
"""Elements processed at a time, so that a block stays in the processor's cache."""


_NOTHING = TensorProto()


def tensor_of(node: NodeDef) -> TensorProto:
    """The value of a Const, empty if it has none; ``node.attr["value"]`` would add one to it."""
    return node.attr["value"].tensor if "value" in node.attr else _NOTHING


def is_float(node: NodeDef) -> bool:
    """True for a Const of float32."""
    return bool(node.op == "Const" and tensor_of(node).dtype == tensors.FLOAT)


def read(node: NodeDef, transform: str) -> Array:
    """The values of a Const, read-only. Raises: TransformFailed if they cannot be decoded."""
    try:
        return tensors.to_numpy(tensor_of(node), where=node.name)
    except InspectorError as err:
        reason = f"Decoding Tensor failed for node {node.name}: {err.why}"
        raise TransformFailed(transform, node.name, reason) from err


def constant(
    name: str, value: Any, dtype: DTypeEnum = tensors.FLOAT, controls: Iterable[str] = ()
) -> NodeDef:
    """A Const as the original tool writes it: packed bytes, dtype and value, nothing else.

    Args:
        value: An array, or a number for a scalar.
        controls: Control inputs (``^node``); in a loop they tie the node to its frame.
    """
    array = np.asarray(value, tensors.numpy_dtype(dtype))
    return of_proto(name, tensors.from_numpy(array, dtype), controls)


def of_proto(name: str, value: TensorProto, controls: Iterable[str] = ()) -> NodeDef:
    """A Const that holds this TensorProto."""
    node = NodeDef(name=name, op="Const", input=controls)
    node.attr["dtype"].type = value.dtype
    node.attr["value"].tensor.CopyFrom(value)
    return node
