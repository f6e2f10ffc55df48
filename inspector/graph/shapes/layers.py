"""Shape rules of the ops that layers are made of: products, convolutions, pools, norms.

Source: tensorflow/core/ops/nn_ops.cc, math_ops.cc; common_shape_fns.cc.
"""

from __future__ import annotations

from inspector.graph.shapes.dims import (
    Contradiction,
    Shapes,
    View,
    axis,
    broadcast,
    layout,
    merge,
    merge_dim,
    table,
    window,
    with_rank,
)
from inspector.graph.tensors import Shape

Dims = list[int | None]


def matmul(view: View) -> Shapes:
    """``MatMul``: two matrices, each transposed or not."""
    return [
        _product(
            view.ranked(0, 2), view.ranked(1, 2), view.flag("transpose_a"), view.flag("transpose_b")
        )
    ]


def quantized_matmul(view: View) -> Shapes:
    """``QuantizedMatMul``: the product and its range."""
    return [matmul(view)[0], [], []]


def batch_matmul(view: View) -> Shapes:
    """``BatchMatMul`` and V2, V3: the leading axes broadcast."""
    a, b = view.shapes[0], view.shapes[1]
    if a is None or b is None:
        return [None]
    if len(a) < 2 or len(b) < 2:
        raise Contradiction("no matrices")
    lead = merge(a[:-2], b[:-2]) if view.node.op == "BatchMatMul" else broadcast(a[:-2], b[:-2])
    return [[*(lead or []), *_product(a[-2:], b[-2:], view.flag("adj_x"), view.flag("adj_y"))]]


def _product(a: Dims, b: Dims, turn_a: bool, turn_b: bool) -> Dims:
    rows, inner = a[::-1] if turn_a else a
    other, columns = b[::-1] if turn_b else b
    merge_dim(inner, other)
    return [rows, columns]


def einsum(view: View) -> Shapes:
    """``Einsum``: the sizes of the labels; ``...`` stands for axes that broadcast."""
    operands, arrow, result = view.text("equation").replace(" ", "").partition("->")
    terms = operands.split(",")
    if not arrow or len(terms) != len(view.shapes):
        raise Contradiction("no equation for these inputs")
    sizes: dict[str, int | None] = {}
    spread: Shape | None = []
    for term, shape in zip(terms, view.shapes, strict=True):
        if len(term) > 300:
            raise Contradiction("too many labels")
        if shape is None:
            spread = None if "..." in term else spread
            continue
        before, dots, after = term.partition("...")
        extra = len(shape) - len(before) - len(after)
        if extra < 0 or (extra and not dots):
            raise Contradiction("labels and axes differ in number")
        if dots:
            spread = broadcast(spread, shape[len(before) : len(before) + extra])
        labelled = shape[: len(before)] + shape[len(before) + extra :]
        for label, size in zip(before + after, labelled, strict=True):
            sizes[label] = merge_dim(sizes.get(label), size)
    before, dots, after = result.partition("...")
    if dots and spread is None:
        return [None]
    middle = spread if dots and spread else []
    return [[*(sizes.get(x) for x in before), *middle, *(sizes.get(x) for x in after)]]


def _window_attrs(view: View, rank: int) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    strides = view.numbers("strides")
    dilations = view.numbers("dilations") or [1] * rank
    explicit = view.numbers("explicit_paddings")
    pairs = list(zip(explicit[::2], explicit[1::2], strict=False)) or [(0, 0)] * rank
    if not len(strides) == len(dilations) == len(pairs) == rank:
        raise Contradiction("strides, dilations and axes differ in number")
    return strides, dilations, pairs


