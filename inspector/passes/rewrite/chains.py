"""Chains of ops from a convolution or matrix product to the op that scales its output.

    MatMul or a convolution  ->  biases, and ops that treat all of a channel alike  ->  consumer

Scaling the input of the consumer is scaling the weights and every bias of the chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import control_inputs, data_inputs, node_name
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.passes.base import PassContext
from inspector.passes.rewrite.channels import (
    LINEAR,
    Skipped,
    Weights,
    channel_axis,
    channel_count,
    layout,
    output_rank,
    per_channel,
)
from inspector.passes.rewrite.constants import constant, is_float, read, tensor_of
from inspector.passes.rewrite.pattern import producer, value_used_elsewhere

CONSTANT_WEIGHTS_FIRST = (
    "`remove_nodes(op=Identity)` and `fold_constants`: it looks for weights that are Const."
)
"""The `after` sentence of the transforms that scale weights."""
SCALABLE = frozenset(("Identity", "Pad", "MirrorPad", "BatchToSpaceND", "Squeeze"))
"""Ops that commute with a factor per channel: they move or drop pixels, or add zeros."""
_BIASES = frozenset(("BiasAdd", "Add", "AddV2", "Sub"))
_MAX_COMPUTED = 200
"""Nodes that compute a factor or weights, at most; real models have ten."""
_MAX_LINKS = 16
"""Nodes of a chain; real models have two or three."""


@dataclass
class Link:
    """A node of a chain, and the constant that it adds, if any.

    Attributes:
        data: The input string that comes from the linear op.
        sign: -1 where the constant is subtracted.
        rank, axis: Rank of the node's output, and the axis of its channels.
    """

    node: NodeDef
    data: str
    bias: NodeDef | None = None
    sign: int = 1
    rank: int = 0
    axis: int = 0


@dataclass
class Chain:
    """A linear op and the nodes downstream of it, nearest to the consumer first."""

    linear: NodeDef
    links: list[Link] = field(default_factory=list)

    @property
    def head(self) -> NodeDef:
        """The node that the consumer reads."""
        return self.links[0].node if self.links else self.linear


def find(
    edit: GraphEdit,
    ctx: PassContext,
    text: str,
    passing: frozenset[str] = SCALABLE,
    *,
    computed: bool = False,
) -> Chain | None:
    """The chain that produces an input string; None if it does not start at a linear op.

    Args:
        passing: Ops that may occur in the chain, besides biases.
        computed: Accept weights that are no Const, too.
    """
    links: list[Link] = []
    while len(links) <= _MAX_LINKS:
        node = producer(edit, text)
        if node is None:
            return None
        inputs = data_inputs(node)
        if node.op in LINEAR:
            weights = producer(edit, inputs[1]) if len(inputs) == LINEAR[node.op].inputs else None
            constant_weights = weights is not None and weights.op == "Const"
            if weights is None or weights.name in ctx.feeds:
                return None
            if not (constant_weights or computed):
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


def computed_from_constants(edit: GraphEdit, ctx: PassContext, text: str) -> NodeDef | None:
    """The node of an input string if it is no Const but could be folded to one; else None."""
    first = producer(edit, text)
    if first is None or first.op == "Const":
        return None
    todo, passed = [first], {first.name}
    while todo:
        node = todo.pop()
        if node.name in ctx.feeds or len(passed) > _MAX_COMPUTED:
            return None
        if node.op != "Const" and (not data_inputs(node) or opdefs.is_stateful(node.op)):
            return None
        for source in map(node_name, node.input):
            upstream = edit.get(source)
            if upstream is None:
                return None
            if source not in passed:
                passed.add(source)
                todo.append(upstream)
    return first


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
    """Follow the channels through the chain: rank and channel axis of the head's output.

    Raises: Skipped if an op of the chain mixes or pads the channels.
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
    """The constant of a link, of shape (channels,). Raises: Skipped if it has another form."""
    assert link.bias is not None
    numbers: Array | None = None
    if link.node.op == "BiasAdd" and _bias_axis(link) != link.axis:
        raise Skipped(f"'{link.node.name}' has the layout {layout(link.node)}")
    if is_float(link.bias):
        values = read(link.bias, transform)
        if link.node.op == "BiasAdd":
            numbers = values if values.shape == (channels,) else None
        else:
            numbers = per_channel(values, link.rank, link.axis, channels)
    if numbers is None:
        raise Skipped(f"'{link.bias.name}' is not one float32 number per channel")
    return numbers * np.float32(link.sign)


def put_bias(
    edit: GraphEdit, ctx: PassContext, link: Link, values: Array, rule: str, *sources: str
) -> str:
    """Change the constant that a link adds to `values`, of shape (channels,); its new name.

    A constant with other consumers stays, and the link gets a copy.
    """
    bias = link.bias
    assert bias is not None
    shape = tuple(int(dim.size) for dim in tensor_of(bias).tensor_shape.dim)
    if link.node.op == "BiasAdd" or tensors.elements(tensor_of(bias)) != values.size:
        tail = 0 if link.node.op == "BiasAdd" else link.rank - 1 - link.axis
        shape = (values.size, *(1,) * tail)
    shared = bool(value_used_elsewhere(edit, ctx, bias, link.node))
    name = edit.unique(f"{bias.name}_bn_scaled") if shared else str(bias.name)
    const = constant(
        name, (values * np.float32(link.sign)).reshape(shape), controls=control_inputs(bias)
    )
    if shared:
        edit.add(const, before=link.node.name)
    else:
        edit.replace(const)
    edit.explain(name, rule, *sources)
    return name


def check_weights(chain: Chain, weights: Weights) -> int:
    """The number of output channels. Raises: Skipped for weights that cannot be scaled."""
    values, _ = weights.read(chain.linear)
    return channel_count(chain.linear, values)


def _numbers(edit: GraphEdit, node: NodeDef, transform: str) -> Array:
    """The second input, a constant of at most 64 integers. Raises: Skipped."""
    inputs = data_inputs(node)
    const = producer(edit, inputs[1]) if len(inputs) > 1 else None
    if const is None or const.op != "Const" or tensors.elements(tensor_of(const)) > 64:
        raise Skipped(f"input 1 of '{node.name}' is no constant")
    return read(const, transform)


def _bias_axis(link: Link) -> int:
    return 1 if layout(link.node) == "NCHW" else link.rank - 1
