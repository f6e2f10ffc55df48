"""Stores float32 constants in fewer bits with ordinary ops, which any TensorFlow runs.

float16      n = Cast(half)
per_channel  n = (Cast(codes) - zero) * scale        codes from 0 to 255, zero exact
"""

from __future__ import annotations

import math

import numpy as np

from inspector.graph import tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import control_inputs, data_inputs
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.tensors import Array
from inspector.passes.rewrite.channels import LINEAR, Skipped, weight_axes
from inspector.passes.rewrite.constants import constant, tensor_of
from inspector.passes.rewrite.pattern import producer

_HALF = tensors.dtype_enum("half")
_UINT8 = tensors.dtype_enum("uint8")
_MIN_VALUES_PER_SCALE = 8
"""Values per scale, at least: with fewer, the scales take more than the codes save."""
_HANDS_ON = frozenset(("Identity", "Enter"))
_FLT_MIN = np.finfo(np.float32).smallest_normal


def store_half(edit: GraphEdit, node: NodeDef, values: Array) -> None:
    """Store a constant in 16 bits.

    Raises: Skipped for values that float16 cannot hold, and for one repeated value.
    """
    _check_spread(values)
    with np.errstate(all="ignore"):
        half = values.astype(np.float16)
    if not np.array_equal(np.isfinite(half), np.isfinite(values)):
        raise Skipped("has values over 65504, which float16 cannot hold")
    rule = "stored in 16 bits"
    name = edit.unique(f"{node.name}_float16")
    edit.add(constant(name, half, _HALF, control_inputs(node)), before=node.name)
    edit.explain(name, rule, node.name)
    edit.replace(_cast(node.name, name, _HALF))
    edit.explain(node.name, rule, name)


def store_per_channel(edit: GraphEdit, node: NodeDef, values: Array) -> None:
    """Store a constant in 8 bits, with one scale per channel.

    Raises: Skipped for NaN, infinity, a range that float32 cannot hold, and one repeated value.
    """
    _check_spread(values)
    codes, zero, scale = per_channel_codes(values, _axes(edit, node, values.shape))
    rule = f"stored in 8 bits, {scale.size} scales"
    parts: list[str] = []
    for part, value, dtype in (
        ("const", codes, _UINT8),
        ("zero", zero, tensors.FLOAT),
        ("scale", scale, tensors.FLOAT),
    ):
        name = edit.unique(f"{node.name}_quantized_{part}")
        edit.add(constant(name, value, dtype, control_inputs(node)), before=node.name)
        edit.explain(name, rule, node.name)
        parts.append(name)
    cast = _cast(edit.unique(f"{node.name}_quantized_cast"), parts[0], _UINT8)
    centred = NodeDef(name=edit.unique(f"{node.name}_quantized_sub"), op="Sub")
    scaled = NodeDef(name=node.name, op="Mul")
    for step, inputs in ((centred, (cast.name, parts[1])), (scaled, (centred.name, parts[2]))):
        step.input.extend(inputs)
        step.attr["T"].type = tensors.FLOAT
    for step in (cast, centred):
        edit.add(step, before=node.name)
        edit.explain(step.name, rule, node.name)
    edit.replace(scaled)
    edit.explain(node.name, rule, *scaled.input)


def per_channel_codes(values: Array, axes: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Codes (uint8, the shape of `values`), zero and scale (float32), one per channel.

    Args:
        axes: The channels' axes; zero and scale have size 1 along all others.
    Raises: Skipped for NaN, infinity or a range that float32 cannot hold.
    """
    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    zero32, most = np.float32(0), np.float32(255)
    low = np.minimum(values.min(axis=others, keepdims=True), zero32)
    high = np.maximum(values.max(axis=others, keepdims=True), zero32)
    with np.errstate(over="ignore", invalid="ignore"):
        scale = (high - low) / most
    if not np.isfinite(scale).all():
        raise Skipped("has NaN, infinity or a range that float32 cannot hold")
    # The processor would flush smaller scales to zero.
    scale = np.where(scale < _FLT_MIN, np.float32(1), scale)
    zero = np.rint(-low / scale)
    work = values / scale
    np.add(work, zero, out=work)
    np.rint(work, out=work)
    np.clip(work, zero32, most, out=work)
    return work.astype(np.uint8), zero, scale


def _check_spread(values: Array) -> None:
    """Raises: Skipped for one repeated value, which the file holds once."""
    if not any(values.strides):
        raise Skipped("has one value, which the file holds once")


def is_part(edit: GraphEdit, node: NodeDef) -> bool:
    """True for the zero or scale of a constant that is already stored per channel."""
    for reader in edit.readers(node.name):
        inputs = data_inputs(reader)
        if reader.op not in ("Sub", "Mul") or len(inputs) != 2 or inputs[1] != node.name:
            continue
        source = producer(edit, inputs[0])
        if source is not None and source.op == "Sub" and reader.op == "Mul":
            source = producer(edit, data_inputs(source)[0])
        if source is None or source.op != "Cast":
            continue
        codes = producer(edit, data_inputs(source)[0])
        if codes is not None and codes.op == "Const" and tensor_of(codes).dtype == _UINT8:
            return True
    return False


def _axes(edit: GraphEdit, node: NodeDef, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The channel axes: those of the linear op that reads the constant, else the last axis."""
    if len(shape) < 2:
        return ()
    axes: tuple[int, ...] = (len(shape) - 1,)
    for reader in _readers(edit, node):
        inputs = data_inputs(reader[0])
        linear = LINEAR.get(reader[0].op)
        if linear is not None and len(shape) == linear.rank and inputs[1:2] == [reader[1]]:
            axes = weight_axes(reader[0])
            break
    channels = math.prod(shape[axis] for axis in axes)
    return axes if math.prod(shape) >= channels * _MIN_VALUES_PER_SCALE else ()


def _readers(edit: GraphEdit, node: NodeDef) -> list[tuple[NodeDef, str]]:
    """Consumers of a constant, also past one Identity or Enter, and the name that they read."""
    readers = [(reader, str(node.name)) for reader in edit.readers(node.name)]
    for reader, _ in list(readers):
        if reader.op in _HANDS_ON:
            readers += [(other, str(reader.name)) for other in edit.readers(reader.name)]
    return readers


def _cast(name: str, source: str, dtype: DTypeEnum) -> NodeDef:
    cast = NodeDef(name=name, op="Cast", input=[source])
    cast.attr["SrcT"].type, cast.attr["DstT"].type = dtype, tensors.FLOAT
    return cast
