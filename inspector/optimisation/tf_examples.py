"""Serialised ``tf.Example`` messages for string inputs that a graph parses as such.

Estimators and other exports of TensorFlow 1 take them; a random word fails to parse.
Source: ParseExample in tensorflow/core/ops/parsing_ops.cc; tensorflow/core/example/example.proto.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from inspector.errors import InspectorError
from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph, data_inputs, node_name
from inspector.graph.protos import AttrValue, NodeDef

BELOW = 10
"""Whole numbers of a message are smaller than this where nothing else is asked for."""
_LISTS = {"string": 1, "float32": 2, "int64": 3}
_MOST_HOPS, _MOST_FEATURES, _MOST_VALUES = 16, 10_000, 1 << 20


@dataclass(frozen=True)
class Feature:
    """One feature of a message: ``dtype`` is string, float32 or int64, ``count`` its values.

    Attributes:
        port: The output of the op that has its values.
    """

    key: bytes
    dtype: str
    count: int
    port: int = 0


def features_of(graph: Graph, node: NodeDef) -> tuple[Feature, ...] | None:
    """The features that a node parses; None where its attributes make no sense."""
    try:
        return tuple(_features(graph, node))
    except (InspectorError, IndexError):  # a damaged graph may have fewer inputs
        return None


def message(
    features: Iterable[Feature],
    rng: np.random.Generator,
    text: Callable[[Feature, np.random.Generator], bytes],
    below: int = BELOW,
) -> bytes:
    """An Example with random values; floats are normal.

    Args:
        text: Makes one text of a feature.
        below: Whole numbers are smaller than this, at most 128.
    """
    entries = b""
    for feature in features:
        if feature.dtype == "string":
            values = b"".join(_bytes(1, text(feature, rng)) for _ in range(feature.count))
        elif feature.dtype == "int64":
            values = _bytes(1, bytes(rng.integers(0, below, feature.count).tolist()))  # a byte each
        else:
            values = _bytes(1, rng.standard_normal(feature.count).astype("<f4").tobytes())
        value_list = _bytes(_LISTS[feature.dtype], values)
        entries += _bytes(1, _bytes(1, feature.key) + _bytes(2, value_list))
    return _bytes(1, entries)


def _features(graph: Graph, node: NodeDef) -> Iterator[Feature]:
    inputs = data_inputs(node)
    sparse_types, dense_types = _types(node, "sparse_types"), _types(node, "Tdense")
    sparse: list[bytes]
    if node.op == "ParseSingleExample":
        sparse, dense = (list(_list(node, key).s) for key in ("sparse_keys", "dense_keys"))
    elif node.op == "ParseExampleV2":
        sparse, dense = _texts(graph, inputs[2]), _texts(graph, inputs[3])
    else:
        first = 2 + len(sparse_types)
        sparse = [text for name in inputs[2:first] for text in _texts(graph, name)]
        keys = inputs[first : first + len(dense_types)]
        dense = [text for name in keys for text in _texts(graph, name)]
    shapes = [tensors.shape_of(shape) for shape in _list(node, "dense_shapes").shape]
    values_left = _MOST_VALUES
    columns = len(sparse_types)  # each has its indices, values and shape, in this order
    for at, (key, dtype) in enumerate(zip(sparse[:_MOST_FEATURES], sparse_types, strict=False)):
        if dtype in _LISTS:
            yield Feature(key, dtype, 1, columns + at)
    rows = zip(dense[:_MOST_FEATURES], dense_types, shapes, strict=False)
    for at, (key, dtype, shape) in enumerate(rows):
        count = math.prod(1 if size is None else size for size in shape or ())
        values_left -= count
        if dtype in _LISTS and values_left >= 0 <= count:
            yield Feature(key, dtype, count, 3 * columns + at)


def _types(node: NodeDef, key: str) -> list[str]:
    return [tensors.dtype_name(number) for number in _list(node, key).type]


def _list(node: NodeDef, key: str) -> AttrValue.ListValue:
    value = opdefs.attr(node, key)
    return (value if value is not None else NodeDef().attr[key]).list


def _texts(graph: Graph, name: str) -> list[bytes]:
    """The texts of a constant."""
    node = graph.get(node_name(name))
    for _ in range(_MOST_HOPS):
        if node is None or node.op != "Identity" or not node.input:
            break
        node = graph.get(node_name(node.input[0]))
    if node is None or node.op != "Const":
        return []
    tensor = node.attr["value"].tensor
    if tensors.elements(tensor) > _MOST_FEATURES:
        return []
    return [bytes(text) for text in tensors.to_numpy(tensor).ravel() if isinstance(text, bytes)]


def _bytes(number: int, value: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    size, length = bytearray(), len(value)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + value
