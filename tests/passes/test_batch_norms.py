"""fold_batch_norms and fold_old_batch_norms: TensorFlow runs before and after."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from inspector.errors import TransformFailed
from inspector.passes import PASSES
from tests.passes.running import assert_same_values, context
from tests.passes.text import graph, value

X = "x = Placeholder(shape=[2,5,6,3])"
CONV = f"{X} ; w = Const(value=random(3,3,3,4)) ; c = Conv2D(x, w)"
NCHW = (
    "x = Placeholder(shape=[2,3,6,5]) ; w = Const(value=random(3,3,3,4))"
    " ; c = Conv2D(x, w, data_format=NCHW)"
)
DEPTHWISE = f"{X} ; w = Const(value=random(3,3,3,2)) ; c = DepthwiseConv2dNative(x, w)"
PARAMS = (
    "g = Const(value=uniform(4)) ; b = Const(value=random(4)) ; m = Const(value=random(4))"
    " ; v = Const(value=uniform(4))"
)
BN = "FusedBatchNormV3(c, g, b, m, v, is_training=false)"


def apply(name, text, outputs=("y",), inputs=("x",), exact=True):
    before = graph(text)
    result = PASSES[name](before, context(inputs, outputs))
    if exact:
        assert_same_values(before, result.graph, list(outputs), atol=2e-6)
    return result


factor = functools.partial(apply, "fold_batch_norms")
norm = functools.partial(apply, "fold_old_batch_norms")


def why(result):
    return "; ".join(skip.why for skip in result.skipped)


pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    "text",
    [
        f"{CONV} ; f = Const(value=random(4)) ; y = Mul(c, f)",
        f"{CONV} ; f = Const(value=random(4)) ; y = Mul(f, c)",
        f"{CONV} ; f = Const(value=random(1,1,1,4)) ; y = Mul(c, f)",
        f"{CONV} ; f = Const(value=random(1,4)) ; y = Mul(c, f)",
        f"{CONV} ; f = Const(value=random(1)) ; y = Mul(c, f)",
        f"{CONV} ; f = Const(value=3) ; y = Mul(c, f)",
        f"{DEPTHWISE} ; f = Const(value=random(6)) ; y = Mul(c, f)",
        "x = Placeholder(shape=[5,4]) ; w = Const(value=random(4,4)) ; c = MatMul(x, w)"
        " ; f = Const(value=random(4)) ; y = Mul(c, f)",
        "x = Placeholder(shape=[5,4]) ; w = Const(value=random(4,4)) ; f = Const(value=random(4))"
        " ; c = MatMul(x, w, transpose_b=true) ; y = Mul(c, f)",
        "x = Placeholder(shape=[5,4]) ; w = Const(value=random(3,4)) ; f = Const(value=random(3))"
        " ; c = MatMul(x, w, transpose_b=true) ; y = Mul(c, f)",
    ],
)
def test_one_number_per_channel_folds(text):
    result = factor(text)
    assert "Mul" not in result.graph.op_counts()
    assert len(result.graph) == 3
    assert {"f", "c"} == {c.name for c in result.changed if c.kind == "removed"}


@pytest.mark.parametrize("shape", ["4,1,1", "1,4,1,1", "1", ""])
def test_channels_first(shape):
    result = factor(f"{NCHW} ; f = Const(value=random({shape})) ; y = Mul(c, f)", outputs=("y",))
    assert "Mul" not in result.graph.op_counts()


@pytest.mark.parametrize(
    "text",
    [
        NCHW.replace("6,5]", "6,4]") + " ; f = Const(value=random(4)) ; y = Mul(c, f)",
        f"{CONV} ; f = Const(value=random(6,1)) ; y = Mul(c, f)",
        f"{CONV} ; f = Const(value=random(1,1,1,1,4)) ; y = Mul(c, f)",
        f"{X} ; w = Const(value=random(3,3,3,1)) ; c = Conv2D(x, w) ; f = Const(value=random(7))"
        " ; y = Mul(c, f)",
    ],
)
def test_other_factors_stay(text):
    result = factor(text)
    assert result.graph.op_counts()["Mul"] == 1
    assert "is not one number per channel" in why(result)


def test_a_factor_that_no_broadcast_allows():
    with pytest.raises(
        TransformFailed, match=r"Mul constant input to batch norm has bad shape: \[5\]"
    ):
        apply(
            "fold_batch_norms", f"{CONV} ; f = Const(value=random(5)) ; y = Mul(c, f)", exact=False
        )


def test_all_branches_fold_and_share_a_factor():
    text = f"{CONV} ; f = Const(value=random(4)) ; a = Mul(c, f)" + "".join(
        f" ; w{i} = Const(value=random(1,1,3,4)) ; c{i} = Conv2D(x, w{i}) ; a{i} = Mul(c{i}, f)"
        for i in range(3)
    )
    result = factor(f"{text} ; y = AddN(a, a0, a1, a2)")
    assert result.graph.op_counts() == {"Conv2D": 4, "Const": 4, "AddN": 1, "Placeholder": 1}


def test_one_fold_after_the_other():
    text = f"{CONV} ; f = Const(value=random(4)) ; a = Mul(c, f) ; k = Const(value=2)"
    result = factor(f"y = Mul(a, k) ; z = NoOp(^c, ^a) ; {text}")
    assert result.graph.op_counts() == {"Placeholder": 1, "Const": 1, "Conv2D": 1, "NoOp": 1}
    assert list(result.graph.node("z").input) == ["^y"]
    assert list(result.graph.node("y").input) == ["x", "w"]


def test_control_inputs_of_the_product_go_to_the_convolution():
    text = f"{CONV} ; f = Const(value=random(4)) ; y = Mul(c, f, ^one) ; one = NoOp()"
    assert list(factor(text).graph.node("y").input) == ["x", "w", "^one"]
    result = factor(f"{text} ; z = NoOp(^c)")
    assert "'c' is waited for, and 'y' waits itself" in why(result)


@pytest.mark.parametrize(
    ("more", "outputs", "reason"),
    [
        (" ; z = Relu(c)", ("y", "z"), "'c' is read by 'z' too"),
        ("", ("y", "c"), "'c' is a feed or a fetch"),
    ],
)
def test_a_convolution_that_is_needed_stays(more, outputs, reason):
    text = f"{CONV} ; f = Const(value=random(4)) ; y = Mul(c, f){more}"
    result = factor(text, outputs)
    assert not result.modified
    assert reason in why(result)


def test_weights_that_are_needed_get_a_scaled_copy():
    text = f"{CONV} ; f = Const(value=random(4)) ; y = Mul(c, f) ; z = Conv2D(y2, w) ; y2 = Relu(x)"
    result = factor(text, ("y", "z"))
    assert list(result.graph.node("y").input) == ["x", "w_bn_scaled"]
    result = factor(f"{CONV} ; f = Const(value=random(4)) ; y = Mul(c, f)", ("y", "w"))
    assert list(result.graph.node("y").input) == ["x", "w_bn_scaled"]


def test_who_only_waits_for_weights_does_not_share_them():
    text = f"{CONV} ; {K} ; a = BiasAdd(c, k) ; f = Const(value=random(4)) ; m = Mul(a, f)"
    result = factor(f"{text} ; n = NoOp(^w, ^k) ; y = Relu(m, ^n)")
    assert result.graph.op_counts()["Const"] == 2
    assert list(result.graph.node("n").input) == ["^w", "^k"]
    result = norm(f"{CONV} ; {PARAMS} ; n = {BN} ; z = NoOp(^w) ; y = Relu(n, ^z)")
    assert list(result.graph.node("c").input) == ["x", "w"]


def test_weights_shared_by_twins_are_scaled_once():
    text = (
        f"{CONV} ; x2 = Neg(x) ; c2 = Conv2D(x2, w) ; f = Const(value=random(4))"
        " ; a = Mul(c, f) ; b = Mul(c2, f) ; y = Add(a, b)"
    )
    result = factor(text)
    assert result.graph.op_counts()["Const"] == 1


def test_the_factor_may_be_fetched():
    result = factor(f"{CONV} ; f = Const(value=random(4)) ; y = Mul(c, f)", ("y", "f"))
    assert "Mul" not in result.graph.op_counts()


def test_the_same_constant_as_data_and_weights():
    text = (
        "x = Placeholder() ; w = Const(value=random(4,4)) ; c = MatMul(w, w)"
        " ; f = Const(value=random(4)) ; y = Mul(c, f)"
    )
    factor(text, ("y",))


def test_double_weights_stay():
    text = (
        "x = Placeholder(shape=[2,4], dtype=double) ; w = Const(dtype=double, value=random(4,3))"
        " ; c = MatMul(x, w, T=double) ; f = Const(dtype=double, value=random(3))"
        " ; y = Mul(c, f, T=double)"
    )
    result = factor(text)
    assert "float64, not float32" in why(result)


TAIL = " ; f = Const(value=random(4)) ; m = Mul(a, f) ; t = Const(value=random(4))"
K = "k = Const(value=random(4))"
DECONV = (
    "x = Placeholder(shape=[2,3,3,3]) ; w = Const(value=random(3,3,4,3))"
    " ; z = Const(value=[2,6,6,4], dtype=int32)"
    " ; c = Conv2DBackpropInput(z, w, x, strides=[1,2,2,1])"
)
CONV3D = (
    "x = Placeholder(shape=[2,3,3,3,2]) ; w = Const(value=random(2,2,2,2,4))"
    " ; c = Conv3D(x, w, strides=[1,1,1,1,1])"
)
WIDE = "p = Const(value=[[0,0],[1,2],[0,1],[0,0]], dtype=int32)"


@pytest.mark.parametrize("conv", [CONV, DECONV, CONV3D, DEPTHWISE])
@pytest.mark.parametrize("bias", ["BiasAdd(c, k)", "Add(c, k)", "AddV2(k, c)", "Sub(c, k)"])
@pytest.mark.parametrize("last", ["AddV2(m, t)", "AddV2(t, m)", "Sub(m, t)"])
def test_a_batch_norm_written_as_product_and_sum(conv, bias, last):
    text = f"{conv} ; {K} ; a = {bias}{TAIL} ; y = {last}"
    text = text.replace("random(4)", "random(6)") if conv == DEPTHWISE else text
    before = len(graph(text))
    result = factor(text)
    assert "Mul" not in result.graph.op_counts()
    assert result.graph.node("y").op == bias[: bias.index("(")]
    assert len(result.graph) == before - 4  # product, sum and their constants


def test_the_sum_alone_stays_as_the_tool_leaves_it():
    result = factor(f"{CONV.replace('c =', 'a =')}{TAIL} ; y = AddV2(m, t)")
    assert list(result.graph.node("y").input) == ["m", "t"]
    assert result.graph.node("m").op == "Conv2D"


@pytest.mark.parametrize("op", ["y = Relu(m)", "y = Mul(m, m)", "y = AddV2(m, x4)"])
def test_a_bias_that_stays_is_scaled(op):
    text = f"{CONV} ; x4 = Conv2D(x, w) ; {K} ; a = BiasAdd(c, k){TAIL} ; {op}"
    result = factor(text, ("y", "k"))
    assert result.graph.node("m").op == "BiasAdd"
    assert list(result.graph.node("m").input) == ["c", "k_bn_scaled"]


def test_channels_first_with_a_bias_of_either_kind():
    tail = TAIL.replace("random(4)", "random(4,1,1)")
    for bias in ("BiasAdd(c, k, data_format=NCHW)", "AddV2(c, k)"):
        k = K.replace("(4)", "(4,1,1)") if "V2" in bias else K
        result = factor(f"{NCHW} ; {k} ; a = {bias}{tail} ; y = AddV2(m, t)")
        assert result.graph.op_counts()["Const"] == 2
    # This bias is added along the width.
    text = f"{NCHW.replace('6,5]', '6,4]')} ; {K} ; a = BiasAdd(c, k){tail} ; y = AddV2(m, t)"
    assert "'a' has the layout NHWC" in why(factor(text))


def test_through_ops_that_keep_the_channels_apart():
    for between in ("Pad(b, p)", "MirrorPad(b, p, mode=REFLECT)", "Identity(b)"):
        text = f"{CONV} ; {K} ; b = BiasAdd(c, k) ; {WIDE} ; a = {between}{TAIL} ; y = AddV2(m, t)"
        result = factor(text)
        assert result.graph.node("m").op == between[: between.index("(")]
        assert "Mul" not in result.graph.op_counts()
    flat = X.replace("5,6", "1,6")
    text = f"{flat} ; w = Const(value=random(1,3,3,4)) ; c = Conv2D(x, w) ; {K}"
    for dims in ("[1]", "[-3]"):
        squeeze = f"b = Squeeze(c, squeeze_dims={dims}) ; a = BiasAdd(b, k)"
        assert len(factor(f"{text} ; {squeeze}{TAIL} ; y = AddV2(m, t)").graph) == 6
    loose = f"{text} ; b = Squeeze(c) ; a = BiasAdd(b, k){TAIL} ; y = AddV2(m, t)"
    assert "does not say which" in why(factor(loose))


def test_not_through_a_pad_of_the_channels():
    pads = WIDE.replace("[0,0]]", "[0,2]]")
    text = f"{CONV} ; {pads} ; a = Pad(c, p){TAIL.replace('(4)', '(6)')} ; y = AddV2(m, t)"
    assert "'a' pads the channels" in why(factor(text))


def test_a_quotient_is_a_factor():
    result = factor(
        f"{CONV} ; {K} ; a = BiasAdd(c, k) ; f = Const(value=uniform(4)) ; y = RealDiv(a, f)"
    )
    assert len(result.graph) == 5
    zero = f"{CONV} ; f = Const(value=[1,0,1,1]) ; y = RealDiv(c, f)"
    assert "nothing can be divided by" in why(apply("fold_batch_norms", zero, exact=False))


def test_a_product_with_ones_goes_whoever_else_reads():
    text = f"{CONV} ; {K} ; a = BiasAdd(c, k) ; o = Const(value=1) ; m = Mul(o, a) ; y = Mul(m, a)"
    result = factor(text)
    assert list(result.graph.node("y").input) == ["a", "a"]
    assert "m" in factor(text, ("y", "m")).graph


def test_constants_that_are_fed_are_none():
    for fed in "wkft":
        text = f"{CONV} ; {K} ; a = BiasAdd(c, k){TAIL} ; y = AddV2(m, t)"
        after = factor(text, inputs=("x", fed)).graph
        assert list(after.node(fed).attr) == list(graph(text).node(fed).attr)
        assert value(after, fed).tolist() == value(graph(text), fed).tolist()


@pytest.mark.parametrize("op", ["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"])
@pytest.mark.parametrize("conv", [CONV, NCHW])
def test_one_op_batch_norms_fold(op, conv):
    layout = "NCHW" if conv == NCHW else "NHWC"
    text = f"{conv} ; {PARAMS} ; y = {op}(c, g, b, m, v, is_training=false, data_format={layout})"
    result = norm(text)
    assert result.graph.op_counts() == {"Const": 2, "BiasAdd": 1, "Conv2D": 1, "Placeholder": 1}
    assert list(result.graph.node("y").input) == ["c", "c_bn_offset"]


@pytest.mark.parametrize("between", ["Identity(c)", "BiasAdd(c, k)", "Sub(c, k)"])
def test_behind_a_transposed_convolution(between):
    text = f"{DECONV} ; {K} ; a = {between} ; {PARAMS} ; y = {BN.replace('(c', '(a')}"
    after = norm(text).graph
    assert after.node("y").op == "BiasAdd"
    assert list(after.node("c").input) == ["z", "w", "x"]


def test_behind_a_depthwise_convolution():
    params = PARAMS.replace("(4)", "(6)")
    result = norm(f"{DEPTHWISE} ; {params} ; y = {BN}")
    assert "FusedBatchNormV3" not in result.graph.op_counts()


@pytest.mark.parametrize("scaled", ["true", "false"])
def test_the_oldest_batch_norm(scaled):
    text = (
        f"{CONV} ; {PARAMS} ; y = BatchNormWithGlobalNormalization(c, m, v, b, g,"
        f" variance_epsilon=0.01, scale_after_normalization={scaled})"
    )
    before = graph(text)
    before.versions.producer = 8  # later graphs may not hold the op
    result = PASSES["fold_old_batch_norms"](before, context())
    assert result.graph.op_counts() == {"Const": 2, "BiasAdd": 1, "Conv2D": 1, "Placeholder": 1}
    assert_same_values(before, result.graph, ["y"], atol=2e-6)


@pytest.mark.parametrize(
    "bias",
    [
        "k = Const(value=random(4)) ; a = BiasAdd(c, k)",
        "k = Const(value=random(4)) ; a = Add(c, k)",
        "k = Const(value=random(4)) ; a = AddV2(k, c)",
        "k = Const(value=random(1,1,4)) ; a = AddV2(c, k)",
        "k = Const(value=2.5) ; a = AddV2(c, k)",
        "k = Const(value=random(4)) ; a0 = BiasAdd(c, k) ; l = Const(value=[3]) ; a = Add(a0, l)",
    ],
)
def test_a_bias_between(bias):
    result = norm(f"{CONV} ; {bias} ; {PARAMS} ; y = {BN.replace('(c', '(a')}")
    assert result.graph.op_counts() == {"Const": 2, "BiasAdd": 1, "Conv2D": 1, "Placeholder": 1}


def test_what_is_added_per_pixel_stays():
    result = norm(
        f"{CONV} ; k = Const(value=random(5,6,1)) ; a = Add(c, k) ; {PARAMS}"
        f" ; y = {BN.replace('(c', '(a')}"
    )
    assert "'k' is not one float32 number per channel" in why(result)


def test_batch_norm_after_batch_norm():
    second = PARAMS.replace(" = ", "2 = ")
    text = (
        f"{CONV} ; {PARAMS} ; {second} ; n = {BN}"
        " ; y = FusedBatchNormV3(n, g2, b2, m2, v2, is_training=false)"
    )
    result = norm(text)
    assert result.graph.op_counts() == {"Const": 2, "BiasAdd": 1, "Conv2D": 1, "Placeholder": 1}


SPACED = (
    "x = Placeholder(shape=[1,8,8,3]) ; k = Const(dtype=int32, value=[2,2])"
    " ; p = Const(dtype=int32, value=[[0,0],[0,0]]) ; s = SpaceToBatchND(x, k, p)"
    " ; w = Const(value=random(3,3,3,4)) ; c = Conv2D(s, w, padding=VALID)"
)


@pytest.mark.parametrize(
    "between",
    [
        "a = BatchToSpaceND(c, k, p)",
        "d = Const(value=random(4)) ; e = BiasAdd(c, d) ; a = BatchToSpaceND(e, k, p)",
        "e = BatchToSpaceND(c, k, p) ; d = Const(value=random(4)) ; a = BiasAdd(e, d)",
    ],
)
def test_batch_to_space_between(between):
    result = norm(f"{SPACED} ; {between} ; {PARAMS} ; y = {BN.replace('(c', '(a')}")
    assert result.graph.node("y").op == "BatchToSpaceND"
    assert list(result.graph.node("y").input) == ["c/biasadd", "k", "p"]
    assert len(result.graph) == 9


@pytest.mark.parametrize("axis", [3, -1, 1, 0])
def test_a_concatenation_of_convolutions(axis):
    along = axis in (3, -1)
    params = PARAMS.replace("(4)", "(7)") if along else PARAMS
    text = (
        f"{CONV} ; w2 = Const(value=random(1,1,3,{3 if along else 4})) ; c2 = Conv2D(x, w2)"
        f" ; i = Const(dtype=int32, value={axis}) ; j = ConcatV2(c, c2, i) ; {params}"
        f" ; y = {BN.replace('(c', '(j')}"
    )
    result = norm(text)
    assert result.graph.node("y").op == "ConcatV2"
    assert list(result.graph.node("y").input) == ["j_bn_in0", "j_bn_in1", "i"]


def test_three_inputs_one_of_them_with_bias_along_channels_first():
    text = (
        NCHW
        + " ; w2 = Const(value=random(1,1,3,2)) ; c2 = Conv2D(x, w2, data_format=NCHW)"
        + " ; w3 = Const(value=random(1,1,3,1)) ; c3 = Conv2D(x, w3, data_format=NCHW)"
        + " ; k = Const(value=random(2)) ; a2 = BiasAdd(c2, k, data_format=NCHW)"
        + " ; i = Const(dtype=int32, value=1) ; j = ConcatV2(c, a2, c3, i) ; "
        + PARAMS.replace("(4)", "(7)")
        + " ; y = FusedBatchNormV3(j, g, b, m, v, is_training=false, data_format=NCHW)"
    )
    assert "FusedBatchNormV3" not in norm(text).graph.op_counts()


def test_one_tensor_twice_in_a_concatenation_stays():
    params = PARAMS.replace("(4)", "(8)")
    text = (
        f"{CONV} ; i = Const(dtype=int32, value=3) ; j = ConcatV2(c, c, i) ; {params}"
        f" ; y = {BN.replace('(c', '(j')}"
    )
    assert "'c' is read twice" in why(norm(text))


def test_parameters_that_are_shared_or_fetched():
    text = (
        f"{CONV} ; {PARAMS} ; n = {BN} ; w2 = Const(value=random(1,1,3,4)) ; c2 = Conv2D(x, w2)"
        f" ; n2 = {BN.replace('(c', '(c2')} ; y = Add(n, n2)"
    )
    result = norm(text, ("y", "m"))
    assert result.graph.op_counts()["Const"] == 5
    assert "m" in result.graph


@pytest.mark.parametrize(
    ("text", "outputs", "reason"),
    [
        (f"{CONV} ; {PARAMS} ; y = {BN.replace('false', 'true')}", ("y",), "training mode"),
        (f"{CONV} ; {PARAMS} ; y = {BN} ; z = Relu(c)", ("y", "z"), "'c' is read by 'z' too"),
        (
            f"{CONV} ; {PARAMS} ; n = {BN} ; y = Relu(n) ; z = Relu(n:1)",
            ("y", "z"),
            "output 1 is in use",
        ),
        (f"{CONV} ; {PARAMS} ; y = {BN}", ("y", "y:2"), "output 2 is in use"),
        (f"{CONV} ; {PARAMS} ; y = {BN}", ("y", "c"), "'c' is a feed or a fetch"),
        (
            f"{X} ; c = Relu(x) ; {PARAMS.replace('(4)', '(3)')} ; y = {BN}",
            ("y",),
            "is not behind a conv",
        ),
        (
            f"{CONV} ; a = Relu(c) ; {PARAMS} ; y = {BN.replace('(c', '(a')}",
            ("y",),
            "is not behind a conv",
        ),
        (
            f"{CONV} ; {PARAMS.replace('uniform(4)', '[-1, 1, 1, 1]')} ; y = {BN}",
            ("y",),
            "its scale is not finite",
        ),
    ],
)
def test_what_stays_and_why(text, outputs, reason):
    result = apply(
        "fold_old_batch_norms", text, outputs, exact="-1" not in text and "true" not in text
    )
    assert not result.modified
    assert reason in why(result)


def test_another_layout_than_the_convolutions_stays():
    text = (
        "x = Placeholder(shape=[2,4,4,3]) ; w = Const(value=random(3,3,3,4)) ; c = Conv2D(x, w)"
        f" ; {PARAMS} ; y = {BN.replace(')', ', data_format=NCHW)')}"
    )
    result = norm(text)
    assert not result.modified
    assert "'c' has the layout NHWC" in why(result)


def test_wrong_parameters_are_an_error():
    params = PARAMS.replace("b = Const(value=random(4))", "b = Const(value=random(3))")
    text = f"{CONV} ; {params} ; y = {BN}"
    with pytest.raises(TransformFailed, match=r"Beta input to batch norm has bad shape: \[3\]"):
        apply("fold_old_batch_norms", text, exact=False)


def test_shared_weights_get_a_copy_and_the_other_reader_keeps_its_own():
    text = f"{CONV} ; {PARAMS} ; y = {BN} ; z = Conv2D(x, w, dilations=[1,2,2,1])"
    result = norm(text, ("y", "z"))
    assert list(result.graph.node("z").input) == ["x", "w"]
    assert list(result.graph.node("c").input) == ["x", "w_bn_scaled"]


def test_control_inputs_survive():
    text = (
        f"{CONV.replace('w)', 'w, ^one)')} ; k = Const(value=random(4)) ; a = BiasAdd(c, k, ^two)"
        f" ; {PARAMS} ; y = FusedBatchNormV3(a, g, b, m, v, ^three, is_training=false)"
        " ; one = NoOp() ; two = NoOp() ; three = NoOp()"
    )
    result = norm(text)
    assert list(result.graph.node("c").input) == ["x", "w", "^one"]
    assert list(result.graph.node("y").input) == ["c", "c_bn_offset", "^three", "^two"]


def test_constants_keep_the_loop_they_belong_to():
    text = f"{CONV} ; {PARAMS} ; y = {BN}".replace("random(4))", "random(4), ^x)").replace(
        "random(3,3,3,4))", "random(3,3,3,4), ^x)"
    )
    result = norm(text)
    assert list(result.graph.node("w").input) == ["^x"]
    assert list(result.graph.node("c_bn_offset").input) == ["^x"]


def test_the_offset_is_right_to_the_bit():
    text = f"{CONV} ; {PARAMS} ; y = {BN}"
    before, result = graph(text), norm(text)
    gamma, beta, mean, var = (value(before, name) for name in "gbmv")
    scale = (np.float32(1) / np.sqrt(var + np.float32(0.0001))) * gamma
    np.testing.assert_array_equal(value(result.graph, "c_bn_offset"), -mean * scale + beta)
    np.testing.assert_array_equal(value(result.graph, "w"), value(before, "w") * scale)
