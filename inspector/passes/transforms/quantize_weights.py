"""Stores weights in fewer distinct values (round_weights) or fewer bits (quantize_weights).

Both match the tool bit for bit where its results are sound, including its float32 and float64
steps, in blocks that fit into the processor's cache.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from inspector.errors import TransformFailed
from inspector.graph import tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import control_inputs
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.bodies import InFunctions, also_in_functions
from inspector.passes.rewrite.channels import Skipped
from inspector.passes.rewrite.constants import BLOCK, constant, is_float, read, tensor_of
from inspector.passes.transforms.store_weights import is_part, store_half, store_per_channel

_FLT_MIN = np.finfo(np.float32).smallest_normal
"""FLT_MIN: the tool's initial value in its search for the maximum."""
_NEARLY_HALF = math.nextafter(0.5, 0.0)
_ROUND_MINIMUM = 16
_OTHER_FLOATS = {tensors.dtype_enum(name): name for name in ("float64", "float16", "bfloat16")}


@graph_pass(
    effect="lossy",
    source="graph_transforms/round_weights.cc",
    after="All folding of batch norms; `quantize_weights` comes after it.",
)
@also_in_functions
def round_weights(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    num_steps: Annotated[
        int, Arg("Steps between the smallest and the largest value of a tensor.", bits=32, least=1)
    ] = 256,
    functions: InFunctions = False,
) -> None:
    """Round float32 constants of at least 16 elements to few distinct values, for compression.

    The file shrinks only when it is compressed. Each value changes by half a step at most. Skipped:
    constants with one distinct value, and with NaN or infinity.
    """
    for node in edit.nodes("Const"):
        if tensors.elements(tensor_of(node)) < _ROUND_MINIMUM or not _is_float(edit, node):
            continue
        ctx.check_cancelled("round_weights")
        values = read(node, "round_weights")
        low, high = _range(values)
        if low == high:
            edit.skip(node, "has one value only")
            continue
        high = max(high, _FLT_MIN)
        with np.errstate(over="ignore", invalid="ignore"):
            width = (high - low) / np.float32(num_steps)
        if not (math.isfinite(width) and width > 0):
            edit.skip(node, "has NaN, infinity or a range that float32 cannot divide")
            continue
        rounded = _rounded(values, low, width)
        if rounded is None:
            edit.skip(node, "is rounded already")
            continue
        edit.replace(constant(node.name, rounded, controls=control_inputs(node)))
        edit.explain(node.name, f"rounded to {num_steps} steps")


@graph_pass(
    effect="lossy",
    source="graph_transforms/quantize_weights.cc",
    after=(
        "All folding of batch norms: afterwards weights are no constants any more. It comes last, "
        "or before `quantize_nodes`."
    ),
)
@also_in_functions
def quantize_weights(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    minimum_size: Annotated[int, Arg("Smallest number of elements of a constant.", bits=32)] = 1024,
    mode: Annotated[
        str,
        Arg(
            "tool: 8 bits and Dequantize; per_channel: 8 bits, a scale per channel, ordinary ops; "
            "float16: 16 bits.",
            choices=("tool", "per_channel", "float16"),
        ),
    ] = "tool",
    functions: InFunctions = False,
) -> None:
    """Store large float32 constants in 8 bits.

    Each becomes a Const of codes from 0 to 255, a Const with the smallest and one with the largest
    value, and a Dequantize with the old name. Each value changes by half a step of (max - min) /
    255 at most, zero included. With per_channel every output channel has its own step, so that
    values change less, and zero not at all; with float16 the file is half as large, and values
    change by 1 part in 2048 at most. Run it last: other transforms no longer recognise these as
    constants. Skipped: constants with NaN or infinity.
    """
    for node in edit.nodes("Const"):
        for key in ("dtype", "value"):
            if key not in node.attr:
                reason = f"No '{key}' attribute for Const node {node.name}"
                raise TransformFailed("quantize_weights", node.name, reason)
        count = tensors.elements(node.attr["value"].tensor)
        if count < 1 or not 0 <= minimum_size <= count or not _is_float(edit, node):
            continue
        ctx.check_cancelled("quantize_weights")
        values = read(node, "quantize_weights")
        try:
            if mode == "float16":
                store_half(edit, node, values)
            elif mode == "tool":
                _store(edit, node, values)
            elif not is_part(edit, node):
                store_per_channel(edit, node, values)
        except Skipped as skipped:
            edit.skip(node, str(skipped))


