"""fold_batch_norms: multiplies a factor per channel into the weights upstream of it.

conv(x, w) * s        ->  conv(x, w * s)
(conv(x, w) + b) * s  ->  conv(x, w * s) + b * s
"""

from __future__ import annotations

import numpy as np

from inspector.errors import TransformFailed
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.references import with_controls
from inspector.graph.graph import Input, control_inputs, data_inputs, node_name
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.passes.base import PassContext, graph_pass
from inspector.passes.rewrite.chains import (
    CONSTANT_WEIGHTS_FIRST,
    Chain,
    Link,
    bias_of,
    bias_values,
    check_weights,
    computed_from_constants,
    find,
    place_channels,
    put_bias,
)
from inspector.passes.rewrite.channels import Skipped, Weights, per_channel
from inspector.passes.rewrite.constants import is_float, read
from inspector.passes.rewrite.pattern import drop_unread, in_order, producer

_NAME = "fold_batch_norms"


@graph_pass(
    effect="rounding", source="graph_transforms/fold_batch_norms.cc", after=CONSTANT_WEIGHTS_FIRST
)
def fold_batch_norms(edit: GraphEdit, ctx: PassContext) -> None:
    """Multiply a constant factor per channel into the weights of the op before it.

    This folds batch norms written as Mul and Add. It works on convolutions, also transposed and
    depthwise, and on MatMul, with the factor on either side, and with biases and Pad between. Run
    it after remove_nodes and fold_constants. All branches fold; weights with other consumers are
    copied. Skipped: a convolution whose output has other consumers, factors that are not one
    number per channel.
    """
    fold = _Fold(edit, ctx)
    for node in in_order(edit, ("Mul", "RealDiv")):
        try:
            fold.one(node)
        except Skipped as skipped:
            edit.skip(node, str(skipped))
    edit.rewire(fold.control_moves())


