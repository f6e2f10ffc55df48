"""flatten_atrous_conv: what it makes, what it leaves alone, and that values stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.graph.graph import Graph
from inspector.passes.base import PassContext, PassResult
from inspector.passes.transforms import flatten_atrous_conv as atrous
from inspector.passes.transforms.flatten_atrous_conv import flatten_atrous_conv
from tests.passes.running import assert_same_values, cpp_tool, differences
from tests.passes.text import graph, show, value

SAME, NONE = [[2, 2], [2, 2]], [[0, 0], [0, 0]]


def text(
    *,
    op: str = "Conv2D",
    size: Any = (8, 8),
    taps: Any = (3, 3),
    rate: Any = (2, 2),
    pads: Any = SAME,
    crops: Any = NONE,
    conv: str = "padding=VALID",
    more: str = "",
) -> str:
    return f"""
        x = Placeholder(shape=[2,{size[0]},{size[1]},2])
        b = Const(value={list(rate)}, dtype=int32)
        p = Const(value={pads}, dtype=int32)
        c = Const(value={crops}, dtype=int32)
        w = Const(value=random({taps[0]},{taps[1]},2,3))
        s = SpaceToBatchND(x, b, p)
        v = {op}(s, w, {conv})
        y = BatchToSpaceND(v, b, c)
        {more}
    """


def flatten(before: Graph, outputs: Any = ("y",), **params: Any) -> PassResult:
    return flatten_atrous_conv(before, PassContext(("x",), tuple(outputs)), **params)


def reasons(before: Graph, **params: Any) -> list[str]:
    result = flatten(before, **params)
    assert result.graph is before
    return [skip.why for skip in result.skipped]


def test_zeros_between_the_taps():
    before = graph(text(conv="padding=VALID, data_format=NHWC"))
    after = flatten(before).graph
    assert show(after) == "x = Placeholder()\nw = Const()\ny = Conv2D(x, w)"
    assert after.node("y").attr["padding"].s == b"SAME"
    assert after.node("y").attr["data_format"].s == b"NHWC"
    wide = value(after, "w")
    assert wide.shape == (5, 5, 2, 3)
    np.testing.assert_array_equal(wide[::2, ::2], value(before, "w"))
    assert np.count_nonzero(wide) == np.count_nonzero(value(before, "w"))


def test_dilations_leave_the_filter():
    before = graph(text(rate=(2, 3), pads=[[2, 2], [3, 4]], crops=[[0, 0], [0, 1]]))
    after = flatten(before, dilations=True).graph
    assert list(after.node("y").attr["dilations"].list.i) == [1, 2, 3, 1]
    assert after.node("w") is before.node("w")


@pytest.mark.tensorflow
def test_depthwise_kernels_know_no_dilations():
    before = graph(text(op="DepthwiseConv2dNative"))
    after = flatten(before, dilations=True).graph
    assert "dilations" not in after.node("y").attr
    assert value(after, "w").shape == (5, 5, 2, 3)
    assert_same_values(before, after, ["y"], atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("dilations", [False, True])
def test_no_net_padding_is_valid(dilations):
    before = graph(text(size=(9, 8), pads=[[0, 1], [0, 0]], crops=[[0, 1], [0, 0]]))
    after = flatten(before, dilations=dilations).graph
    assert after.node("y").attr["padding"].s == b"VALID"
    assert_same_values(before, after, ["y"], atol=1e-5)


@pytest.mark.tensorflow
def test_other_readers_keep_the_old_filter():
    more = """
        e = Conv2D(x, w)
        z = Identity(w)
        s2 = SpaceToBatchND(x, b, p)
        v2 = Conv2D(s2, w, padding=VALID)
        y2 = BatchToSpaceND(v2, b, c)
    """
    before = graph(text(more=more))
    after = flatten(before, ["y", "y2", "e", "z"]).graph
    assert after.node("w") is before.node("w")
    assert after.node("y").input == ["x", "w_upsampled"]
    assert after.node("y2").input == ["x", "w_upsampled"]  # one copy serves both
    assert_same_values(before, after, ["y", "y2", "e", "z"], atol=1e-5)


@pytest.mark.tensorflow
def test_a_filter_of_two_rates_is_copied_for_the_first_only():
    more = """
        b3 = Const(value=[3, 3], dtype=int32)
        p3 = Const(value=[[3, 4], [3, 4]], dtype=int32)
        c3 = Const(value=[[0, 1], [0, 1]], dtype=int32)
        s3 = SpaceToBatchND(x, b3, p3)
        v3 = Conv2D(s3, w, padding=VALID)
        y3 = BatchToSpaceND(v3, b3, c3)
    """
    before = graph(text(more=more))
    after = flatten(before, ["y", "y3"]).graph
    assert sorted(after.op_counts().items()) == [("Const", 2), ("Conv2D", 2), ("Placeholder", 1)]
    assert_same_values(before, after, ["y", "y3"], atol=1e-5)


@pytest.mark.tensorflow
def test_the_port_of_the_input_stays():
    source = text().replace("s = SpaceToBatchND(x,", "s = SpaceToBatchND(u:1,")
    before = graph(source + "; a = Const(value=0, dtype=int32) ; u = Split(a, x, num_split=2)")
    after = flatten(before).graph
    assert after.node("y").input == ["u:1", "w"]
    assert_same_values(before, after, ["y"], atol=1e-5)


@pytest.mark.tensorflow
def test_a_fetched_filter_keeps_its_value():
    before = graph(text())
    after = flatten(before, ["y", "w"]).graph
    assert_same_values(before, after, ["y", "w"], atol=1e-5)


def test_order_is_kept():
    before = graph(text(more="n = NoOp()"))
    for name in ("s", "v", "y", "w"):
        before.node(name).input.append("^n")
    after = flatten(before).graph
    assert after.node("y").input == ["x", "w", "^n"]
    assert after.node("w").input == ["^n"]


def test_the_device_is_that_of_the_convolution():
    source = text().replace("padding=VALID)", "padding=VALID) @/gpu:1")
    assert flatten(graph(source)).graph.node("y").device == "/gpu:1"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"pads": [[2, 2], [1, 3]]}, "neither SAME"),
        ({"pads": [[2, 2], [0, 0]]}, "neither SAME"),
        ({"conv": "padding=VALID, strides=[1,2,2,1]"}, "strides"),
        ({"conv": "padding=VALID, dilations=[1,2,2,1]"}, "dilations"),
        ({"conv": "padding=VALID, data_format=NCHW"}, "NCHW"),
        ({"conv": "padding=EXPLICIT"}, "neither SAME nor VALID"),
        ({"rate": [2]}, "block shape"),
        ({"rate": [0, 2]}, "block shape is [0, 2]"),
        ({"rate": [2, 2, 1, 1, 1]}, "more than 2"),
        ({"pads": [[-2, 6], [2, 2]]}, "negative"),
        ({"pads": [2, 2]}, "not two pairs"),
        ({"more": "z = Neg(v)"}, "read by 'z' too"),
        ({"more": "z = Neg(s)"}, "read by 'z' too"),
    ],
)
def test_left_alone(options, why):
    (found,) = reasons(graph(text(**options)))
    assert why in found


@pytest.mark.parametrize("name", ["b", "p", "c", "w"])
def test_what_is_no_constant_is_left_alone(name):
    source = text().replace(f"{name} = Const", f"{name}k = Const")
    (found,) = reasons(graph(f"{source} ; {name} = Identity({name}k)"))
    assert "no constant" in found


def test_block_shapes_must_agree():
    source = text(more="b2 = Const(value=[2,1], dtype=int32)")
    (found,) = reasons(graph(source.replace("(v, b,", "(v, b2,")))
    assert "there and back" in found


@pytest.mark.parametrize("outputs", [["v"], ["s:0"]])
def test_fetched_nodes_stay(outputs):
    before = graph(text())
    assert flatten(before, outputs).graph is before


def test_feeds_stay():
    before = graph(text())
    for name in ("y", "w", "b"):
        assert flatten_atrous_conv(before, PassContext((name,), ("y",))).graph is before


def test_a_filter_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(atrous, "MAX_FILTER", 100)
    before = graph(text())
    (found,) = reasons(before)
    assert "dilations need none" in found
    assert flatten(before, dilations=True).modified


@st.composite
def atrous_text(draw):
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    taps, rate = draw(pair), draw(pair)
    size = draw(st.tuples(st.integers(6, 11), st.integers(6, 11)))
    pads, crops = [], []
    for axis in (0, 1):
        span = (taps[axis] - 1) * rate[axis]
        extra = -(size[axis] + span) % rate[axis]
        pads.append([span // 2, span - span // 2 + extra])
        crops.append([0, extra])
    op = draw(st.sampled_from(["Conv2D", "DepthwiseConv2dNative"]))
    cudnn = ", use_cudnn_on_gpu=true" if op == "Conv2D" else ""
    conv = f"padding=VALID, data_format=NHWC{cudnn}"
    return text(op=op, size=size, taps=taps, rate=rate, pads=pads, crops=crops, conv=conv)


@pytest.mark.tensorflow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(atrous_text())
def test_it_is_the_tools_where_the_padding_is_same(source):
    before = graph(source)
    after = flatten(before).graph
    theirs = cpp_tool(before, ["x"], ["y"], "flatten_atrous_conv")
    assert not differences(theirs, after, ["x"], ["y"])
    assert_same_values(before, after, ["y"], atol=1e-5)
    assert_same_values(before, flatten(before, dilations=True).graph, ["y"], atol=1e-5)
