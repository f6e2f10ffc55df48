"""Fuses bilinear resize and mirror pad into the convolution after them.

    Conv2D(MirrorPad(x, p), w)                           ->  FusedPadConv2D(x, p, w)
    Conv2D(ResizeBilinear(x, size), w)                   ->  FusedResizeAndPadConv2D(x, size, 0, w)
    Conv2D(MirrorPad(ResizeBilinear(x, size), p), w)     ->  FusedResizeAndPadConv2D(x, size, p, w)

The fused kernels save memory, not time. On a CPU, in TensorFlow 1.15 and 2.21, they return the
result of the first image for every image of a batch: so the batch size must be known to be 1.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.references import with_controls
from inspector.graph.graph import control_inputs, data_inputs
from inspector.graph.protos import AttrValue, NodeDef
from inspector.graph.shapes import infer
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.channels import Skipped, layout
from inspector.passes.rewrite.constants import constant, read, tensor_of
from inspector.passes.rewrite.pattern import (
    ANY,
    Pattern,
    in_order,
    match,
    op,
    producer,
    used_elsewhere,
)

_SENTENCE = "Fuse for any batch size; only correct if one image is fed at a time."
_RESIZE = op("ResizeBilinear", ANY, ANY, label="resize")
_TYPES = frozenset(tensors.dtype_enum(name) for name in ("half", "float", "double"))


@graph_pass(
    effect="rounding",
    source="graph_transforms/fuse_convolutions.cc",
    after="`fuse_resize_pad_and_conv`: this one also takes a MirrorPad behind a resize.",
)
def fuse_pad_and_conv(
    edit: GraphEdit, ctx: PassContext, *, any_batch: Annotated[bool, Arg(_SENTENCE)] = False
) -> None:
    """Fuse a MirrorPad into the Conv2D after it.

    It also fuses a pad that follows a resize, so run fuse_resize_pad_and_conv first. Skipped: a
    batch size that is not known to be 1, for which the kernel is wrong; dilations, NCHW, explicit
    padding; padded batch or channels; a pad with other consumers.
    """
    pad = op("MirrorPad", ANY, ANY, label="pad")
    _Fuse(edit, ctx, any_batch).all(op("Conv2D", pad, ANY))


@graph_pass(
    effect="rounding",
    source="graph_transforms/fuse_convolutions.cc",
    after="`fuse_resize_pad_and_conv`, which fuses more at once.",
)
def fuse_resize_and_conv(
    edit: GraphEdit, ctx: PassContext, *, any_batch: Annotated[bool, Arg(_SENTENCE)] = False
) -> None:
    """Fuse a ResizeBilinear into the Conv2D after it.

    Skipped: a batch size that is not known to be 1, for which the kernel is wrong; half-pixel
    centers (what tf.image.resize writes); dilations, NCHW, explicit padding; a resize with other
    consumers.
    """
    _Fuse(edit, ctx, any_batch).all(op("Conv2D", _RESIZE, ANY))


@graph_pass(effect="rounding", source="graph_transforms/fuse_convolutions.cc")
def fuse_resize_pad_and_conv(
    edit: GraphEdit, ctx: PassContext, *, any_batch: Annotated[bool, Arg(_SENTENCE)] = False
) -> None:
    """Fuse ResizeBilinear and MirrorPad into the Conv2D after them.

    Skipped: a batch size that is not known to be 1, for which the kernel is wrong; half-pixel
    centers (what tf.image.resize writes); dilations, NCHW, explicit padding; padded batch or
    channels; a resize or pad with other consumers.
    """
    pad = op("MirrorPad", _RESIZE, ANY, label="pad")
    _Fuse(edit, ctx, any_batch).all(op("Conv2D", pad, ANY))


class _Fuse:
    def __init__(self, edit: GraphEdit, ctx: PassContext, any_batch: bool) -> None:
        self.edit, self.ctx, self.any_batch = edit, ctx, any_batch
        self.shapes = infer.Inferred(edit.graph)

    def all(self, pattern: Pattern) -> None:
        for conv in in_order(self.edit, ("Conv2D",)):
            matched = match(self.edit, conv, pattern)
            if matched is None:
                continue
            try:
                self.one(conv, matched.get("pad"), matched.get("resize"))
            except Skipped as skipped:
                self.edit.skip(conv, str(skipped))

    def one(self, conv: NodeDef, pad: NodeDef | None, resize: NodeDef | None) -> None:
        edit = self.edit
        inner = [node for node in (pad, resize) if node is not None]
        if conv.name in self.ctx.feeds:
            raise Skipped("is a feed")
        for node, reader in zip(inner, [conv, *inner], strict=False):
            if why := used_elsewhere(edit, self.ctx, node, reader):
                raise Skipped(why)
        self._check_conv(conv)
        if pad is not None:
            self._check_pad(pad)
        if resize is not None:
            self._check_resize(resize, conv)
        data = data_inputs(inner[-1])[0]
        self._check_batch(data)
        # Without a device, as in the tool: the only kernels are for the CPU.
        fused = NodeDef(name=conv.name, op="FusedPadConv2D")
        for key in ("T", "padding", "strides"):
            if key in conv.attr:
                fused.attr[key].CopyFrom(conv.attr[key])
        fused.attr["mode"].s = b"REFLECT" if pad is None else _attr(pad, "mode").s
        inputs = [data]
        if resize is not None:
            fused.op = "FusedResizeAndPadConv2D"
            fused.attr["resize_align_corners"].b = _attr(resize, "align_corners").b
            inputs.append(data_inputs(resize)[1])
        inputs.append(data_inputs(pad)[1] if pad is not None else self._no_pads(conv))
        inputs.append(data_inputs(conv)[1])
        controls = [text for node in (conv, *inner) for text in control_inputs(node)]
        fused.input[:] = with_controls(inputs, controls, conv.name)
        edit.replace(fused)
        edit.explain(conv.name, "fused", *(node.name for node in inner))
        for node in inner:
            edit.explain(node.name, "fused into the convolution", conv.name)
            edit.remove(node.name, conv.name)

    def _no_pads(self, conv: NodeDef) -> str:
        name = self.edit.unique(f"{conv.name}_dummy_paddings")
        zeros = np.zeros((4, 2), np.int32)
        self.edit.add(constant(name, zeros, tensors.INT32), before=conv.name)
        self.edit.explain(name, "the fused op asks for paddings", conv.name)
        return name

    def _check_conv(self, conv: NodeDef) -> None:
        if layout(conv) != "NHWC":
            raise Skipped(f"has the layout {layout(conv)}")
        steps = _attr(conv, "dilations").list.i
        if any(step != 1 for step in steps):
            raise Skipped(f"has dilations {list(steps)}, which the fused op does not know")
        if _attr(conv, "padding").s not in (b"SAME", b"VALID"):
            raise Skipped("has explicit padding, which the fused op does not know")
        if _attr(conv, "T").type not in _TYPES:
            raise Skipped("the fused op has no kernel for its dtype")
        strides = list(_attr(conv, "strides").list.i)
        if len(strides) != 4 or _attr(conv, "padding").s == b"VALID":
            return
        weights = self.shapes.of(data_inputs(conv)[1]) or [None] * 4
        for taps, stride in zip(weights[:2], strides[1:3], strict=False):
            # Without anything to pad, the kernel computes a negative SAME padding.
            if stride > 2 and (taps is None or taps < stride - 1):
                raise Skipped(f"the fused kernel is wrong for SAME with a stride of {stride}")

    def _check_pad(self, pad: NodeDef) -> None:
        paddings = producer(self.edit, data_inputs(pad)[1])
        if paddings is None or paddings.op != "Const" or paddings.name in self.ctx.feeds:
            raise Skipped(f"the paddings of '{pad.name}' are no constant")
        if tensor_of(paddings).dtype != tensors.INT32:
            raise Skipped(f"the paddings '{paddings.name}' are not int32")
        dims = [dim.size for dim in tensor_of(paddings).tensor_shape.dim]
        if dims != [4, 2]:
            raise Skipped(f"the paddings '{paddings.name}' have shape {dims}")
        values = read(paddings, "fuse_pad_and_conv")
        if values[0].any() or values[3].any():
            raise Skipped(f"'{pad.name}' pads batch or channels")

    def _check_resize(self, resize: NodeDef, conv: NodeDef) -> None:
        if _attr(resize, "half_pixel_centers").b:
            raise Skipped(f"'{resize.name}' has half-pixel centers")
        if not _attr(resize, "T").type == _attr(conv, "T").type == tensors.FLOAT:
            raise Skipped(f"'{resize.name}' reads another dtype than float32")

    def _check_batch(self, text: str) -> None:
        if self.any_batch:
            return
        shape = self.shapes.of(text)
        batch = shape[0] if shape else None
        if batch != 1:
            size = "not known" if batch is None else batch
            raise Skipped(f"the batch is {size}: the fused kernel is right for a batch of 1 only")


def _attr(node: NodeDef, key: str) -> AttrValue:
    """An attribute of a node, or the op's default."""
    value = opdefs.attr(node, key)
    return AttrValue() if value is None else value
