"""What stands between a convolution or matrix product and what scales its output.

    MatMul or a convolution  ->  biases, and ops that treat all of a channel alike  ->  reader

Scaling what the reader reads is scaling the weights and every bias on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inspector import opdefs, tensors
from inspector.edit import GraphEdit
from inspector.graph import control_inputs, data_inputs
from inspector.passes.base import PassContext
from inspector.passes.channels import (
    LINEAR,
    Skipped,
    Weights,
    channel_axis,
    channel_count,
    layout,
    output_rank,
    per_channel,
)
from inspector.passes.constants import constant, is_float, read, tensor_of
from inspector.passes.pattern import producer, value_used_elsewhere
from inspector.protos import NodeDef
from inspector.tensors import Array

SCALABLE = frozenset(("Identity", "Pad", "MirrorPad", "BatchToSpaceND", "Squeeze"))
"""Ops through which a factor per channel goes: they move, drop or add zeros, by the pixel."""
_BIASES = frozenset(("BiasAdd", "Add", "AddV2", "Sub"))
_MOST_LINKS = 16
"""Nodes on the way; real models have two or three."""


@dataclass
class Link:
    """A node on the way, and the constant it adds, if it adds one.

    Attributes:
        data: The input string that comes from the linear op.
        sign: -1 where the constant is subtracted.
        rank, axis: Dimensions of the node's output, and which of them the channels are.
    """

    node: NodeDef
    data: str
    bias: NodeDef | None = None
    sign: int = 1
    rank: int = 0
    axis: int = 0


@dataclass
class Chain:
    """A linear op and the nodes that stand behind it, nearest to the reader first."""

    linear: NodeDef
    links: list[Link] = field(default_factory=list)

    @property
    def head(self) -> NodeDef:
        """The node that the reader reads."""
        return self.links[0].node if self.links else self.linear


def find(
    edit: GraphEdit, ctx: PassContext, text: str, passing: frozenset[str] = SCALABLE
) -> Chain | None:
    """The chain that an input string comes from; None where no linear op is at its other end.

    Args:
        passing: Ops that may stand on the way beside biases.
    """
    links: list[Link] = []
    while len(links) <= _MOST_LINKS:
        node = producer(edit, text)
        if node is None:
            return None
        inputs = data_inputs(node)
        if node.op in LINEAR:
            weights = producer(edit, inputs[1]) if len(inputs) == LINEAR[node.op].inputs else None
            constant_weights = weights is not None and weights.op == "Const"
            if not constant_weights or weights is None or weights.name in ctx.feeds:
                return None
            return Chain(node, links)
        link = bias_of(edit, ctx, node)
        if link is None and node.op in passing and inputs:
            link = Link(node, inputs[0])
        if link is None:
            return None
        links.append(link)
        text = link.data
    return None


def bias_of(edit: GraphEdit, ctx: PassContext, node: NodeDef) -> Link | None:
    """A node that adds a constant to a tensor; None for any other."""
    inputs = data_inputs(node)
    if node.op not in _BIASES or len(inputs) != 2:
        return None
    for place in (1, 0) if node.op in ("Add", "AddV2") else (1,):
        bias = producer(edit, inputs[place])
        if bias is not None and bias.op == "Const" and bias.name not in ctx.feeds:
            return Link(node, inputs[1 - place], bias, -1 if node.op == "Sub" else 1)
    return None


def place_channels(edit: GraphEdit, chain: Chain, transform: str) -> tuple[int, int]:
    """Follow the channels through the chain: rank and channel axis of what the reader reads.

    Raises: Skipped where an op on the way does not keep the channels apart.
    """
    rank, axis = output_rank(chain.linear), channel_axis(chain.linear)
    if axis is None:
        raise Skipped(f"'{chain.linear.name}' has the layout {layout(chain.linear)}")
    for link in reversed(chain.links):
        node = link.node
        if node.op == "Squeeze":
            dims = opdefs.attr(node, "squeeze_dims")
            gone = {int(size) % rank for size in dims.list.i} if dims is not None else set()
            if not gone or axis in gone:
                raise Skipped(f"'{node.name}' does not say which dimensions it takes out")
            rank, axis = rank - len(gone), axis - sum(size < axis for size in gone)
        elif node.op in ("Pad", "MirrorPad"):
            paddings = _numbers(edit, node, transform)
            if paddings.shape != (rank, 2) or paddings[axis].any():
                raise Skipped(f"'{node.name}' pads the channels")
        elif node.op == "BatchToSpaceND" and (
            axis != rank - 1 or _numbers(edit, node, transform).size > rank - 2
        ):
            raise Skipped(f"'{node.name}' spreads the channels")
        link.rank, link.axis = rank, axis
    return rank, axis


def bias_values(link: Link, channels: int, transform: str) -> Array:
    """What a link adds, one number per channel. Raises: Skipped where it adds anything else."""
    assert link.bias is not None
    found: Array | None = None
    if link.node.op == "BiasAdd" and _bias_axis(link) != link.axis:
        raise Skipped(f"'{link.node.name}' has the layout {layout(link.node)}")
    if is_float(link.bias):
        values = read(link.bias, transform)
        if link.node.op == "BiasAdd":
            found = values if values.shape == (channels,) else None
        else:
            found = per_channel(values, link.rank, link.axis, channels)
    if found is None:
        raise Skipped(f"'{link.bias.name}' is not one float32 number per channel")
    return found * np.float32(link.sign)


def put_bias(
    edit: GraphEdit, ctx: PassContext, link: Link, values: Array, rule: str, *sources: str
) -> str:
    """Have a link add other numbers, one per channel; the name of the Const that holds them.

    A constant that others need as well stays, and a copy with the new numbers is made.
    """
    bias = link.bias
    assert bias is not None
    shape = tuple(int(dim.size) for dim in tensor_of(bias).tensor_shape.dim)
    if link.node.op == "BiasAdd" or tensors.elements(tensor_of(bias)) != values.size:
        tail = 0 if link.node.op == "BiasAdd" else link.rank - 1 - link.axis
        shape = (values.size, *(1,) * tail)
    shared = bool(value_used_elsewhere(edit, ctx, bias, link.node))
    name = edit.unique(f"{bias.name}_bn_scaled") if shared else str(bias.name)
    made = constant(
        name, (values * np.float32(link.sign)).reshape(shape), controls=control_inputs(bias)
    )
    if shared:
        edit.add(made, before=link.node.name)
    else:
        edit.replace(made)
    edit.explain(name, rule, *sources)
    return name


def check_weights(chain: Chain, weights: Weights) -> int:
    """The number of channels. Raises: Skipped for weights that cannot be scaled."""
    values, _ = weights.read(chain.linear)
    return channel_count(chain.linear, values)


def _numbers(edit: GraphEdit, node: NodeDef, transform: str) -> Array:
    """The second input, a small constant of whole numbers."""
    inputs = data_inputs(node)
    found = producer(edit, inputs[1]) if len(inputs) > 1 else None
    if found is None or found.op != "Const" or tensors.elements(tensor_of(found)) > 64:
        raise Skipped(f"input 1 of '{node.name}' is no constant")
    return read(found, transform)


def _bias_axis(link: Link) -> int:
    return 1 if layout(link.node) == "NCHW" else link.rank - 1