def _is_float(edit: GraphEdit, node: NodeDef) -> bool:
    """True for float32; constants of other float dtypes are recorded as skipped."""
    if (name := _OTHER_FLOATS.get(tensor_of(node).dtype)) is not None:
        edit.skip(node, f"is {name}, not float32")
    return is_float(node)


def _store(edit: GraphEdit, node: NodeDef, values: Array) -> None:
    """Store a constant in 8 bits as the tool does. Raises: Skipped."""
    low, high = _range(values)
    low, high = min(low, np.float32(0)), max(high, _FLT_MIN)
    with np.errstate(over="ignore", invalid="ignore"):
        span = high - low
    if not math.isfinite(span):
        raise Skipped("has NaN, infinity or a range that float32 cannot hold")
    if span / np.float32(255) < _FLT_MIN:
        # The step would be flushed to zero, and Dequantize would return NaN: store zeros.
        low, high = np.float32(0), np.float32(1)
    codes = _codes(values, low, high)
    controls = control_inputs(node)
    dequantize = NodeDef(name=node.name, op="Dequantize")
    dequantize.attr["T"].type = tensors.dtype_enum("quint8")
    dequantize.attr["mode"].s = b"MIN_FIRST"
    for part, value, dtype in (
        ("const", codes, tensors.dtype_enum("quint8")),
        ("min", low, tensors.FLOAT),
        ("max", high, tensors.FLOAT),
    ):
        name = edit.unique(f"{node.name}_quantized_{part}")
        edit.add(constant(name, value, dtype, controls), before=node.name)
        edit.explain(name, "stored in 8 bits", node.name)
        dequantize.input.append(name)
    edit.replace(dequantize)
    edit.explain(node.name, "stored in 8 bits", *dequantize.input)


def _range(values: Array) -> tuple[np.float32, np.float32]:
    """Minimum and maximum; NaN if any value is NaN."""
    if not any(values.strides):
        # One repeated value: the shape, which the file declares, may be huge.
        value = np.float32(values.ravel()[0] if values.size == 1 else values[(0,) * values.ndim])
        return value, value
    return np.float32(values.min()), np.float32(values.max())


def _rounded(values: Array, low: np.float32, width: np.float32) -> Array | None:
    """Move each value to the middle of its step, in float32; None if no value changes.

    The largest value falls into an extra step above the range, as in the tool.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    rounded = np.empty(flat.size, np.float32)
    moved = False
    for start in range(0, flat.size, BLOCK):
        block, out = flat[start : start + BLOCK], rounded[start : start + BLOCK]
        np.subtract(block, low, out=out)
        np.divide(out, width, out=out)
        np.floor(out, out=out)
        np.add(out, np.float32(0.5), out=out)
        np.multiply(out, width, out=out)
        np.add(out, low, out=out)
        moved = moved or bool((out != block).any())
    return rounded.reshape(values.shape) if moved else None


def _codes(values: Array, low: np.float32, high: np.float32) -> Array:
    """``round(v * step) - round(low * step)``, in float64, half away from zero, at most 255."""
    if values.size > 1 and not any(values.strides):
        one = _codes(values[(0,) * values.ndim].reshape(1), low, high)
        return np.broadcast_to(one[0], values.shape)
    step = 256.0 / (float(high - low) * (256.0 / 255.0))
    lowest = float(low) * step
    first = math.trunc(lowest + math.copysign(_NEARLY_HALF, lowest))
    flat = np.ascontiguousarray(values).reshape(-1)
    codes = np.empty(flat.size, np.uint8)
    scaled, half = np.empty(BLOCK, np.float64), np.empty(BLOCK, np.float64)
    whole = np.empty(BLOCK, np.int32)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        x, h, q = scaled[: block.size], half[: block.size], whole[: block.size]
        np.multiply(block, step, out=x, dtype=np.float64)
        np.copysign(_NEARLY_HALF, x, out=h)
        np.add(x, h, out=q, casting="unsafe")
        np.subtract(q, first, out=q)
        np.minimum(q, 255, out=q)
        codes[start : start + BLOCK] = q
    return codes.reshape(values.shape)
