"""What each op declares: inputs, outputs, attributes with defaults, and whether it is stateful.

The list is that of TensorFlow 2.21 (``backend/write_opdefs.py`` makes it); it still knows the ops
of TensorFlow 1. A call by function name is looked up in the function library.

Source: tensorflow/core/framework/op_def.proto, function.proto.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from inspector.graph.protos import AttrValue, DTypeEnum, FunctionDefLibrary, NodeDef, OpDef, OpList
from inspector.graph.tensors import ref_dtype

RELEASE = "2.21"
"""The release of TensorFlow whose ops the list has."""

_DATA = Path(__file__).parent / "data" / "ops.pb.z"
_DECLARED = "_output_dtypes"


@functools.cache
def _table() -> Mapping[str, OpDef]:
    ops = OpList.FromString(zlib.decompress(_DATA.read_bytes()))
    return {op.name: op for op in ops.op}


def known_ops() -> frozenset[str]:
    """The names of all ops in the list."""
    return frozenset(_table())


def get(op: str, library: FunctionDefLibrary | Mapping[str, OpDef] | None = None) -> OpDef | None:
    """The OpDef of an op, or the signature of a library function of that name, or None.

    Args:
        library: A function library, or OpDefs by name where many ops are looked up.
    """
    definition = _table().get(op)
    if definition is not None or library is None:
        return definition
    if isinstance(library, Mapping):
        definition = library.get(op)
    else:
        for function in library.function:
            if function.signature.name == op:
                return function.signature
    return definition


def unknown(op: str) -> str:
    """What is said of an op that is not in the list, such as one of tf.contrib or a custom one."""
    return f"{op} is no op of TensorFlow {RELEASE}"


def is_stateful(op: str) -> bool:
    """True for ops declared stateful, and for unknown ops."""
    definition = _table().get(op)
    return definition is None or definition.is_stateful


def attr(node: NodeDef, key: str) -> AttrValue | None:
    """A node's attribute, the op's default where the node has none, else None."""
    if key in node.attr:
        return node.attr[key]
    return defaults(node.op).get(key)


@functools.lru_cache(maxsize=4096)
def defaults(op: str) -> Mapping[str, AttrValue]:
    """The attributes of an op that have a default, with that default."""
    definition = _table().get(op)
    if definition is None:
        return {}
    return {
        item.name: item.default_value for item in definition.attr if item.HasField("default_value")
    }


def with_defaults(node: NodeDef) -> NodeDef:
    """A copy of the node with every defaulted attribute written out."""
    full = NodeDef()
    full.CopyFrom(node)
    for key, value in defaults(node.op).items():
        if key not in full.attr:
            full.attr[key].CopyFrom(value)
    return full


def declare(node: NodeDef, dtypes: Iterable[DTypeEnum]) -> None:
    """Write the output dtypes into a node whose op is unknown to TensorFlow."""
    node.attr[_DECLARED].list.type.extend(dtypes)


def declared(node: NodeDef) -> list[DTypeEnum] | None:
    """The dtypes of a node that says them itself, see `declare`; None for all others.

    Reading an attribute is slow: this is for nodes of unknown ops.
    """
    return list(node.attr[_DECLARED].list.type) if _DECLARED in node.attr else None


def output_dtypes(
    node: NodeDef, library: FunctionDefLibrary | Mapping[str, OpDef] | None = None
) -> list[DTypeEnum] | None:
    """The dtype of every output tensor of a node, or None where the op is not known.

    Args that repeat (``number_attr``) or list types (``type_list_attr``) are written out.
    """
    definition = get(node.op, library)
    return declared(node) if definition is None else expand(definition.output_arg, node)


def input_dtypes(
    node: NodeDef, library: FunctionDefLibrary | Mapping[str, OpDef] | None = None
) -> list[DTypeEnum] | None:
    """The dtype of every data input a node declares, or None where the op is not known."""
    definition = get(node.op, library)
    return None if definition is None else expand(definition.input_arg, node)


def output_index(
    node: NodeDef,
    arg: str,
    index: int,
    library: FunctionDefLibrary | Mapping[str, OpDef] | None = None,
) -> int | None:
    """The output port of ``node:arg:index``, the form inputs have inside a FunctionDef.

    The port is counted over all output arguments before ``arg``. None where there is none.
    """
    definition = get(node.op, library)
    if definition is None:
        return None
    port = 0
    for item in definition.output_arg:
        if item.name == arg:
            return port + index
        width = arg_width(item, node)
        if width is None:
            return None
        port += width
    return None


def expand(args: Iterable[OpDef.ArgDef], node: NodeDef) -> list[DTypeEnum] | None:
    """The dtype of each tensor that these arguments of a node's op stand for, or None."""
    dtypes: list[DTypeEnum] = []
    for item in args:
        if item.type_list_attr:
            value = attr(node, item.type_list_attr)
            if value is None:
                return None
            dtypes += value.list.type
            continue
        width = arg_width(item, node)
        if width is None:
            return None
        enum = item.type
        if item.type_attr:
            value = attr(node, item.type_attr)
            if value is None:
                return None
            enum = value.type
        dtypes += [ref_dtype(enum) if item.is_ref else enum] * width
    return dtypes


def arg_width(item: OpDef.ArgDef, node: NodeDef) -> int | None:
    """How many tensors an argument of a node's op stands for, or None."""
    key = item.type_list_attr or item.number_attr
    if not key:
        return 1
    value = attr(node, key)
    if value is None:
        return None
    # The count comes from the file; no real op has this many tensors.
    width = len(value.list.type) if item.type_list_attr else value.i
    return int(width) if 0 <= width <= 1_000_000 else None