def _conv(view: View, rank: int, depthwise: bool = False) -> Dims:
    data, weights = view.ranked(0, rank), view.ranked(1, rank)
    channel, spatial = layout(view, rank)
    strides, dilations, explicit = _window_attrs(view, rank)
    padding = view.text("padding")
    out: Dims = [None] * rank
    out[0] = data[0]
    for place, filter_size in zip(spatial, weights[: rank - 2], strict=True):
        out[place] = window(
            data[place], filter_size, strides[place], padding, dilations[place], explicit[place]
        )
    inner, outer = weights[-2], weights[-1]
    if depthwise:
        merge_dim(data[channel], inner)
        out[channel] = None if inner is None or outer is None else inner * outer
    else:
        if inner and data[channel] is not None and (data[channel] or 0) % inner:
            raise Contradiction("the channels do not divide into groups")
        out[channel] = outer
    return out


def conv2d(view: View) -> Shapes:
    """``Conv2D`` and the fused and quantised kin, whose other outputs are ranges."""
    return [_conv(view, 4), *[[]] * (view.outputs - 1)]


def conv3d(view: View) -> Shapes:
    """``Conv3D``."""
    return [_conv(view, 5)]


def depthwise(view: View) -> Shapes:
    """``DepthwiseConv2dNative``: each channel times the multiplier."""
    return [_conv(view, 4, depthwise=True)]


def conv_backprop(view: View) -> Shapes:
    """A transposed convolution: input 0 spells the shape."""
    rank = 5 if "3D" in view.node.op else 4
    target = view.dims(0)
    gradient = view.ranked(2, rank)
    if target is not None and len(target) == rank - 2:
        # Only the spatial axes are given.
        channel, spatial = layout(view, rank)
        out: Dims = [gradient[0]] * rank
        for place, size in zip(spatial, target, strict=True):
            out[place] = size
        out[channel] = view.ranked(1, rank)[-2]
        return [out]
    out = with_rank(target, rank)
    return [[merge_dim(out[0], gradient[0]), *out[1:]]]


def bias_gradient(view: View) -> Shapes:
    """``BiasAddGrad``: one number for each channel."""
    data = view.shapes[0]
    if data is None:
        return [[None]]
    return [[data[1 if view.text("data_format") == "NCHW" else -1]]]


def pool(view: View) -> Shapes:
    """``MaxPool``, ``AvgPool``, in 2 and 3 dimensions; further outputs: the arg or the range."""
    rank = 5 if "3D" in view.node.op else 4
    data = view.ranked(0, rank)
    if view.node.op == "MaxPoolV2":
        sizes, strides = view.items(1), view.items(2)
        if sizes is None or strides is None or None in strides:
            return [[None] * rank]
        steps = [step or 0 for step in strides]
    else:
        sizes, steps = tuple(view.numbers("ksize")), view.numbers("strides")
    layout(view, rank)
    if len(sizes) != rank or len(steps) != rank:
        raise Contradiction("windows and axes differ in number")
    explicit = view.numbers("explicit_paddings")
    pairs = list(zip(explicit[::2], explicit[1::2], strict=False)) or [(0, 0)] * rank
    padding = view.text("padding")
    out = [
        size if width == 1 and step == 1 else window(size, width, step, padding, 1, pair)
        for size, width, step, pair in zip(data, sizes, steps, pairs, strict=True)
    ]
    if view.node.op.startswith("Quantized"):
        return [out, [], []]
    return [out] * view.outputs


def dilation(view: View) -> Shapes:
    """``Dilation2D``: like a depthwise convolution without a multiplier."""
    data, weights = view.ranked(0, 4), view.ranked(1, 3)
    strides, rates = view.numbers("strides"), view.numbers("rates")
    padding = view.text("padding")
    spatial = [
        window(data[place], weights[place - 1], strides[place], padding, rates[place])
        for place in (1, 2)
    ]
    return [[data[0], *spatial, merge_dim(data[3], weights[2])]]


def bias_add(view: View) -> Shapes:
    """``BiasAdd``: the channel axis is as long as the bias."""
    data, bias = view.shapes[0], view.ranked(1, 1)
    if data is None:
        return [None]
    if len(data) < 2:
        raise Contradiction("rank below 2")
    place = 1 if view.text("data_format") == "NCHW" else len(data) - 1
    return [[*data[:place], merge_dim(data[place], bias[0]), *data[place + 1 :]]]


