"""Serialised ``tf.Example`` messages that a graph can parse: what a text input of it has to hold.

Estimators and other exports of TensorFlow 1 take such messages; a word at random is none.
Source: ParseExample in tensorflow/core/ops/parsing_ops.cc; tensorflow/core/example/example.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inspector import opdefs, tensors
from inspector.errors import InspectorError
from inspector.graph import Graph, data_inputs, node_name
from inspector.protos import NodeDef

_PARSERS = {"ParseExample", "ParseExampleV2", "ParseSingleExample"}
_PASSING = {"Identity", "Reshape", "Squeeze", "ExpandDims", "PlaceholderWithDefault"}
_LISTS = {"string": 1, "float32": 2, "int64": 3}
_MOST_HOPS, _MOST_FEATURES, _MOST_VALUES = 16, 10_000, 1 << 20


@dataclass(frozen=True)
class Feature:
    """One feature of a message: ``dtype`` is string, float32 or int64, ``count`` its values."""

    key: bytes
    dtype: str
    count: int


def wanted(graph: Graph, placeholder: str) -> tuple[Feature, ...] | None:
    """The features that what reads a placeholder parses; None where nothing is seen to parse it."""
    todo, seen = [(placeholder, 0)], {placeholder}
    while todo:
        name, hops = todo.pop()
        for reader in map(graph.node, graph.consumers(name)):
            inputs = data_inputs(reader)
            if not inputs or node_name(inputs[0]) != name:
                continue
            if reader.op in _PARSERS:
                try:
                    return tuple(_features(graph, reader))
                except InspectorError:
                    return None
            if reader.op in _PASSING and hops < _MOST_HOPS and reader.name not in seen:
                seen.add(reader.name)
                todo.append((reader.name, hops + 1))
    return None


def message(features: Iterable[Feature], rng: np.random.Generator, words: Sequence[bytes]) -> bytes:
    """An Example with random values: floats normal, whole numbers 0 to 9, text some words."""
    entries = b""
    for feature in features:
        if feature.dtype == "string":
            chosen = rng.integers(0, len(words), feature.count)
            values = b"".join(_bytes(1, words[index]) for index in chosen)
        elif feature.dtype == "int64":
            values = _bytes(1, bytes(rng.integers(0, 10, feature.count).tolist()))  # a byte each
        else:
            values = _bytes(1, rng.standard_normal(feature.count).astype("<f4").tobytes())
        held = _bytes(_LISTS[feature.dtype], values)
        entries += _bytes(1, _bytes(1, feature.key) + _bytes(2, held))
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
    left = _MOST_VALUES
    for key, dtype in zip(sparse[:_MOST_FEATURES], sparse_types, strict=False):
        if dtype in _LISTS:
            yield Feature(key, dtype, 1)
    for key, dtype, shape in zip(dense[:_MOST_FEATURES], dense_types, shapes, strict=False):
        count = math.prod(1 if size is None else size for size in shape or ())
        left -= count
        if dtype in _LISTS and left >= 0 <= count:
            yield Feature(key, dtype, count)


def _types(node: NodeDef, key: str) -> list[str]:
    return [tensors.dtype_name(number) for number in _list(node, key).type]


def _list(node: NodeDef, key: str) -> Any:
    found = opdefs.attr(node, key)
    return (found if found is not None else NodeDef().attr[key]).list


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
    """A field of a message."""
    size, length = bytearray(), len(value)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + value
