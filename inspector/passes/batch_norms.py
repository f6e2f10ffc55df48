"""fold_batch_norms: a factor per channel goes into the weights before it.

conv(x, w) * s  ->  conv(x, w * s)
"""

from __future__ import annotations

from inspector.edit import GraphEdit, with_controls
from inspector.errors import TransformFailed
from inspector.graph import Input, control_inputs, data_inputs, node_name
from inspector.passes.base import PassContext, graph_pass
from inspector.passes.channels import (
    CONVOLUTIONS,
    Skipped,
    Weights,
    channel_count,
    output_rank,
    per_channel,
)
from inspector.passes.constants import is_float, read
from inspector.passes.pattern import ANY, drop_unread, in_order, match, op
from inspector.protos import NodeDef

_LINEAR = op(f"{CONVOLUTIONS}|MatMul", ANY, op("Const", label="weights"), label="linear")
_SCALED = (
    op("Mul", _LINEAR, op("Const", label="factor")),
    op("Mul", op("Const", label="factor"), _LINEAR),
)


@graph_pass(effect="rounding", source="graph_transforms/fold_batch_norms.cc")
def fold_batch_norms(edit: GraphEdit, ctx: PassContext) -> None:
    """Multiply a constant factor per channel into the weights of the op before it.

    For Conv2D, DepthwiseConv2dNative and MatMul, with the factor on either side. Run it after
    remove_nodes and fold_constants. All branches fold; weights that others read as well get a
    scaled copy. Left alone: a convolution that is read elsewhere, factors that are not one number
    per channel.
    """
    weights = Weights(edit, ctx, "fold_batch_norms")
    moved: dict[str, str] = {}
    for mul in in_order(edit, ("Mul",)):
        found = next(filter(None, (match(edit, mul, pattern) for pattern in _SCALED)), None)
        if found is None:
            continue
        try:
            _fold_factor(edit, ctx, mul, found, weights)
        except Skipped as skipped:
            edit.skip(mul, str(skipped))
        else:
            moved[found["linear"].name] = mul.name
    edit.rewire(_control_moves(moved))


def _fold_factor(
    edit: GraphEdit, ctx: PassContext, mul: NodeDef, found: dict[str, NodeDef], weights: Weights
) -> None:
    linear, factor = found["linear"], found["factor"]
    if mul.name in ctx.feeds:
        raise Skipped("is a feed")
    _sole_data_reader(edit, ctx, linear, mul)
    values, axis = weights.read(linear)
    if not is_float(factor):
        raise Skipped(f"'{factor.name}' is not float32")
    channels, factors = channel_count(linear, values), read(factor, "fold_batch_norms")
    scale = per_channel(factors, output_rank(linear), axis, channels)
    if scale is None:
        shape = list(factors.shape)
        if factors.ndim == 1 and axis == output_rank(linear) - 1 and channels != 1:
            # No broadcast allows this: the graph could not run either.
            reason = f"Mul constant input to batch norm has bad shape: {shape}"
            raise TransformFailed("fold_batch_norms", mul.name, reason)
        raise Skipped(f"a factor of shape {shape} is not one number per channel")
    name = weights.scale(linear, scale, mul.name)
    made = NodeDef()
    made.CopyFrom(linear)
    made.name = mul.name
    inputs = [data_inputs(linear)[0], name, *control_inputs(linear)]
    made.input[:] = with_controls(inputs, control_inputs(mul), mul.name)
    edit.replace(made)
    edit.explain(mul.name, "the factor went into the weights", linear.name, factor.name)
    edit.explain(linear.name, "took the name of what was folded into it", mul.name)
    edit.remove(linear.name, mul.name)
    weights.drop_old(node_name(data_inputs(linear)[1]))
    drop_unread(edit, ctx, [factor.name], "folded into the weights")


def _control_moves(moved: dict[str, str]) -> dict[Input, Input]:
    """Who waited for a convolution waits for the one of its new name, however often it moved."""
    table: dict[Input, Input] = {}
    for name in reversed(moved):
        target = moved[name]
        moved[name] = moved.get(target, target)
        table[Input(name, -1, True)] = Input(moved[name], -1, True)
    return table


def _sole_data_reader(edit: GraphEdit, ctx: PassContext, node: NodeDef, reader: NodeDef) -> None:
    """Check that no tensor of `node` is needed but by `reader`; who only waits can be moved."""
    if node.name in ctx.boundary:
        raise Skipped(f"'{node.name}' is a feed or a fetch")
    waiting = False
    for other, ports in edit.reads(node.name).items():
        if other != reader.name and max(ports) >= 0:
            raise Skipped(f"'{node.name}' is read by '{other}' too")
        waiting = waiting or -1 in ports
    if waiting and control_inputs(reader):
        raise Skipped(f"'{node.name}' is waited for, and '{reader.name}' waits itself")
