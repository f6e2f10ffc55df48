"""Serialises arrays and tensors for workers as a GraphDef of Const nodes, never as pickle.

The receiving side may not trust the sender, and protobuf messages of Const are what our own
decoder checks anyway: all dtypes, bfloat16 and text included, sizes capped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from inspector.errors import BadFeed
from inspector.graph import tensors
from inspector.graph.protos import GraphDef, TensorProto, parse
from inspector.graph.tensors import Array


def pack_tensors(named: Iterable[tuple[str, TensorProto]]) -> bytes:
    """Names and TensorProtos as bytes."""
    graph = GraphDef()
    for name, tensor in named:
        node = graph.node.add(name=name, op="Const")
        node.attr["value"].tensor.CopyFrom(tensor)
        node.attr["dtype"].type = tensor.dtype
    data: bytes = graph.SerializeToString()
    return data


def unpack_tensors(data: bytes) -> dict[str, TensorProto]:
    """What `pack_tensors` was given. Raises: CorruptModel."""
    graph = parse(GraphDef, data, "tensors", "GraphDef")
    return {node.name: node.attr["value"].tensor for node in graph.node}


def pack(arrays: Mapping[str, Any]) -> bytes:
    """Serialise arrays, or values that numpy turns into arrays. Raises: BadFeed for others."""
    return pack_tensors((name, _tensor(name, value)) for name, value in arrays.items())


def unpack(data: bytes, max_bytes: int = tensors.MAX_BYTES) -> dict[str, Array]:
    """What `pack` was given; text as an object array of bytes."""
    return {
        name: tensors.to_numpy(tensor, where=name, max_bytes=max_bytes)
        for name, tensor in unpack_tensors(data).items()
    }


def _tensor(name: str, value: Any) -> TensorProto:
    try:
        array = np.asarray(value)
        if array.dtype.kind in "US":
            array = array.astype(object)
        if array.dtype.kind == "O":
            flat = [_text(item) for item in array.ravel().tolist()]
            array = np.array([*flat, b""], object)[:-1].reshape(array.shape)
        return tensors.from_numpy(array)
    except (ValueError, TypeError, KeyError, OverflowError) as err:
        raise BadFeed("feeds", name, f"is no array: {err}") from err


def _text(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8", "surrogatepass")
    if isinstance(item, bytes):
        return item
    raise TypeError(f"it holds {type(item).__name__}")