class _Fold:
    """Attributes: moved: Name of a removed node to the node that replaced it, in this order."""

    def __init__(self, edit: GraphEdit, ctx: PassContext) -> None:
        self.edit, self.ctx = edit, ctx
        self.weights = Weights(edit, ctx, _NAME)
        self.moved: dict[str, str] = {}

    def one(self, node: NodeDef) -> None:
        """Fold one product, unless it does not follow a linear op. Raises: Skipped."""
        product = self._match(node)
        if product is None:
            self._check_computed(node)
            return
        factor, chain = product
        channels, scale = self._check(node, factor, chain)
        try:
            self._check_uses(node, chain)
        except Skipped:
            if not self._bypass(node, factor, chain, scale):
                raise
            return
        self._fold(node, factor, chain, channels, scale)
        link = bias_of(self.edit, self.ctx, self.edit[node.name]) if chain.links else None
        if link is not None:
            link.rank, link.axis = chain.links[0].rank, chain.links[0].axis
            self._merge(link, channels)

    def _match(self, node: NodeDef) -> tuple[NodeDef, Chain] | None:
        inputs = data_inputs(node)
        for place in (1, 0) if node.op == "Mul" else (1,):
            factor = producer(self.edit, inputs[place]) if len(inputs) == 2 else None
            if factor is not None and factor.op == "Const" and factor.name not in self.ctx.feeds:
                chain = find(self.edit, self.ctx, inputs[1 - place])
                if chain is not None:
                    return factor, chain
        return None

    def _check_computed(self, node: NodeDef) -> None:
        """Raises: Skipped for a product that could be folded if fold_constants had run before."""
        inputs = data_inputs(node)
        for place in ((1, 0) if node.op == "Mul" else (1,)) if len(inputs) == 2 else ():
            chain = find(self.edit, self.ctx, inputs[1 - place], computed=True)
            if chain is None:
                continue
            factor = producer(self.edit, inputs[place])
            source = computed_from_constants(self.edit, self.ctx, inputs[place])
            what = "factor"
            if factor is not None and factor.op == "Const":
                source = computed_from_constants(self.edit, self.ctx, data_inputs(chain.linear)[1])
                what = "weights"
            if source is not None:
                verb = "is" if what == "factor" else "are"
                reason = f"the {what} '{source.name}' {verb} computed from constants"
                raise Skipped(f"{reason}: run fold_constants before")

    def _check(self, node: NodeDef, factor: NodeDef, chain: Chain) -> tuple[int, Array]:
        """The number of channels, and the scale of shape (channels,). Raises: Skipped."""
        if node.name in self.ctx.feeds:
            raise Skipped("is a feed")
        channels = check_weights(chain, self.weights)
        if not is_float(factor):
            raise Skipped(f"'{factor.name}' is not float32")
        rank, axis = place_channels(self.edit, chain, _NAME)
        factors = read(factor, _NAME)
        if node.op == "RealDiv":
            with np.errstate(all="ignore"):
                factors = np.float32(1) / factors
            if not np.isfinite(factors).all():
                raise Skipped(f"'{factor.name}' has values that nothing can be divided by")
        scale = per_channel(factors, rank, axis, channels)
        if scale is None:
            shape = list(factors.shape)
            if factors.ndim == 1 and axis == rank - 1 and channels != 1:
                # No broadcast allows this shape, so the graph cannot run either.
                reason = f"Mul constant input to batch norm has bad shape: {shape}"
                reason += f" (expected [{channels}])"
                raise TransformFailed(_NAME, node.name, reason)
            raise Skipped(f"a factor of shape {shape} is not one number per channel")
        for link in chain.links:
            if link.bias is not None:
                bias_values(link, channels, _NAME)
        return channels, scale

    def _check_uses(self, node: NodeDef, chain: Chain) -> None:
        reader = node
        for inner in (*(link.node for link in chain.links), chain.linear):
            self._sole_data_reader(inner, reader)
            reader = inner

    def _bypass(self, node: NodeDef, factor: NodeDef, chain: Chain, scale: Array) -> bool:
        """Remove a product with ones, also if its input has other consumers; False for others."""
        edit = self.edit
        waiting = any(-1 in ports for ports in edit.reads(node.name).values())
        if not (scale == 1).all() or node.name in self.ctx.fetches:
            return False
        if waiting or control_inputs(node):
            return False
        for reader in edit.reads(node.name):
            edit.explain(reader, "reads past a product with ones", node.name)
        edit.redirect(node.name, chain.head.name)
        edit.explain(node.name, "is a product with ones", factor.name)
        edit.remove(node.name, chain.head.name)
        drop_unread(edit, self.ctx, [factor.name], "only ones, that nobody multiplies with")
        return True

    def _sole_data_reader(self, node: NodeDef, reader: NodeDef) -> None:
        """Raises: Skipped if another node than `reader` reads a tensor of `node`.

        Control inputs on `node` can be moved.
        """
        if node.name in self.ctx.boundary:
            raise Skipped(f"'{node.name}' is a feed or a fetch")
        waiting = False
        for other, ports in self.edit.reads(node.name).items():
            if other != reader.name and max(ports) >= 0:
                raise Skipped(f"'{node.name}' is read by '{other}' too")
            waiting = waiting or -1 in ports
        if waiting and control_inputs(reader):
            raise Skipped(f"'{node.name}' is waited for, and '{reader.name}' waits itself")

    def _fold(
        self, node: NodeDef, factor: NodeDef, chain: Chain, channels: int, scale: Array
    ) -> None:
        edit, linear = self.edit, chain.linear
        old = node_name(data_inputs(linear)[1])
        name = self.weights.scale(linear, scale, node.name)
        edit.set_inputs(linear.name, _with(linear, {1: name}))
        for link in chain.links:
            if link.bias is not None:
                with np.errstate(all="ignore"):
                    values = bias_values(link, channels, _NAME) * scale
                name = put_bias(edit, self.ctx, link, values, "scaled per channel", node.name)
                self._read_bias(link, name)
                drop_unread(edit, self.ctx, [link.bias.name], "replaced by a scaled copy")
        self._move(chain.head.name, node, factor.name)
        self.weights.drop_old(old)
        drop_unread(edit, self.ctx, [factor.name], "folded into the weights")

    def _read_bias(self, link: Link, name: str) -> None:
        assert link.bias is not None
        place = data_inputs(link.node).index(link.data)
        self.edit.set_inputs(link.node.name, _with(link.node, {1 - place: name}))

    def _move(self, name: str, node: NodeDef, constant: str) -> None:
        """Replace `node` by its input of this name, which takes the name of `node`."""
        renamed = NodeDef()
        renamed.CopyFrom(self.edit[name])
        renamed.name = node.name
        renamed.input[:] = with_controls(renamed.input, control_inputs(node), node.name)
        self.edit.replace(renamed)
        self.edit.explain(node.name, "the factor went into the weights", name, constant)
        self.edit.explain(name, "took the name of what was folded into it", node.name)
        self.edit.remove(name, node.name)
        self.moved[name] = node.name

    def _merge(self, link: Link, channels: int) -> None:
        """Merge a bias with the bias that its only consumer adds, if that is one per channel."""
        edit, head = self.edit, link.node
        names = [name for name, ports in edit.reads(head.name).items() if max(ports) >= 0]
        second = bias_of(edit, self.ctx, edit[names[0]]) if len(names) == 1 else None
        if second is None or second.bias is None or link.bias is None:
            return
        if second.node.name in self.ctx.feeds or second.data != head.name:
            return
        second.rank, second.axis = link.rank, link.axis
        try:
            self._sole_data_reader(head, second.node)
            values = bias_values(link, channels, _NAME) + bias_values(second, channels, _NAME)
        except Skipped:
            return
        rule = "two constants that were added one after the other"
        name = put_bias(edit, self.ctx, link, values, rule, second.bias.name)
        self._read_bias(link, name)
        self._move(head.name, second.node, second.bias.name)
        drop_unread(edit, self.ctx, [second.bias.name, link.bias.name], "added in one go")

    def control_moves(self) -> dict[Input, Input]:
        """Control input on a removed node to one on its final replacement."""
        table: dict[Input, Input] = {}
        final: dict[str, str] = {}
        for name in reversed(self.moved):
            target = self.moved[name]
            final[name] = final.get(target, target)
            table[Input(name, -1, True)] = Input(final[name], -1, True)
        return table


def _with(node: NodeDef, places: dict[int, str]) -> list[str]:
    """The inputs of a node, with the data inputs at `places` replaced."""
    data = [places.get(index, text) for index, text in enumerate(data_inputs(node))]
    return [*data, *control_inputs(node)]
