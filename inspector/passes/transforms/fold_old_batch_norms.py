"""fold_old_batch_norms: folds one-op batch norms into the weights upstream of them.

    bn(conv(x, w) + b)  ->  conv(x, w * s) + (b * s + o)

    s = (1 / sqrt(variance + epsilon)) * gamma,  o = -mean * s + beta

One s and o per output channel, all in float32 as the tool computes it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from inspector.errors import TransformFailed
from inspector.graph import opdefs
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.references import with_controls
from inspector.graph.graph import control_inputs, data_inputs, node_name
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.passes.base import PassContext, graph_pass
from inspector.passes.rewrite.chains import (
    CONSTANT_WEIGHTS_FIRST,
    Chain,
    Link,
    bias_values,
    check_weights,
    find,
    place_channels,
)
from inspector.passes.rewrite.channels import Skipped, Weights, bias_layout, channel_count, layout
from inspector.passes.rewrite.constants import constant, is_float, read
from inspector.passes.rewrite.pattern import drop_unread, in_order, producer, used_elsewhere

_NAME = "fold_old_batch_norms"
_PASSING = frozenset(("Identity", "BatchToSpaceND"))
_UNSCALED = "BatchNormWithGlobalNormalization"
_BATCH_NORMS = frozenset((_UNSCALED, "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"))


@graph_pass(
    effect="rounding",
    source="graph_transforms/fold_old_batch_norms.cc",
    after=CONSTANT_WEIGHTS_FIRST,
)
def fold_old_batch_norms(edit: GraphEdit, ctx: PassContext) -> None:
    """Fold one-op batch norms into the convolution before them; a BiasAdd remains.

    It folds FusedBatchNorm, V2 and V3, and BatchNormWithGlobalNormalization after a convolution,
    also a depthwise or transposed one, with bias, Identity, BatchToSpaceND or a ConcatV2 of
    convolutions between. Run it after remove_nodes and fold_constants. Skipped: a batch norm in
    training mode, a convolution whose output has other consumers. Weights with other consumers are
    copied.
    """
    weights = Weights(edit, ctx, _NAME)
    for node in in_order(edit, _BATCH_NORMS):
        try:
            _BatchNorm(edit, ctx, node, weights).fold()
        except Skipped as skipped:
            edit.skip(node, str(skipped))


@dataclass
class _Branch:
    """The chain from a linear op to the batch norm, or to the ConcatV2 before it."""

    chain: Chain

    @property
    def linear(self) -> NodeDef:
        return self.chain.linear

    @property
    def biases(self) -> list[Link]:
        return [link for link in self.chain.links if link.bias is not None]

    @property
    def spaced(self) -> NodeDef | None:
        """The BatchToSpaceND of the chain, which stays; None without one."""
        nodes = (link.node for link in self.chain.links if link.node.op == "BatchToSpaceND")
        return next(nodes, None)

    @property
    def gone(self) -> list[NodeDef]:
        """The nodes that the BiasAdd replaces."""
        return [link.node for link in self.chain.links if link.node is not self.spaced]


class _BatchNorm:
    """Folds one batch norm; nothing changes before everything has been checked."""

    def __init__(self, edit: GraphEdit, ctx: PassContext, node: NodeDef, weights: Weights) -> None:
        self.edit, self.ctx, self.node, self.weights = edit, ctx, node, weights
        self.layout = "NHWC" if node.op == _UNSCALED else layout(node)
        self.params: dict[str, NodeDef] = {}

    def fold(self) -> None:
        self._check_outputs()
        scale, offset = self._scale_and_offset()
        text = data_inputs(self.node)[0]
        head = producer(self.edit, text)
        if head is not None and head.op == "ConcatV2":
            self._fold_concat(head, scale, offset)
            return
        branch = self._branch(text, self.node)
        self._check(branch, scale.size)
        if branch.spaced is None:
            self._write(branch, scale, offset, self.node.name)
        else:
            name = self.edit.unique(f"{branch.linear.name}/biasadd")
            self._write(branch, scale, offset, name)
            self._take_over(branch.spaced, {0: name})
        self._clean([branch])

    def _check_outputs(self) -> None:
        node = self.node
        if node.name in self.ctx.feeds:
            raise Skipped("is a feed")
        ports = {port for used in self.edit.reads(node.name).values() for port in used}
        ports |= self.ctx.fetched_ports(node.name)
        if max(ports, default=0) > 0:
            raise Skipped(f"its output {max(ports)} is in use")
        training = opdefs.attr(node, "is_training")
        if training is not None and training.b:
            raise Skipped("is in training mode: it takes mean and variance from each batch")

    def _scale_and_offset(self) -> tuple[Array, Array]:
        names = ("gamma", "beta", "mean", "variance")
        if self.node.op == _UNSCALED:
            names = ("mean", "variance", "beta", "gamma")
        texts = data_inputs(self.node)[1:]
        if len(texts) != len(names):
            raise Skipped(f"has {len(texts)} parameters, not {len(names)}")
        values: dict[str, Array] = {}
        for name, text in zip(names, texts, strict=True):
            param = producer(self.edit, text)
            if param is None or not is_float(param) or param.name in self.ctx.feeds:
                raise Skipped(f"its {name} is no constant of float32")
            self.params[name] = param
            values[name] = read(param, _NAME)
        for name, value in values.items():
            if value.ndim != 1 or value.size != values["mean"].size:
                reason = (
                    f"{name.capitalize()} input to batch norm has bad shape: {list(value.shape)} "
                    f"(expected [{values['mean'].size}])"
                )
                raise TransformFailed(_NAME, self.node.name, reason)
        return self._affine(values)

    def _affine(self, values: dict[str, Array]) -> tuple[Array, Array]:
        key = "variance_epsilon" if self.node.op == _UNSCALED else "epsilon"
        epsilon = opdefs.attr(self.node, key)
        scaled_too = opdefs.attr(self.node, "scale_after_normalization")
        with np.errstate(all="ignore"):
            added = values["variance"] + np.float32(0.0 if epsilon is None else epsilon.f)
            scale = np.float32(1) / np.sqrt(added)
            if scaled_too is None or scaled_too.b:
                scale = scale * values["gamma"]
            offset = -values["mean"] * scale + values["beta"]
        if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
            raise Skipped("its scale is not finite")
        return scale, offset

    def _branch(self, text: str, reader: NodeDef) -> _Branch:
        """The chain that produces a tensor. Raises: Skipped if it has other consumers."""
        chain = find(self.edit, self.ctx, text, _PASSING)
        if chain is None:
            raise Skipped("is not behind a convolution with constant weights")
        for node in (*(link.node for link in chain.links), chain.linear):
            if why := used_elsewhere(self.edit, self.ctx, node, reader):
                raise Skipped(why)
            reader = node
        place_channels(self.edit, chain, _NAME)
        if sum(link.node.op == "BatchToSpaceND" for link in chain.links) > 1:
            raise Skipped("is behind two BatchToSpaceND")
        return _Branch(chain)

    def _check(self, branch: _Branch, channels: int) -> None:
        count = check_weights(branch.chain, self.weights)
        linear_layout = layout(branch.linear)
        if linear_layout != self.layout or branch.linear.op == "MatMul":
            raise Skipped(f"'{branch.linear.name}' has the layout {linear_layout}")
        if count != channels:
            raise Skipped(f"'{branch.linear.name}' has {count} channels, not {channels}")
        for link in branch.biases:
            bias_values(link, channels, _NAME)

    def _write(self, branch: _Branch, scale: Array, offset: Array, name: str) -> None:
        """Scale the weights, and add the offset in a BiasAdd of this name.

        With the name of the batch norm it replaces the batch norm.
        """
        edit, linear = self.edit, branch.linear
        for link in branch.biases:
            offset = bias_values(link, scale.size, _NAME) * scale + offset
        old = node_name(data_inputs(linear)[1])
        now = self.weights.scale(linear, scale, self.node.name)
        data = data_inputs(linear)
        edit.set_inputs(linear.name, [data[0], now, *data[2:], *control_inputs(linear)])
        self.weights.drop_old(old)
        offset_controls = [text for param in self.params.values() for text in control_inputs(param)]
        offset_name = edit.unique(f"{linear.name}_bn_offset")
        edit.add(
            constant(offset_name, offset, controls=dict.fromkeys(offset_controls)),
            before=self.node.name,
        )
        edit.explain(offset_name, "the batch norm's offset", self.node.name)
        add = NodeDef(name=name, op="BiasAdd", input=[linear.name, offset_name])
        for key in ("T", "data_format"):
            if key in linear.attr:
                add.attr[key].CopyFrom(linear.attr[key])
        if "data_format" in add.attr:
            add.attr["data_format"].s = bias_layout(linear).encode()
        controls = [text for node in branch.gone for text in control_inputs(node)]
        if name == self.node.name:
            add.input[:] = with_controls(
                add.input, [*control_inputs(self.node), *controls], self.node.name
            )
            edit.replace(add)
        else:
            add.input[:] = with_controls(add.input, controls, name)
            edit.add(add, before=self.node.name)
        edit.explain(name, "what is left of the batch norm", self.node.name, linear.name)

    def _take_over(self, node: NodeDef, inputs: dict[int, str]) -> None:
        """Replace the batch norm by this node, with some data inputs replaced."""
        renamed = NodeDef()
        renamed.CopyFrom(node)
        renamed.name = self.node.name
        data = [inputs.get(index, text) for index, text in enumerate(data_inputs(node))]
        controls = [*control_inputs(node), *control_inputs(self.node)]
        renamed.input[:] = with_controls(data, controls, self.node.name)
        self.edit.replace(renamed)
        self.edit.explain(node.name, "took the name of the batch norm", self.node.name)
        self.edit.explain(self.node.name, "takes the batch norm's place", node.name)
        self.edit.remove(node.name, self.node.name)

    def _fold_concat(self, concat: NodeDef, scale: Array, offset: Array) -> None:
        if why := used_elsewhere(self.edit, self.ctx, concat, self.node):
            raise Skipped(why)
        *texts, axis_text = data_inputs(concat)
        axis_node = producer(self.edit, axis_text)
        if axis_node is None or axis_node.op != "Const":
            raise Skipped(f"the axis of '{concat.name}' is no constant")
        axis = int(read(axis_node, _NAME).reshape(-1)[0]) % 4
        branches = [self._branch(text, concat) for text in texts]
        along = axis == (3 if self.layout == "NHWC" else 1)
        parts: list[tuple[Array, Array]] = []
        start = 0
        for branch in branches:
            if branch.spaced is not None:
                raise Skipped(f"'{branch.spaced.name}' stands before the concatenation")
            values, _ = self.weights.read(branch.linear)
            end = start + channel_count(branch.linear, values)
            parts.append((scale[start:end], offset[start:end]) if along else (scale, offset))
            self._check(branch, parts[-1][0].size)
            start = end
        if along and start != scale.size:
            raise Skipped(f"its input has {start} channels, not {scale.size}")
        names: dict[int, str] = {}
        for index, (branch, (part, rest)) in enumerate(zip(branches, parts, strict=True)):
            names[index] = self.edit.unique(f"{concat.name}_bn_in{index}")
            self._write(branch, part, rest, names[index])
        self._take_over(concat, names)
        self._clean(branches)

    def _clean(self, branches: Collection[_Branch]) -> None:
        for branch in branches:
            for node in branch.gone:
                self.edit.explain(node.name, "went into the batch norm's offset")
                self.edit.remove(node.name, branch.linear.name)
            names = [link.bias.name for link in branch.biases if link.bias is not None]
            drop_unread(self.edit, self.ctx, names, "went into the offset")
        names = [param.name for param in self.params.values()]
        drop_unread(self.edit, self.ctx, names, "folded into weights and offset")
