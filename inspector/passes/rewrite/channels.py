"""Locates the output channels of a convolution or matrix product, and scales its weights.

Conv2D                 weights (h, w, in, out)            channels: the last axis
DepthwiseConv2dNative  weights (h, w, in, multiplier)     channels: the last two, row-major
Conv2DBackpropInput    weights (h, w, out, in)            channels: the last but one
Conv3D                 weights (d, h, w, in, out)         channels: the last axis
Conv3DBackpropInputV2  weights (d, h, w, out, in)         channels: the last but one
MatMul                 weights (in, out)                  channels: the last axis
MatMul, transpose_b    weights (out, in)                  channels: the first axis
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import control_inputs, data_inputs, node_name
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.passes.base import PassContext
from inspector.passes.rewrite.constants import constant, is_float, read, tensor_of
from inspector.passes.rewrite.pattern import drop_unread, value_used_elsewhere


class Linear(NamedTuple):
    """An op whose second input is its weights.

    Attributes:
        inputs: Number of data inputs.
        rank: Rank of the output and of the weights.
        axes: Axes of the weights that are the output channels.
    """

    inputs: int
    rank: int
    axes: tuple[int, ...]


LINEAR = {
    "Conv2D": Linear(2, 4, (3,)),
    "DepthwiseConv2dNative": Linear(2, 4, (2, 3)),
    "Conv2DBackpropInput": Linear(3, 4, (2,)),
    "Conv3D": Linear(2, 5, (4,)),
    "Conv3DBackpropInputV2": Linear(3, 5, (3,)),
    "MatMul": Linear(2, 2, (1,)),
}
_CHANNELS_LAST = ("NHWC", "NDHWC")
_CHANNELS_FIRST = ("NCHW", "NCDHW")


class Skipped(Exception):
    """Raised for a match that is not transformed; the message says why."""


def layout(node: NodeDef) -> str:
    """The data format: ``NHWC``, ``NCHW``, ... The default is ``NHWC``."""
    value = opdefs.attr(node, "data_format")
    return "NHWC" if value is None else value.s.decode("ascii", "replace")


def output_rank(linear: NodeDef) -> int:
    """Rank of the output, and of the weights."""
    return LINEAR[linear.op].rank


def channel_axis(linear: NodeDef) -> int | None:
    """The channel axis of the output; None for an unknown layout."""
    if linear.op == "MatMul" or layout(linear) in _CHANNELS_LAST:
        return output_rank(linear) - 1
    return 1 if layout(linear) in _CHANNELS_FIRST else None


def bias_layout(linear: NodeDef) -> str:
    """The layout as BiasAdd names it, for any rank."""
    return "NCHW" if layout(linear) in _CHANNELS_FIRST else "NHWC"


def channel_count(linear: NodeDef, weights: Array) -> int:
    """The number of output channels of a node with these weights."""
    return math.prod(weights.shape[axis] for axis in weight_axes(linear))


def per_channel(value: Array, rank: int, axis: int, channels: int) -> Array | None:
    """`value` as an array of shape (channels,), if it broadcasts as one number per channel.

    Args:
        value: The other operand of an addition or product with a tensor of this rank.
    Returns: None if it broadcasts in any other way.
    """
    if value.ndim > rank:
        return None
    shape = (1,) * (rank - value.ndim) + value.shape
    if math.prod(shape) != shape[axis] or shape[axis] not in (1, channels):
        return None
    return np.broadcast_to(value.reshape(-1), (channels,))


def scaled(linear: NodeDef, weights: Array, scale: Array) -> Array:
    """The weights, with each output channel multiplied by its factor of `scale`."""
    axes = weight_axes(linear)
    shape = [size if axis in axes else 1 for axis, size in enumerate(weights.shape)]
    return weights * scale.reshape(shape)


def weight_axes(linear: NodeDef) -> tuple[int, ...]:
    """The axes of the weights that are the output channels."""
    if linear.op == "MatMul":
        value = opdefs.attr(linear, "transpose_b")
        return (0,) if value is not None and value.b else (1,)
    return LINEAR[linear.op].axes


class Weights:
    """Scales the weights of linear ops, in place if they have no other consumer."""

    def __init__(self, edit: GraphEdit, ctx: PassContext, transform: str) -> None:
        self.edit: GraphEdit = edit
        self.ctx: PassContext = ctx
        self.transform: str = transform
        self.copies: dict[tuple[str, bytes], str] = {}

    def read(self, linear: NodeDef) -> tuple[Array, int]:
        """The weights, and the channel axis of the output. Raises: Skipped, TransformFailed."""
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
        """Scale the weights of this node; the name of the Const that now holds them."""
        node = self.edit[node_name(data_inputs(linear)[1])]
        key = (node.name, scale.tobytes())
        if key in self.copies:
            return self.copies[key]
        shared = bool(value_used_elsewhere(self.edit, self.ctx, node, linear))
        name = self.edit.unique(f"{node.name}_bn_scaled") if shared else node.name
        with np.errstate(all="ignore"):
            values = scaled(linear, read(node, self.transform), scale)
        const = constant(name, values, controls=control_inputs(node))
        if shared:
            self.edit.add(const, before=linear.name)
            self.copies[key] = name
        else:
            self.edit.replace(const)
        self.edit.explain(name, "scaled per channel", node.name, reason)
        return name

    def drop_old(self, name: str) -> None:
        """Remove weights whose last consumer now reads a scaled copy."""
        drop_unread(self.edit, self.ctx, [name], "replaced by a scaled copy")
