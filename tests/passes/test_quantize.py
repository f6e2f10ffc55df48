"""round_weights and quantize_weights: the tool's numbers bit for bit, and where it was wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from inspector.errors import BadParameter, TransformFailed
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from inspector.passes.rewrite.constants import constant
from tests.passes.running import assert_same_values, context, cpp_tool, run
from tests.passes.text import graph, node, show, value

FLOATS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=1, max_dims=3, min_side=4, max_side=7),
    elements=st.floats(-1000, 1000, width=32, allow_subnormal=False),
)
TIES = arrays.arrays(np.float32, 40, elements=st.integers(-300, 300).map(lambda n: n / 4))


def apply(name, before, **params):
    found = PASSES[name]
    values = found.read([(key, str(item)) for key, item in params.items()])
    return found(before, PassContext(("x",), ("y",)), **values)


def one(array, *more):
    nodes = [constant("w", array), *map(node, more), node("y = Identity(w)")]
    return Graph(nodes)


def dequantized(found):
    codes, low, high = (value(found, f"w_quantized_{part}") for part in ("const", "min", "max"))
    step = (high - low) / np.float32(255)
    return np.round(low / step) * step + codes.astype(np.float32) * step


@pytest.mark.tensorflow
@settings(max_examples=40, deadline=None)
@given(st.one_of(FLOATS, TIES), st.integers(1, 300))
def test_rounding_is_the_tools_bit_for_bit(array, steps):
    before = one(array)
    result = apply("round_weights", before, num_steps=steps)
    if array.size < 16 or array.min() == array.max():
        assert result.graph is before
        return
    theirs = cpp_tool(before, [], ["y"], f"round_weights(num_steps={steps})")
    np.testing.assert_array_equal(value(result.graph, "w"), value(theirs, "w"))


@pytest.mark.tensorflow
@settings(max_examples=40, deadline=None)
@given(st.one_of(FLOATS, TIES))
def test_quantizing_is_the_tools_bit_for_bit(array):
    before = one(array)
    ours = apply("quantize_weights", before, minimum_size=1).graph
    if np.abs(array).max() == 0:
        np.testing.assert_array_equal(dequantized(ours), array)
        return
    theirs = cpp_tool(before, [], ["y"], "quantize_weights(minimum_size=1)")
    for part in ("const", "min", "max"):
        name = f"w_quantized_{part}"
        np.testing.assert_array_equal(value(ours, name), value(theirs, name))


def test_large_tensors_are_worked_on_in_blocks():
    array = np.random.RandomState(0).standard_normal(100_001).astype(np.float32)
    whole = value(apply("quantize_weights", one(array)).graph, "w_quantized_const")
    span = np.float32(array.max() - array.min())
    step = 256.0 / (float(span) * (256 / 255))
    first = np.floor(array.min() * step + 0.5)
    half_away = np.trunc(array * step + np.copysign(0.5, array))
    np.testing.assert_array_equal(whole, np.clip(half_away - first, 0, 255).astype(np.uint8))


def test_what_a_quantized_constant_looks_like():
    result = apply("quantize_weights", one(np.arange(2048, dtype=np.float32) - 7))
    assert show(result.graph) == (
        "w_quantized_const = Const()\nw_quantized_min = Const()\nw_quantized_max = Const()\n"
        "w = Dequantize(w_quantized_const, w_quantized_min, w_quantized_max)\ny = Identity(w)"
    )
    made = result.graph.node("w")
    assert made.attr["T"].type == tensors.dtype_enum("quint8")
    assert made.attr["mode"].s == b"MIN_FIRST"
    codes = result.graph.node("w_quantized_const").attr["value"].tensor
    assert (codes.dtype, len(codes.tensor_content)) == (tensors.dtype_enum("quint8"), 2048)
    assert {change.kind for change in result.changed} == {"added", "changed"}


@pytest.mark.parametrize(("size", "expected"), [(1023, 0), (1024, 1)])
def test_size_counts(size, expected):
    result = apply("quantize_weights", one(np.arange(size, dtype=np.float32)))
    assert result.graph.op_counts().get("Dequantize", 0) == expected


def test_other_dtypes_and_negative_sizes_stay():
    before = graph(
        "a = Const(dtype=double, value=ones(2000)) ; b = Const(dtype=int32, value=ones(2000))"
    )
    assert apply("quantize_weights", before).graph is before
    floats = one(np.arange(16, dtype=np.float32))
    assert apply("quantize_weights", floats, minimum_size=-1).graph is floats


@pytest.mark.parametrize("name", ["quantize_weights", "round_weights"])
@pytest.mark.parametrize("dtype", ["double", "half", "bfloat16"])
def test_floats_of_another_size_are_left_alone_and_named(name, dtype):
    before = graph(
        f"a = Const(dtype={dtype}, value=ones(2000)) ; b = Const(dtype={dtype}, value=ones(9))"
        " ; c = Const(dtype=int32, value=ones(2000))"
    )
    result = apply(name, before)
    assert result.graph is before
    (skip,) = result.skipped
    assert skip.name == "a"
    assert skip.why.endswith(", not float32")


def test_scalars_too_when_asked_for():
    twice = apply("quantize_weights", one(np.float32(3)), minimum_size=0).graph
    assert apply("quantize_weights", twice, minimum_size=0).graph.op_counts()["Dequantize"] == 3


@pytest.mark.tensorflow
@pytest.mark.parametrize("fill", [0.0, 1e-38, -1e-38, 1e-37, -3e-37])
def test_zeros_do_not_become_nan(fill):
    before = one(np.full(1024, fill, np.float32))
    after = apply("quantize_weights", before).graph
    (found,) = run(after, ["y"])
    np.testing.assert_allclose(found, 0, atol=1e-36)


@pytest.mark.tensorflow
@pytest.mark.parametrize("fill", [1.0, -2.5, 1e-30, 3e38])
def test_one_value_that_repeats(fill):
    splat = constant("w", np.broadcast_to(np.float32(fill), (3, 1000)))
    assert splat.ByteSize() < 100
    after = apply("quantize_weights", Graph([splat, node("y = Identity(w)")])).graph
    assert after.byte_size() < 1000
    np.testing.assert_allclose(run(after, ["y"])[0], np.full((3, 1000), fill), rtol=1e-5)


def test_a_claim_of_a_trillion_elements_costs_nothing():
    splat = constant("w", np.broadcast_to(np.float32(1.5), (1_000_000, 1_000_000)))
    assert apply("quantize_weights", Graph([splat])).modified
    assert not apply("round_weights", Graph([splat])).modified


@pytest.mark.parametrize(
    "bad", [[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 1.0], [-3e38, 3e38]], ids=str
)
@pytest.mark.parametrize("name", ["quantize_weights", "round_weights"])
def test_what_no_range_can_hold_stays(bad, name):
    before = one(np.array(bad * 1024, np.float32))
    result = apply(name, before)
    assert result.graph is before
    assert "infinity" in result.skipped[0].why


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["quantize_weights", "round_weights"])
def test_a_constant_in_a_loop_stays_in_the_loop(name):
    before = graph(
        "x = Placeholder(shape=[]) ; lim = Const(dtype=int32, value=3) ; i0 = Const(dtype=int32)"
        " ; ei = Enter(i0, frame_name=f, T=int32) ; ev = Enter(x, frame_name=f)"
        " ; el = Enter(lim, frame_name=f, T=int32, is_constant=true)"
        " ; mi = Merge(ei, ni, T=int32) ; mv = Merge(ev, nv) ; less = Less(mi, el, T=int32)"
        " ; go = LoopCond(less) ; si = Switch(mi, go, T=int32) ; sv = Switch(mv, go)"
        " ; bi = Identity(si:1, T=int32) ; bv = Identity(sv:1)"
        " ; one = Const(dtype=int32, value=1, ^bi) ; w = Const(value=random(32,32), ^bi)"
        " ; axes = Const(dtype=int32, value=[0, 1], ^bi) ; sum = Sum(w, axes)"
        " ; ai = Add(bi, one, T=int32) ; av = Add(bv, sum)"
        " ; ni = NextIteration(ai, T=int32) ; nv = NextIteration(av) ; y = Exit(sv)"
    )
    after = apply(name, before).graph
    assert_same_values(before, after, ["y"], atol=0.2)


def test_taken_names_are_left_alone():
    result = apply(
        "quantize_weights",
        one(np.arange(1024, dtype=np.float32), "w_quantized_min = Placeholder()"),
    )
    assert list(result.graph.node("w").input)[1] == "w_quantized_min_1"
    assert result.graph.node("w_quantized_min").op == "Placeholder"


def test_rounding_says_what_it_leaves_alone():
    result = apply("round_weights", one(np.full(100, 2.0, np.float32)))
    assert result.skipped[0].why == "has one value only"
    small = one(np.arange(15, dtype=np.float32))
    assert apply("round_weights", small).graph is small


@pytest.mark.parametrize("steps", ["0", "-3"])
def test_steps_must_be_positive(steps):
    with pytest.raises(BadParameter, match="at least 1"):
        apply("round_weights", one(np.arange(16, dtype=np.float32)), num_steps=steps)


def test_constants_that_are_none():
    with pytest.raises(TransformFailed, match="No 'dtype' attribute for Const node w"):
        apply("quantize_weights", _bare("dtype"))
    with pytest.raises(TransformFailed, match="No 'value' attribute for Const node w"):
        apply("quantize_weights", _bare("value"))
    broken = one(np.arange(1024, dtype=np.float32))
    broken.nodes[0].attr["value"].tensor.tensor_content = b"123"
    with pytest.raises(TransformFailed, match="Decoding Tensor failed for node w"):
        apply("quantize_weights", broken)


def _bare(key):
    made = constant("w", np.arange(1024, dtype=np.float32))
    del made.attr[key]
    return Graph([made])


@pytest.mark.tensorflow
def test_shared_weights_stay_shared():
    before = graph(
        "x = Placeholder(shape=[2,40]) ; w = Const(value=random(40,40)) ; a = MatMul(x, w)"
        " ; b = MatMul(x, w, transpose_b=true) ; y = Add(a, b)"
    )
    after = PASSES["quantize_weights"](before, context(), minimum_size=1024).graph
    assert after.op_counts()["Dequantize"] == 1
    assert_same_values(before, after, ["y"], atol=0.02)


MODES = ("per_channel", "float16")
SHAPES = st.sampled_from([(40,), (9, 5), (3, 3, 2, 4), (2, 9, 3)])


@pytest.mark.tensorflow
@settings(max_examples=25, deadline=None)
@given(
    SHAPES.flatmap(lambda s: arrays.arrays(np.float32, s, elements=st.floats(-999, 999, width=32)))
)
def test_a_step_for_every_channel(array):
    before = one(array)
    after = apply("quantize_weights", before, minimum_size=4, mode="per_channel").graph
    found = run(after, ["y"])[0]
    scale = value(after, "w_quantized_scale")
    assert value(after, "w_quantized_const").dtype == np.uint8
    assert (np.abs(found - array) <= scale * 0.501 + np.abs(array) * 1e-6 + (scale == 1)).all()
    assert (found[array == 0] == 0).all()
    assert scale.size == (1 if array.ndim == 1 else array.shape[-1])


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("w = Const(value=random(9,6)) ; y = MatMul(x, w)", [1, 6]),
        ("w = Const(value=random(6,9)) ; y = MatMul(x, w, transpose_b=true)", [6, 1]),
        (
            "w = Const(value=random(6,9)) ; r = Identity(w) ; y = MatMul(x, r, transpose_b=true)",
            [6, 1],
        ),
        ("w = Const(value=random(3,3,9,1)) ; y = DepthwiseConv2dNative(i, w)", [1, 1, 9, 1]),
        ("w = Const(value=random(2,2,9,1)) ; y = DepthwiseConv2dNative(i, w)", [1, 1, 1, 1]),
        ("w = Const(value=random(3,3,9,4)) ; y = Conv2D(i, w)", [1, 1, 1, 4]),
        ("w = Const(value=random(3,3,4,9)) ; y = Conv2DBackpropInput(z, w, i)", [1, 1, 4, 1]),
    ],
)
def test_the_channels_are_the_readers(text, shape):
    data = (
        "x = Placeholder(shape=[2,9]) ; i = Placeholder(shape=[1,5,5,9])"
        " ; z = Const(value=[1,5,5,4], dtype=int32)"
    )
    before = graph(f"{data} ; {text}")
    result = apply("quantize_weights", before, minimum_size=20, mode="per_channel")
    assert list(value(result.graph, "w_quantized_scale").shape) == shape
    assert_same_values(before, result.graph, ["y"], atol=0.05)


@pytest.mark.tensorflow
@pytest.mark.parametrize("mode", MODES)
def test_the_modes_settle_and_move_less_than_the_tool(mode):
    before = graph(
        "x = Placeholder(shape=[2,40]) ; n = Const(value=random(40,30)) ; y = MatMul(x, n)"
    )
    weights = run(before, ["n"])[0]
    errors = {}
    for name in ("tool", mode):
        once = apply("quantize_weights", before, minimum_size=4, mode=name)
        errors[name] = np.abs(run(once.graph, ["n"])[0] - weights).mean()
    assert errors[mode] < errors["tool"]
    assert apply("quantize_weights", once.graph, minimum_size=4, mode=mode).graph is once.graph


@pytest.mark.parametrize("mode", MODES)
def test_the_modes_keep_the_loop_and_free_names(mode):
    text = "x = Placeholder() ; w = Const(value=random(40), ^x) ; y = Neg(w)"
    taken = ("w_float16", "w_quantized_const", "w_quantized_cast", "w_quantized_sub")
    before = graph(text + "".join(f" ; {name} = Neg(w)" for name in taken))
    after = apply("quantize_weights", before, minimum_size=4, mode=mode).graph
    consts = [item for item in after.nodes if item.op == "Const"]
    assert consts
    assert all(list(item.input) == ["^x"] for item in consts)
    assert all(after.node(name).op == "Neg" for name in taken)


@pytest.mark.parametrize(
    ("array", "mode", "reason"),
    [
        (np.float32([1, 2, 70000, 4]), "float16", "over 65504"),
        (np.float32([1, 2, np.nan, 4]), "per_channel", "NaN"),
        (np.float32([-3e38, 2, 3e38, 4]), "per_channel", "range"),
        (np.broadcast_to(np.float32(3), (1 << 40,)), "float16", "holds once"),
        (np.broadcast_to(np.float32(3), (1 << 40,)), "per_channel", "holds once"),
    ],
)
def test_what_the_modes_cannot_store_stays(array, mode, reason):
    result = apply("quantize_weights", one(array), minimum_size=4, mode=mode)
    assert not result.modified
    assert reason in result.skipped[0].why


def test_the_modes_are_named():
    with pytest.raises(BadParameter, match="'int4' is none of tool, per_channel, float16"):
        apply("quantize_weights", one(np.float32([1])), mode="int4")
