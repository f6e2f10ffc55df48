"""Kinds of ops, and that their colours can be told apart and read."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from inspector.view.export.svg import THEMES, band_color, fill_and_line, sub_color
from inspector.view.table.op_kinds import INDEX, KINDS, kind_of


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("Conv2D", "convolution"), ("DepthwiseConv2dNative", "convolution"),
        ("QuantizedConv2D", "convolution"), ("MatMul", "matmul"), ("BatchMatMulV2", "matmul"),
        ("Einsum", "matmul"), ("FusedBatchNormV3", "norm"), ("Relu6", "activation"),
        ("Softmax", "activation"), ("MaxPool", "pool"), ("AvgPool3D", "pool"),
        ("AddV2", "math"), ("BiasAdd", "math"), ("Reshape", "shape"), ("ConcatV2", "shape"),
        ("PlaceholderWithDefault", "shape"), ("Placeholder", "input"), ("Const", "weights"),
        ("VarHandleOp", "weights"), ("GatherV2", "lookup"), ("LookupTableFindV2", "lookup"),
        ("Dequantize", "quantize"), ("QuantizeV2", "quantize"), ("While", "control"),
        ("StatefulPartitionedCall", "control"), ("Switch", "control"), ("NoSuchOp", "math"),
        ("SaveV2", "weights"), ("CudnnRNNV3", "recurrent"), ("IteratorGetNext", "input"),
        ("CONV_2D", "convolution"), ("DEPTHWISE_CONV_2D", "convolution"), ("LRN", "norm"),
        ("FULLY_CONNECTED", "matmul"), ("BATCH_MATMUL", "matmul"), ("AVERAGE_POOL_2D", "pool"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "recurrent"), ("LOGISTIC", "activation"),
        ("L2_NORMALIZATION", "norm"), ("CONCATENATION", "shape"), ("WHILE", "control"),
        ("VAR_HANDLE", "weights"), ("GATHER_ND", "lookup"), ("DEQUANTIZE", "quantize"),
        ("ADD", "math"), ("my_op", "math"), ("InputLayer", "input"), ("Dense", "matmul"),
        ("ReLU", "activation"), ("PReLU", "activation"), ("GlobalAveragePooling2D", "pool"),
        ("MultiHeadAttention", "matmul"), ("Flatten", "shape"), ("Concatenate", "shape"),
        ("StringLookup", "lookup"), ("Dropout", "math"),
    ],
)  # fmt: skip
def test_the_kind_of_an_op(op, kind):
    assert KINDS[kind_of(op)].key == kind


def test_an_op_of_a_megabyte_is_an_op():
    assert kind_of("x" * 1_000_000) == INDEX["math"]


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two):
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize("kind", range(len(KINDS)), ids=[kind.key for kind in KINDS])
def test_text_and_borders_can_be_read_on_their_fill(theme, kind):
    fill, line = fill_and_line(kind, theme)
    assert contrast(theme.text, fill) >= 7
    assert contrast(sub_color(theme), fill) >= 4.5
    assert contrast(line, theme.background) >= 3  # WCAG 1.4.11, what is no text


# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
BLIND = {
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                   (0.004733, 0.691367, 0.303900)),
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}  # fmt: skip


def lab(color, matrix):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    rgb = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    rgb = [min(1.0, max(0.0, sum(m * c for m, c in zip(row, rgb, strict=True)))) for row in matrix]
    x = (0.4124 * rgb[0] + 0.3576 * rgb[1] + 0.1805 * rgb[2]) / 0.95047
    y = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
    z = (0.0193 * rgb[0] + 0.1192 * rgb[1] + 0.9505 * rgb[2]) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def difference(one, other):
    """CIEDE2000 of two colours in L*a*b* (Sharma, Wu, Dalal 2005)."""
    chroma = (math.hypot(*one[1:]) + math.hypot(*other[1:])) / 2
    g = 0.5 * (1 - math.sqrt(chroma**7 / (chroma**7 + 25**7)))
    (l1, c1, h1), (l2, c2, h2) = (
        (light, math.hypot((1 + g) * a, b), math.degrees(math.atan2(b, (1 + g) * a)) % 360)
        for light, a, b in (one, other)
    )
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0
    hue = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn) / 2)
    light, chroma, angle = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + turn / 2) % 360
    t = 1 - sum(
        factor * math.cos(math.radians(times * angle + shift))
        for factor, times, shift in ((0.17, 1, -30), (-0.24, 2, 0), (-0.32, 3, 6), (0.2, 4, -63))
    )
    by_light = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2))
    by_chroma, by_hue = (c2 - c1) / (1 + 0.045 * chroma), hue / (1 + 0.015 * chroma * t)
    turned = math.sin(math.radians(60 * math.exp(-(((angle - 275) / 25) ** 2))))
    rotation = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * turned
    return math.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue)


def test_the_difference_of_colours_is_that_of_the_paper():
    for one, other, expected in (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ):
        assert difference(one, other) == pytest.approx(expected, abs=1e-4)


def nearest(colors, eyes):
    """The smallest difference of two of the colours, and between which."""
    seen = {key: lab(color, BLIND[eyes]) for key, color in colors.items()}
    return min((difference(seen[one], seen[two]), one, two) for one, two in combinations(seen, 2))


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize("eyes", BLIND)
def test_every_two_kinds_can_be_told_apart_by_any_eyes(eyes, theme):
    both = {kind.key: fill_and_line(INDEX[kind.key], theme) for kind in KINDS}
    distance, *pair = nearest({key: line for key, (_, line) in both.items()}, eyes)
    assert distance > (11 if eyes == "normal" else 6), pair
    distance, *pair = nearest({key: fill for key, (fill, _) in both.items()}, eyes)
    assert distance > (5.9 if eyes == "normal" else 2.3), pair


def test_the_second_line_can_be_read_on_the_band_of_a_fused_activation():
    for theme in THEMES.values():
        assert contrast(sub_color(theme), band_color(theme)) >= 4.5
