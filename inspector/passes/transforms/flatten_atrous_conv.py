"""flatten_atrous_conv: a dilated convolution written with SpaceToBatchND becomes one convolution.

Before: ``BatchToSpaceND(Conv2D(SpaceToBatchND(x, rate, paddings), w), rate, crops)``. After: one
``Conv2D(x, w)`` with zeros between the filter's taps, or ``Conv2D(x, w, dilations=rate)``.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.references import with_controls
from inspector.graph.graph import control_inputs, data_inputs
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.channels import Skipped, layout
from inspector.passes.rewrite.constants import constant, read, tensor_of
from inspector.passes.rewrite.pattern import (
    ANY,
    drop_unread,
    in_order,
    match,
    op,
    producer,
    used_elsewhere,
    value_used_elsewhere,
)

MAX_FILTER = 256 << 20
"""Bytes of the largest upsampled filter; the rate comes from the untrusted file."""

_PATTERN = op(
    "BatchToSpaceND",
    op(
        "Conv2D|DepthwiseConv2dNative",
        op("SpaceToBatchND", ANY, ANY, ANY, label="split"),
        ANY,
        label="conv",
    ),
    ANY,
    ANY,
)
_NAME = "flatten_atrous_conv"


@graph_pass(
    effect="rounding",
    source="graph_transforms/flatten_atrous_conv.cc",
    after="`fold_constants`, so that filters are Const.",
)
def flatten_atrous_conv(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    dilations: Annotated[
        bool,
        Arg("Write the rate into the attribute dilations; otherwise put zeros into the filter."),
    ] = False,
) -> None:
    """Turn an atrous convolution between SpaceToBatchND and BatchToSpaceND into one convolution.

    The filter must be a constant, so run it after fold_constants, and before fold_batch_norms.
    With dilations the model does not grow; DepthwiseConv2dNative still gets zeros in its filter,
    since its kernels ignore dilations. Skipped: paddings that are neither SAME nor VALID, strides,
    NCHW. A filter with other consumers is copied.
    """
    flatten = _Flatten(edit, ctx, dilations)
    for node in in_order(edit, ("BatchToSpaceND",)):
        matched = match(edit, node, _PATTERN)
        if matched is None:
            continue
        ctx.check_cancelled(_NAME)
        try:
            flatten.one(node, matched["conv"], matched["split"])
        except Skipped as skipped:
            edit.skip(node, str(skipped))


class _Flatten:
    def __init__(self, edit: GraphEdit, ctx: PassContext, dilations: bool) -> None:
        self.edit, self.ctx, self.dilations = edit, ctx, dilations
        self.copies: dict[tuple[str, tuple[int, int]], str] = {}

    def one(self, join: NodeDef, conv: NodeDef, split: NodeDef) -> None:
        """Replace `join` by one convolution. Raises: Skipped, before anything has changed."""
        edit = self.edit
        if join.name in self.ctx.feeds:
            raise Skipped("is a feed")
        for node, reader in ((conv, join), (split, conv)):
            if why := used_elsewhere(edit, self.ctx, node, reader):
                raise Skipped(why)
        weights = producer(edit, data_inputs(conv)[1])
        if weights is None or weights.op != "Const":
            raise Skipped(f"the filter of '{conv.name}' is no constant")
        if weights.name in self.ctx.feeds:
            raise Skipped(f"the filter '{weights.name}' is a feed")
        taps = tensors.shape_of(tensor_of(weights).tensor_shape) or []
        if len(taps) != 4:
            raise Skipped(f"the filter '{weights.name}' has {len(taps)} dimensions")
        self._check_conv(conv)
        rate = self._rate(join, split)
        padding = self._padding(join, conv, split, [int(size or 0) for size in taps[:2]], rate)
        flat = NodeDef(name=join.name, op=conv.op, device=conv.device)
        for key in ("T", "strides", "data_format", "use_cudnn_on_gpu"):
            if key in conv.attr:
                flat.attr[key].CopyFrom(conv.attr[key])
        flat.attr["padding"].s = padding.encode()
        filter_name = weights.name
        if self.dilations and conv.op == "Conv2D":
            flat.attr["dilations"].list.i[:] = [1, *rate, 1]
        elif rate != (1, 1):
            filter_name = self._upsampled(weights, conv, rate)
        controls = [text for node in (join, conv, split) for text in control_inputs(node)]
        flat.input[:] = with_controls([data_inputs(split)[0], filter_name], controls, join.name)
        shapes = [text for node in (join, split) for text in data_inputs(node)[1:]]
        edit.replace(flat)
        edit.explain(join.name, "one convolution instead of many small ones", conv.name)
        for node in (conv, split):
            edit.explain(node.name, "the convolution does it alone", join.name)
            edit.remove(node.name, join.name)
        sources = (producer(edit, text) for text in shapes)
        names = [source.name for source in sources if source is not None]
        drop_unread(edit, self.ctx, names, "nobody reads it any more")
        drop_unread(edit, self.ctx, [weights.name], "replaced by an upsampled copy")

    def _check_conv(self, conv: NodeDef) -> None:
        if layout(conv) != "NHWC":
            raise Skipped(f"'{conv.name}' has the layout {layout(conv)}")
        for key in ("strides", "dilations"):
            value = opdefs.attr(conv, key)
            if value is not None and any(step != 1 for step in value.list.i):
                raise Skipped(f"'{conv.name}' has {key} {list(value.list.i)}")

    def _rate(self, join: NodeDef, split: NodeDef) -> tuple[int, int]:
        first, second = self._numbers(split, 1), self._numbers(join, 1)
        if first.shape != (2,) or not np.array_equal(first, second):
            raise Skipped("its block shape is not that of two dimensions, there and back")
        if first.min() < 1:
            raise Skipped(f"its block shape is {first.tolist()}")
        return int(first[0]), int(first[1])

    def _numbers(self, node: NodeDef, index: int) -> Array:
        const = producer(self.edit, data_inputs(node)[index])
        if const is None or const.op != "Const" or const.name in self.ctx.feeds:
            raise Skipped(f"input {index} of '{node.name}' is no constant")
        if tensor_of(const).dtype not in (tensors.INT32, tensors.INT64):
            raise Skipped(f"'{const.name}' holds no whole numbers")
        if tensors.elements(tensor_of(const)) > 4:
            raise Skipped(f"'{const.name}' has more than 2 dimensions to spread")
        return read(const, _NAME).astype(np.int64)

    def _padding(
        self, join: NodeDef, conv: NodeDef, split: NodeDef, taps: list[int], rate: tuple[int, int]
    ) -> str:
        """``SAME`` or ``VALID``: the paddings minus the crops. Raises: Skipped for others."""
        paddings, crops = self._numbers(split, 2), self._numbers(join, 2)
        if paddings.shape != (2, 2) or crops.shape != (2, 2):
            raise Skipped("its paddings or crops are not two pairs")
        if min(paddings.min(), crops.min()) < 0:
            raise Skipped("its paddings or crops are negative")
        net = (paddings - crops).tolist()
        inner = opdefs.attr(conv, "padding")
        if inner is None or inner.s not in (b"SAME", b"VALID"):
            raise Skipped(f"the padding of '{conv.name}' is neither SAME nor VALID")
        same = []
        for axis in (0, 1):
            span = taps[axis] - 1
            if inner.s == b"SAME":
                net[axis][0] += rate[axis] * (span // 2)
                net[axis][1] += rate[axis] * (span - span // 2)
            total = span * rate[axis]
            same.append([total // 2, total - total // 2])
        if net == same:
            return "SAME"
        if net == [[0, 0], [0, 0]]:
            return "VALID"
        raise Skipped(f"its paddings come to {net}: neither SAME, which is {same}, nor VALID")

    def _upsampled(self, weights: NodeDef, conv: NodeDef, rate: tuple[int, int]) -> str:
        """The name of a Const with zeros between the taps of `weights`. Raises: Skipped."""
        if (weights.name, rate) in self.copies:
            return self.copies[weights.name, rate]
        taps = [int(dim.size) for dim in tensor_of(weights).tensor_shape.dim]
        shape = [(taps[axis] - 1) * rate[axis] + 1 if taps[axis] else 0 for axis in (0, 1)]
        shape += taps[2:]
        dtype = tensor_of(weights).dtype
        size = math.prod(shape) * tensors.itemsize(dtype)
        if size > MAX_FILTER:
            reason = f"its filter would take {size >> 20} MiB with zeros; dilations need none"
            raise Skipped(reason)
        values = read(weights, _NAME)
        wide = np.zeros(shape, values.dtype)
        wide[:: rate[0], :: rate[1]] = values
        shared = bool(value_used_elsewhere(self.edit, self.ctx, weights, conv))
        name = self.edit.unique(f"{weights.name}_upsampled") if shared else weights.name
        const = constant(name, wide, dtype, control_inputs(weights))
        if shared:
            self.edit.add(const, before=conv.name)
            self.copies[weights.name, rate] = name
        else:
            self.edit.replace(const)
        self.edit.explain(name, f"zeros between the taps, at rate {list(rate)}", weights.name)
        return name