def bias_add_v1(view: View) -> Shapes:
    """``BiasAddV1`` and ``QuantizedBiasAdd``: the last axis is as long as the bias."""
    data, bias = view.shapes[0], view.ranked(1, 1)
    if data is None or not data:
        return [None, *[[]] * (view.outputs - 1)]
    return [[*data[:-1], merge_dim(data[-1], bias[0])], *[[]] * (view.outputs - 1)]


def batch_norm(view: View) -> Shapes:
    """``FusedBatchNorm`` and V2, V3: the result, mean, variance and what the gradient needs."""
    rank = 5 if view.text("data_format") in ("NDHWC", "NCDHW") else 4
    data = view.ranked(0, rank)
    place, _ = layout(view, rank)
    channels = data[place]
    for index in range(1, min(len(view.shapes), 5)):
        # Mean and variance are empty while training.
        size = view.ranked(index, 1)[0]
        if index < 3 or not view.flag("is_training"):
            channels = merge_dim(channels, size)
    out = [*data[:place], channels, *data[place + 1 :]]
    return [out, *[[channels]] * min(view.outputs - 1, 4), *[None] * max(0, view.outputs - 5)]


def first_and_ranges(view: View) -> Shapes:
    """The first output like the first input; the others its range."""
    return [view.shapes[0], *[[]] * (view.outputs - 1)]


def quantize(view: View) -> Shapes:
    """``QuantizeV2``: the values, and a range for all or for each slice along an axis."""
    data, at = view.shapes[0], view.number("axis", -1)
    ends: Shape | None = [] if at == -1 else None if data is None else [data[axis(at, len(data))]]
    return [data, ends, ends]


def quantized_binary(view: View) -> Shapes:
    """``QuantizedAdd``, ``QuantizedMul``: broadcast, and the range."""
    return [broadcast(view.shapes[0], view.shapes[1]), [], []]


def ranges(view: View) -> Shapes:
    """Every output is an end of a range: a scalar."""
    return [[]] * view.outputs


def cross_entropy(view: View) -> Shapes:
    """Losses of a batch, and the gradient."""
    logits = view.ranked(0, 2)
    if view.node.op.startswith("Sparse"):
        batch = merge_dim(logits[0], view.ranked(1, 1)[0])
        return [[batch], [batch, logits[1]]]
    both = with_rank(broadcast(logits, view.ranked(1, 2)), 2)
    return [[both[0]], both]


RULES = table(
    (matmul, "MatMul SparseMatMul _FusedMatMul"),
    (quantized_matmul, "QuantizedMatMul"),
    (batch_matmul, "BatchMatMul BatchMatMulV2 BatchMatMulV3"),
    (einsum, "Einsum"),
    (conv2d, "Conv2D _FusedConv2D QuantizedConv2D"),
    (conv3d, "Conv3D"),
    (depthwise, "DepthwiseConv2dNative _FusedDepthwiseConv2dNative"),
    (conv_backprop, "Conv2DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput"),
    (pool, "MaxPool AvgPool MaxPool3D AvgPool3D MaxPoolV2 MaxPoolWithArgmax"),
    (pool, "QuantizedMaxPool QuantizedAvgPool"),
    (dilation, "Dilation2D"),
    (bias_add, "BiasAdd"),
    (bias_add_v1, "BiasAddV1 QuantizedBiasAdd"),
    (bias_gradient, "BiasAddGrad"),
    (batch_norm, "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 _FusedBatchNormEx"),
    (
        first_and_ranges,
        "BatchNormWithGlobalNormalization QuantizedRelu QuantizedRelu6 QuantizedReluX",
    ),
    (first_and_ranges, "QuantizedBatchNormWithGlobalNormalization QuantizedInstanceNorm"),
    (first_and_ranges, "Requantize QuantizeDownAndShrinkRange"),
    (quantize, "QuantizeV2"),
    (quantized_binary, "QuantizedAdd QuantizedMul"),
    (ranges, "RequantizationRange"),
    (cross_entropy, "SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits"),
)
