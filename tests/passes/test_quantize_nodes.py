"""quantize_nodes: what it makes, what stays in float, and how far values move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inspector.errors import BadParameter
from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph, validate
from inspector.passes import PASSES
from inspector.passes.base import PassContext, PassResult
from inspector.passes.rewrite.quantized_ops import QUANTIZED
from tests.passes.running import assert_same_values, cpp_tool, differences, run
from tests.passes.text import graph, value

CONV = "x = Placeholder(shape=[2,4,4,2]) ; w = Const(value=random(2,2,2,3)) ; y = Conv2D(x, w)"
FAKE = (
    "x = Placeholder(shape=[2,5]) ; lo = Const(value=-2) ; hi = Const(value=2)"
    " ; f = FakeQuantWithMinMaxVars(x, lo, hi) ; y = Neg(f)"
)
NEAR = 0.06


def quantize(before: Graph, outputs: Any = ("y",), **params: Any) -> PassResult:
    found = PASSES["quantize_nodes"]
    given_ = [(key, str(text)) for key, text in params.items()]
    return found(before, PassContext(("x",), tuple(outputs)), **found.read(given_))


def ops(result: PassResult) -> set[str]:
    return set(result.graph.op_counts())


@pytest.mark.tensorflow
def test_values_stay_in_bytes_from_op_to_op():
    text = CONV.replace("y =", "c =") + " ; b = Const(value=random(3)) ; a = BiasAdd(c, b)"
    before = graph(text + " ; r = Relu(a) ; y = Softmax(r)")
    after = quantize(before).graph
    assert after.node("a/eightbit").input[0] == "c/eightbit/requantize"
    assert after.node("r/eightbit").input[:] == [
        "a/eightbit/requantize",
        "a/eightbit/requantize:1",
        "a/eightbit/requantize:2",
    ]
    assert after.node("y").op == "Softmax"
    assert_same_values(before, after, ["y"], atol=NEAR)
    stripped = PASSES["strip_unused_nodes"](after, PassContext(("x",), ("y",)))
    assert "a_eightbit/c/quantize" not in stripped.graph
    assert_same_values(before, stripped.graph, ["y"], atol=NEAR)


CASES = {
    "Add": "b = Const(value=random(2)) ; y = Add(x, b)",
    "AvgPool": "y = AvgPool(x, ksize=[1,2,2,1], strides=[1,2,2,1])",
    "BiasAdd": "b = Const(value=random(2)) ; y = BiasAdd(x, b)",
    "Concat": "a = Const(value=3, dtype=int32) ; n = Neg(x) ; y = Concat(a, x, n)",
    "Conv2D": "w = Const(value=random(2,2,2,3)) ; y = Conv2D(x, w, strides=[1,2,2,1])",
    "MatMul": "s = Const(value=[-1,2], dtype=int32) ; r = Reshape(x, s)"
    " ; w = Const(value=random(3,2)) ; y = MatMul(r, w, transpose_b=true)",
    "MaxPool": "y = MaxPool(x, padding=VALID)",
    "Mul": "b = Const(value=random(2)) ; y = Mul(x, b)",
    "Relu": "y = Relu(x)",
    "Relu6": "y = Relu6(x)",
    "Reshape": "s = Const(value=[-1], dtype=int64) ; y = Reshape(x, s, Tshape=int64)",
    "ResizeBilinear": "s = Const(value=[3,5], dtype=int32)"
    " ; y = ResizeBilinear(x, s, align_corners=true)",
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", sorted(QUANTIZED))
@pytest.mark.parametrize("fallback", [False, True])
def test_every_op_of_the_table_runs(name, fallback):
    before = graph(f"x = Placeholder(shape=[2,4,4,2]) ; {CASES[name]}")
    params = {"fallback_min": -60, "fallback_max": 60} if fallback else {}
    result = quantize(before, **params)
    assert QUANTIZED[name].op in ops(result)
    assert ("RequantizationRange" in ops(result)) == (bool(QUANTIZED[name].output) > fallback)
    assert_same_values(before, result.graph, ["y"], atol=0.5 if fallback else NEAR)
    assert quantize(result.graph, **params).graph is result.graph


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (CONV.replace("(x, w)", "(x, w, dilations=[1,2,2,1])"), "dilations"),
        (CONV.replace("(x, w)", "(x, w, data_format=NCHW)").replace("4,4,2]", "2,4,4]"), "NCHW"),
        (CONV.replace("(x, w)", "(x, w, strides=[1,2,1,1])"), "different strides"),
        (
            CONV.replace("(x, w)", "(x, w, padding=EXPLICIT, explicit_paddings=[0,0,1,1,1,1,0,0])"),
            "explicit",
        ),
        (
            "x = Placeholder(shape=[2,4,4,2]) ; s = Const(value=[3,5], dtype=int32)"
            " ; y = ResizeBilinear(x, s, half_pixel_centers=true)",
            "half-pixel",
        ),
        ("x = Placeholder(shape=[2,3], dtype=double) ; y = Relu(x, T=double)", "not all float32"),
        (
            "x = Placeholder(shape=[2,1]) ; k = Const(value=random(2,3)) ; y = Add(x, k)",
            "no 8-bit kernel for the shapes",
        ),
    ],
)
def test_left_in_float(text, why):
    before = graph(text)
    result = quantize(before)
    assert result.graph is before
    assert why in result.skipped[0].why
    assert_same_values(before, result.graph, ["y"])


def test_ops_to_ignore():
    before = graph(CONV)
    assert quantize(before, ignore_op="Conv2D").graph is before


@pytest.mark.tensorflow
def test_control_inputs_are_kept():
    before = graph(CONV + " ; n = NoOp(^x)")
    before.node("y").input.append("^n")
    after = quantize(before).graph
    assert list(after.node("y/eightbit").input)[-1] == "^n"
    assert_same_values(before, after, ["y"], atol=NEAR)


@pytest.mark.tensorflow
def test_one_tensor_read_twice_and_another_port():
    before = graph(
        "x = Placeholder(shape=[4,3]) ; a = Const(value=0, dtype=int32)"
        " ; s = Split(a, x, num_split=2) ; m = Mul(s:1, s:1) ; y = Add(m, s)"
    )
    after = quantize(before).graph
    assert "m_eightbit/s__port__1/quantize" in after
    validate(after)
    assert_same_values(before, after, ["y"], atol=NEAR)


@pytest.mark.tensorflow
def test_fed_in_bytes():
    before = graph(CONV.replace("; y", "; i = Placeholder(shape=[1], dtype=int32) ; y"))
    result = quantize(before, input_min=-4, input_max=4)
    after = result.graph
    assert after.node("x").attr["dtype"].type == tensors.dtype_enum("quint8")
    assert after.node("i") is before.node("i")
    assert value(after, "x_eightbit/min") == -4
    codes = np.arange(64, dtype=np.uint8).reshape(2, 4, 4, 2) * 4
    floats = (codes * np.float32(8 / 255) - 4).astype(np.float32)
    expected, found = run(before, ["y"], {"x": floats})[0], run(after, ["y"], {"x": codes})[0]
    np.testing.assert_allclose(found, expected, atol=NEAR * np.abs(expected).max())
    assert quantize(after, input_min=-4, input_max=4).graph is after


@pytest.mark.tensorflow
def test_a_fake_quant():
    before = graph(FAKE)
    after = quantize(before).graph
    assert after.node("f_eightbit/requantize").input[3:] == ["lo", "hi"]
    feeds = {"x": np.linspace(-3, 3, 10, dtype=np.float32).reshape(2, 5)}
    np.testing.assert_allclose(run(after, ["y"], feeds), run(before, ["y"], feeds), atol=0.02)


@pytest.mark.tensorflow
@pytest.mark.parametrize("attr", ["num_bits=4", "narrow_range=true"])
def test_another_fake_quant_stays(attr):
    before = graph(FAKE.replace("(x, lo, hi)", f"(x, lo, hi, {attr})"))
    result = quantize(before)
    assert result.graph is before
    assert "full 8 bits" in result.skipped[0].why


def test_a_fake_quant_moves_up_to_what_makes_the_values():
    text = (
        "x = Placeholder(shape=[2]) ; e = Exp(x) ; i = Identity(e) ; s = Squeeze(i) ; r = Relu(s)"
    )
    tail = FAKE[FAKE.index(" ; lo") :].replace("(x,", "(r,")
    after = quantize(graph(text + tail), ignore_op="Relu").graph
    assert after.node("f_hoisted_eightbit/quantize").input[0] == "e"
    assert after.node("f").op == "Relu"
    stays = quantize(graph(text.replace("Relu", "Softmax") + tail.replace("(x,", "(r,"))).graph
    assert stays.node("f_eightbit/quantize").input[0] == "r"


def test_fetched_nodes_of_a_chain_stay():
    tail = FAKE.replace("(x, lo", "(r, lo") + " ; r = Relu(x)"
    after = quantize(graph(tail), ["y", "r"], ignore_op="Relu").graph
    assert after.node("r").op == "Relu"
    assert after.node("f_eightbit/quantize").input[0] == "r"


@pytest.mark.tensorflow
def test_a_fetch_between_two_requantizations_stays():
    text = CONV.replace("y =", "c =") + FAKE[FAKE.index(" ; lo") :].replace("(x,", "(c,")
    before = graph(text)
    once, twice = quantize(before).graph, quantize(before, ["y", "c"]).graph
    assert "c" not in once
    assert once.op_counts()["Requantize"] == 1
    assert twice.node("c").op == "Dequantize"
    assert_same_values(before, once, ["y"], atol=3 * NEAR)
    assert_same_values(before, twice, ["y", "c"], atol=3 * NEAR)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"input_min": 1}, "You must pass both input_min and input_max into quantize_nodes"),
        ({"fallback_max": 1}, "You must pass both fallback_min and fallback_max"),
        ({"input_min": 0, "input_max": "x"}, "as a float number:x"),
        ({"fallback_min": "nan", "fallback_max": 1}, "as a float number:nan"),
    ],
)
def test_parameters(params, words):
    with pytest.raises(BadParameter, match=words):
        quantize(graph(CONV), **params)


def test_a_feed_stays():
    before = graph(CONV)
    found = PASSES["quantize_nodes"]
    assert found(before, PassContext(("x", "y"), ("y",)), **found.read(())).graph is before


POOL = ", strides=[1,1,1,1]"
POINTWISE = {"Relu": "", "Relu6": "", "MaxPool": POOL, "AvgPool": POOL}


def chain(length: int) -> str:
    """So many Relu and a FakeQuant behind them."""
    lines = ["x = Placeholder(shape=[2,6,6,2]) ; l = Const(value=-6) ; h = Const(value=6)"]
    lines += [f"n{index} = Relu({f'n{index - 1}' if index else 'x'})" for index in range(length)]
    lines.append(f"f = FakeQuantWithMinMaxVars(n{length - 1}, l, h) ; y = Elu(f)")
    return "\n".join(lines)


@pytest.mark.parametrize(("length", "behind"), [(3, "x"), (4, "x"), (6, "x"), (7, "n0"), (9, "n2")])
def test_a_fake_quant_moves_over_three_then_two_then_one(length, behind):
    after = quantize(graph(chain(length)), ignore_op="Relu").graph
    (moved,) = (node for node in after.nodes if node.op == "QuantizeV2")
    assert moved.input[0] == behind


@st.composite
def networks(draw):
    lines = ["x = Placeholder(shape=[2,6,6,2])"]
    at, channels = "x", 2
    for index in range(draw(st.integers(1, 8))):
        name = f"n{index}"
        kind = draw(st.sampled_from(["conv", "bias", "fake", *POINTWISE]))
        if kind == "conv":
            lines.append(f"{name}w = Const(value=random(2,2,{channels},3))")
            lines.append(f"{name} = Conv2D({at}, {name}w)")
            channels = 3
        elif kind == "bias":
            lines.append(f"{name}b = Const(value=random({channels}))")
            lines.append(f"{name} = BiasAdd({at}, {name}b)")
        elif kind == "fake":
            if at == "x" or any("FakeQuant" in line for line in lines):
                continue  # where two come to stand in a row, the tool takes one
            lines += [f"{name}l = Const(value=-6)", f"{name}h = Const(value=6)"]
            lines.append(f"{name} = FakeQuantWithMinMaxVars({at}, {name}l, {name}h)")
        else:
            lines.append(f"{name} = {kind}({at}{POINTWISE[kind]})")
        at = name
    return "\n".join([*lines, f"y = Elu({at})"])


@pytest.mark.tensorflow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.booleans())
@example(chain(7), False)
def test_it_is_the_tools(text, fallback):
    plain = graph(text)
    before = plain.with_nodes([opdefs.with_defaults(node) for node in plain.nodes])
    call = "quantize_nodes" + ("(fallback_min=-20, fallback_max=20)" if fallback else "")
    params = {"fallback_min": -20, "fallback_max": 20} if fallback else {}
    theirs = cpp_tool(before, ["x"], ["y"], call)
    after = quantize(before, **params).graph
    if any("AvgPool" in node.op for node in before.nodes) and "FakeQuant" in text:
        validate(after)  # the tool hoists through what averages
    else:
        assert not differences(theirs, after, ["x"], ["y"], names="free")


AGAIN = """
P/dims = Const(value=[-1], dtype=int32)
P/axes = Const(value=[0], dtype=int32)
P/reshape = Reshape(LAST, P/dims)
P/min = Min(P/reshape, P/axes)
P/max = Max(P/reshape, P/axes)
P/q = QuantizeV2(LAST, P/min, P/max, T=quint8, mode=MIN_FIRST)
NOW = Dequantize(P/q, P/q:1, P/q:2, T=quint8, mode=MIN_FIRST)
"""


@pytest.mark.tensorflow
def test_values_that_turn_to_bytes_again_and_again_stay_the_first_bytes():
    text = """
    x = Placeholder(shape=[2,3]) ; s = Relu(x) ; lo = Const(value=-3) ; hi = Const(value=3)
    q = QuantizeV2(x, lo, hi, T=quint8, mode=MIN_FIRST)
    d0 = Dequantize(q, q:1, q:2, T=quint8, mode=MIN_FIRST)
    """
    for last, now in (("d0", "d1"), ("d1", "d2"), ("d2", "d3")):
        text += AGAIN.replace("P/", f"{now}_eightbit/").replace("LAST", last).replace("NOW", now)
    before = graph(text + "y = Softplus(d3)")
    after = quantize(before).graph
    validate(after)
    for name in ("d1", "d2", "d3"):
        assert list(after.node(name).input) == ["q", "q:1", "q:2"]
    assert_same_values(before, after, ["y"], atol=NEAR)
