"""What a node is apart from its name: numbers that are equal where two nodes may be the same.

There are several. The loose one is the op, the attributes that change what it computes, and of a
constant its dtype and shape; that of an integer constant also has its values, for these are axes,
sizes and permutations. It survives another training. The exact one adds what a training changes:
the values of all constants, and the ops of the functions that are called. The untyped one is the
loose one without dtypes, which survives another precision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from inspector.errors import InspectorError
from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph
from inspector.graph.op_sets import VARIABLES
from inspector.graph.protos import AttrValue, FunctionDefLibrary, NodeDef, TensorProto

Hashes = npt.NDArray[np.uint64]
Value = Callable[[NodeDef], TensorProto]

_NAMES = frozenset(
    ("shared_name", "container", "debug_name", "allowed_devices", "tensor_array_name", "node_name")
)
"""Attributes that name something; those that begin with an underscore do not change the result."""
_SHAPES = frozenset(("shape", "output_shapes"))
"""Attributes that another batch size changes."""
_FEW = 64
_SOME = 4
_SAMPLE = 1 << 14
_MAX_DECODED = 256 << 20


@dataclass(frozen=True)
class Labels:
    """Per node of a graph, one number each; equal numbers are equal labels.

    Args:
        bare_op: Of the op alone.
        op: Of the op and the number of inputs that vary, as all labels that follow.
        untyped: Of the op and its attributes but for dtypes; of a constant, its shape.
        loose: Without what another training changes.
        exact: With it.
        weights: Whether it is a constant of more than a few numbers that a training changes.
        constant: Whether it is a constant.
    """

    bare_op: Hashes
    op: Hashes
    untyped: Hashes
    loose: Hashes
    exact: Hashes
    weights: npt.NDArray[np.bool_]
    constant: npt.NDArray[np.bool_]


def labels(graph: Graph, value: Value) -> Labels:
    """The labels of all nodes.

    Args:
        value: Reads the value of a Const; may raise an `InspectorError`, then it has none.
    """
    columns = graph.columns()
    functions = _Functions(graph.library)
    of_kinds = [_of_kind(node, functions) for node in columns.kinds]
    table = np.array(of_kinds, np.uint64).reshape(-1, 3)[columns.kind]
    nodes = graph.nodes
    weights, constant = np.zeros(len(nodes), np.bool_), columns.of_ops(("Const",))
    for node in np.flatnonzero(constant).tolist():
        *table[node], weights[node] = _of_constant(nodes[node], value)
    ops = np.array([_hash(op.encode()) for op in columns.ops] or [0], np.uint64)
    op = ops[columns.op]
    untyped, loose, exact = table.T
    return Labels(op, op, untyped, loose, exact, weights, constant)


def joined(first: Labels, second: Labels, varying_inputs: npt.NDArray[np.int64]) -> Labels:
    """The labels of the nodes of both graphs, as `TwoGraphs` numbers them.

    Args:
        varying_inputs: Per node, what becomes a part of each of its labels.
    """
    count = varying_inputs.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return Labels(
        np.concatenate([first.op, second.op]),
        np.concatenate([first.op, second.op]) ^ count,
        np.concatenate([first.untyped, second.untyped]) ^ count,
        np.concatenate([first.loose, second.loose]) ^ count,
        np.concatenate([first.exact, second.exact]) ^ count,
        np.concatenate([first.weights, second.weights]),
        np.concatenate([first.constant, second.constant]),
    )


class _Functions:
    """Digests of the ops of functions, each counted when it is first asked for."""

    def __init__(self, library: FunctionDefLibrary) -> None:
        self._bodies = {item.signature.name: item for item in library.function}
        self._digests: dict[str, bytes] = {}

    def digest(self, name: str) -> bytes:
        if name not in self._digests:
            body = self._bodies.get(name)
            ops = Counter() if body is None else Counter(node.op for node in body.node_def)
            self._digests[name] = repr(sorted(ops.items())).encode()
        return self._digests[name]


def _of_kind(node: NodeDef, functions: _Functions) -> tuple[int, int, int]:
    """The untyped, loose and exact label of a node; constants get theirs of `_of_constant`."""
    op: str = node.op
    if op == "Const":
        return 0, 0, 0
    if op in VARIABLES:
        dtype, shape = node.attr["dtype"].type, tensors.shape_of(node.attr["shape"].shape)
        label = _weight(tensors.base_dtype(dtype) if dtype else dtype, shape)
        return _weight(0, shape), label, label
    if not node.attr:
        return (_hash_of_op(op),) * 3
    defaults = _default_bytes(op)
    untyped: list[bytes] = [op.encode()]
    loose: list[bytes] = []
    exact: list[bytes] = []
    for key in sorted(node.attr):
        if key in _NAMES or key.startswith("_"):
            continue
        attr = node.attr[key]
        called = _called(attr)
        if called:
            untyped.append(key.encode())
            exact += [functions.digest(name) for name in called]
            continue
        data = attr.SerializeToString(deterministic=True)
        if data != defaults.get(key):
            part = exact if key in _SHAPES else loose if _is_dtype(attr) else untyped
            part.append(key.encode() + b"=" + data)
    texts = [b"\0".join(parts) for parts in (untyped, untyped + loose, untyped + loose + exact)]
    return _hash(texts[0]), _hash(texts[1]), _hash(texts[2])


def _is_dtype(attr: AttrValue) -> bool:
    return attr.WhichOneof("value") == "type" or bool(attr.list.type)


def _called(attr: AttrValue) -> Sequence[str]:
    kind = attr.WhichOneof("value")
    if kind == "func":
        return [attr.func.name]
    return [item.name for item in attr.list.func] if kind == "list" else []


@cache
def _default_bytes(op: str) -> Mapping[str, bytes]:
    return {
        key: value.SerializeToString(deterministic=True)
        for key, value in opdefs.defaults(op).items()
    }


def _weight(dtype: int, shape: Sequence[int | None] | None) -> int:
    return _hash(f"weight {dtype} {shape}".encode())


def _of_constant(node: NodeDef, value: Value) -> tuple[int, int, int, bool]:
    """Its labels as `_of_kind`, and whether they are weights; without its value, of the dtype."""
    try:
        proto = value(node)
        shape = tensors.shape_of(proto.tensor_shape)
        untyped, label = _weight(0, shape), _weight(proto.dtype, shape)
        array = tensors.to_numpy(proto, max_bytes=_MAX_DECODED)
    except InspectorError:
        label = _weight(node.attr["dtype"].type, None)
        return _weight(0, None), label, label, False
    exact = _hash(b"%d %s" % (label, _digest(array)))
    whole = array.dtype.kind in "iub" and array.size <= _FEW
    is_splat = not any(array.strides)
    is_weights = array.size >= _SOME and not (whole or is_splat)
    return (exact, exact, exact, False) if whole else (untyped, label, exact, is_weights)


def _digest(array: tensors.Array) -> bytes:
    """A digest of the first, middle and last values: evidence, and cheap for any size."""
    if array.dtype == np.object_:
        return repr(array.ravel()[:_FEW].tolist()).encode()
    if not any(array.strides):
        array = array[(slice(0, 1),) * array.ndim]
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.size <= 3 * _SAMPLE:
        return blake2b(flat.tobytes(), digest_size=8).digest()
    middle = flat.size // 2
    parts = (flat[:_SAMPLE], flat[middle : middle + _SAMPLE], flat[-_SAMPLE:])
    return blake2b(b"".join(part.tobytes() for part in parts), digest_size=8).digest()


@lru_cache(maxsize=4096)
def _hash_of_op(op: str) -> int:
    return _hash(op.encode())


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
