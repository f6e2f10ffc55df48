"""Where the output channels of a convolution or matrix product are, and how to scale them.

Conv2D                 weights (h, w, in, out)            channels: the last axis
DepthwiseConv2dNative  weights (h, w, in, multiplier)     channels: the last two, row-major
MatMul                 weights (in, out)                  channels: the last axis
MatMul, transpose_b    weights (out, in)                  channels: the first axis
"""

from __future__ import annotations

import math

import numpy as np

from inspector import opdefs, tensors
from inspector.edit import GraphEdit
from inspector.graph import control_inputs, data_inputs, node_name
from inspector.passes.base import PassContext
from inspector.passes.constants import constant, is_float, read, tensor_of
from inspector.passes.pattern import drop_unread, used_elsewhere
from inspector.protos import NodeDef
from inspector.tensors import Array

CONVOLUTIONS = "Conv2D|DepthwiseConv2dNative"


class Skipped(Exception):
    """A match that stays as it is; the message says why."""


def layout(node: NodeDef) -> str:
    """``NHWC`` or ``NCHW``, as the attribute says, its default where the node has none."""
    value = opdefs.attr(node, "data_format")
    return "NHWC" if value is None else value.s.decode("ascii", "replace")


def output_rank(linear: NodeDef) -> int:
    """Dimensions of the output, which are also those of the weights."""
    return 2 if linear.op == "MatMul" else 4


def channel_axis(linear: NodeDef) -> int | None:
    """The channels' place in the output's shape; None for a layout that is not known."""
    if linear.op == "MatMul":
        return 1
    return {"NHWC": 3, "NCHW": 1}.get(layout(linear))


def channel_count(linear: NodeDef, weights: Array) -> int:
    """Output channels of a node with these weights."""
    if linear.op == "MatMul":
        axis = 0 if _transposed(linear) else 1
        return int(weights.shape[axis])
    if linear.op == "Conv2D":
        return int(weights.shape[3])
    return int(weights.shape[2] * weights.shape[3])


def per_channel(value: Array, rank: int, axis: int, channels: int) -> Array | None:
    """One number per channel, if adding or multiplying by `value` does just that; else None.

    Args:
        value: The other operand, which is broadcast against an output of this rank.
    """
    if value.ndim > rank:
        return None
    shape = (1,) * (rank - value.ndim) + value.shape
    if math.prod(shape) != shape[axis] or shape[axis] not in (1, channels):
        return None
    return np.broadcast_to(value.reshape(-1), (channels,))


def scaled(linear: NodeDef, weights: Array, scale: Array) -> Array:
    """The weights with each output channel multiplied by its own number."""
    if linear.op == "MatMul" and _transposed(linear):
        return weights * scale[:, np.newaxis]
    if linear.op == "DepthwiseConv2dNative":
        return weights * scale.reshape(weights.shape[2:])
    return weights * scale


def _transposed(linear: NodeDef) -> bool:
    value = opdefs.attr(linear, "transpose_b")
    return value is not None and bool(value.b)


class Weights:
    """Scales the weights of convolutions, in place where nobody else reads them."""

    def __init__(self, edit: GraphEdit, ctx: PassContext, transform: str) -> None:
        self.edit, self.ctx, self.transform = edit, ctx, transform
        self.copies: dict[tuple[str, bytes], str] = {}

    def read(self, linear: NodeDef) -> tuple[Array, int]:
        """The weights, and the axis of the channels in the output."""
        node = self.edit[node_name(data_inputs(linear)[1])]
        if not is_float(node):
            dtype = tensors.dtype_name(tensor_of(node).dtype)
            raise Skipped(f"the weights '{node.name}' are {dtype}, not float32")
        values, axis = read(node, self.transform), channel_axis(linear)
        if axis is None:
            raise Skipped(f"'{linear.name}' has the layout {layout(linear)}")
        if values.ndim != output_rank(linear):
            raise Skipped(f"the weights '{node.name}' have {values.ndim} dimensions")
        return values, axis

    def scale(self, linear: NodeDef, scale: Array, reason: str) -> str:
        """Scale the weights of this node; the name of the Const that holds them now."""
        node = self.edit[node_name(data_inputs(linear)[1])]
        key = (node.name, scale.tobytes())
        if key in self.copies:
            return self.copies[key]
        shared = bool(used_elsewhere(self.edit, self.ctx, node, linear))
        name = self.edit.unique(f"{node.name}_bn_scaled") if shared else node.name
        with np.errstate(all="ignore"):
            values = scaled(linear, read(node, self.transform), scale)
        made = constant(name, values, controls=control_inputs(node))
        if shared:
            self.edit.add(made, before=linear.name)
            self.copies[key] = name
        else:
            self.edit.replace(made)
        self.edit.explain(name, "scaled per channel", node.name, reason)
        return name

    def drop_old(self, name: str) -> None:
        """Take out weights whose last reader went over to a scaled copy."""
        drop_unread(self.edit, self.ctx, [name], "replaced by a scaled copy")
