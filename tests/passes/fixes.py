"""What the old tool got wrong, sentence by sentence: graphs that show it, for `test_fixes`.

One case for every defect that is not reproduced. Where a case says what is left of the graph, a
pass that simply did nothing would not get by.
"""

from __future__ import annotations

from typing import NamedTuple

from inspector.graph.protos import FunctionDef
from tests.function_graphs import FLOAT, function, node
from tests.passes.text import PRODUCER

IMAGE = "x = Placeholder(shape=[1,4,4,3])"
CONV = f"{IMAGE} ; w = Const(value=random(2,2,3,4)) ; c = Conv2D(x, w)"
FACTOR = "f = Const(value=uniform(4))"
NORM = (
    "g = Const(value=uniform(4)) ; b = Const(value=random(4)) ; m = Const(value=random(4))"
    " ; v = Const(value=uniform(4))"
)
BN = "FusedBatchNorm(c, g, b, m, v, is_training=false)"
ATROUS = (
    "x = Placeholder(shape=[1,8,8,2]) ; r = Const(value=[2,2], dtype=int32)"
    " ; p = Const(value=[[2,2],[2,2]], dtype=int32) ; s = SpaceToBatchND(x, r, p)"
    " ; w = Const(value=random(3,3,2,3)) ; v = Conv2D(s, w, padding=VALID)"
    " ; k = Const(value=[[0,0],[0,0]], dtype=int32) ; a = BatchToSpaceND(v, r, k) ; y = Relu(a)"
)
PLAIN = "[[0,0],[0,0]]"
PAD = (
    "x = Placeholder(shape=[1,6,5,2]) ; w = Const(value=random(3,3,2,3))"
    " ; p = Const(value=[[0,0],[1,2],[1,1],[0,0]], dtype=int32)"
    " ; m = MirrorPad(x, p, mode=REFLECT) ; y = Conv2D(m, w)"
)
RESIZE = (
    "x = Placeholder(shape=[1,6,5,2]) ; w = Const(value=random(3,3,2,3))"
    " ; z = Const(value=[9,8], dtype=int32) ; m = ResizeBilinear(x, z) ; y = Conv2D(m, w)"
)
LOOP = (
    "x = Placeholder(shape=[2,3]) ; lim = Const(dtype=int32, value=3) ; i0 = Const(dtype=int32)"
    " ; ei = Enter(i0, frame_name=f, T=int32) ; ev = Enter(x, frame_name=f)"
    " ; el = Enter(lim, frame_name=f, T=int32, is_constant=true)"
    " ; mi = Merge(ei, ni, T=int32) ; mv = Merge(ev, nv) ; less = Less(mi, el, T=int32)"
    " ; go = LoopCond(less) ; si = Switch(mi, go, T=int32) ; sv = Switch(mv, go)"
    " ; bi = Identity(si:1, T=int32) ; bv = Identity(sv:1)"
    " ; one = Const(dtype=int32, value=1, ^bi) ; w = Const(value=random(3,3), ^bi) ; d = BODY"
    " ; ai = Add(bi, one, T=int32) ; ni = NextIteration(ai, T=int32) ; nv = NextIteration(d)"
    " ; y = Exit(sv)"
)
SCALED = "Mul(o, q) ; o = MatMul(bv, w) ; q = Const(value=uniform(3), ^bi)"
GATHER = (
    "w = Const(value=[[0.0],[1.5],[0.0],[-2.0]]) ; r = Identity(w)"
    " ; ids = Const(value=[1, 0, 3], dtype=int64) ; n = Gather(r, ids, Tindices=int64) ; y = Neg(n)"
)
WEIGHTS = "x = Placeholder(shape=[2]) ; w = Const(value=VALUE) ; y = Identity(w)"
TRUTH = {"b": "r:activations:0"}
RELU = function("relu", "a", [node("r", "Relu", "a", T=FLOAT)], TRUTH)
WAITING = function(
    "waiting",
    "a",
    [node("n", "Neg", "a", T=FLOAT), node("r", "Relu", "n:y:0", "^n", T=FLOAT)],
    TRUTH,
)
GIVES_BACK = function("back", "a", [], {"b": "a"})
TOP = function(
    "top",
    "a",
    [
        node("one", "Const", dtype=3),
        node("t", "TopKV2", "a", "one:output:0", T=FLOAT),
        node("r", "Cast", "t:indices:0", SrcT=3, DstT=FLOAT),
    ],
    {"b": "r:y:0"},
)
TOP.node_def[0].attr["value"].tensor.dtype = 3
TOP.node_def[0].attr["value"].tensor.tensor_shape.SetInParent()
TOP.node_def[0].attr["value"].tensor.int_val.append(2)


class Fix(NamedTuple):
    """A defect: the graph that shows it, the transforms, and what is left of an op after them.

    `only` counts ops in the result. `waits` says that a NaN must still stop the run: a node of
    the graph waits for a CheckNumerics of x.
    """

    text: str
    transforms: str
    only: dict[str, int] = {}  # noqa: RUF012 - never written to
    outputs: tuple[str, ...] = ("y",)
    inputs: tuple[str, ...] = ("x",)
    atol: float = 1e-5
    producer: int = PRODUCER
    functions: tuple[FunctionDef, ...] = ()
    first: str = ""
    waits: bool = False


def late(text: str, line: str) -> str:
    """The graph with this node waiting for a check of x."""
    before, name, after = text.partition(f"{line} = ")
    head, end, rest = after.partition(")")
    return f"{before}late = CheckNumerics(x, message=late) ; {name}{head}, ^late{end}{rest}"


FIXES = {
    # 2.5 names
    "obfuscate_names: an output with its port": Fix(
        "x = Placeholder(shape=[2]) ; n = Neg(x) ; y = Exp(n)",
        "obfuscate_names",
        outputs=("y:0",),
        inputs=("x:0",),
    ),
    "merge_duplicate_nodes: an output with its port": Fix(
        "x = Placeholder(shape=[2]) ; z = Neg(x) ; y = Neg(x)",
        "merge_duplicate_nodes",
        {"Neg": 2},
        outputs=("y:0", "z:0"),
        inputs=("x:0",),
    ),
    "merge_duplicate_nodes: two placeholders": Fix(
        "x = Placeholder(shape=[2]) ; u = Placeholder(shape=[2]) ; y = Sub(x, u)",
        "merge_duplicate_nodes",
        {"Placeholder": 2},
        inputs=(),
    ),
    "sparsify_gather: an output with its port": Fix(
        GATHER,
        "sparsify_gather",
        {"Identity": 1, "HashTable": 1},
        ("y:0", "r:0"),
        (),
        first="group_deps",
    ),
    "fold_batch_norms: a convolution that is an output": Fix(
        f"{CONV} ; {FACTOR} ; y = Mul(c, f)", "fold_batch_norms", {"Mul": 1}, ("y", "c")
    ),
    "fold_batch_norms: weights that are an output": Fix(
        f"{CONV} ; {FACTOR} ; y = Mul(c, f)", "fold_batch_norms", {"Mul": 0}, ("y", "w")
    ),
    "fold_old_batch_norms: a convolution that is an output": Fix(
        f"{CONV} ; {NORM} ; y = {BN}", "fold_old_batch_norms", {"BiasAdd": 0}, ("y", "c")
    ),
    "fold_old_batch_norms: a parameter that is an output": Fix(
        f"{CONV} ; {NORM} ; y = {BN}", "fold_old_batch_norms", {"BiasAdd": 1}, ("y", "g")
    ),
    "fuse: an intermediate that is an output": Fix(
        PAD, "fuse_pad_and_conv", {"MirrorPad": 1}, ("y", "m")
    ),
    "flatten_atrous_conv: an intermediate that is an output": Fix(
        ATROUS, "flatten_atrous_conv", {"BatchToSpaceND": 1}, ("y", "v")
    ),
    # 3.4 constants
    "quantize_weights: a constant in a loop": Fix(
        LOOP.replace("BODY", "MatMul(bv, w)"),
        "quantize_weights(minimum_size=9)",
        {"Dequantize": 1},
        atol=0.1,
    ),
    "round_weights: a constant in a loop": Fix(
        LOOP.replace("random(3,3)", "random(4,4)").replace(
            "BODY", "Mul(bv, t) ; t = Mean(w, ax) ; ax = Const(value=[0,1], dtype=int32, ^bi)"
        ),
        "round_weights(num_steps=10000)",
        atol=1e-3,
    ),
    "fold_batch_norms: constants in a loop": Fix(
        LOOP.replace("BODY", SCALED), "fold_batch_norms", {"Mul": 0}
    ),
    "fold_constants: constants in a loop": Fix(
        LOOP.replace("BODY", "Mul(bv, q) ; q = Exp(k) ; k = Const(value=random(3), ^bi)"),
        "fold_constants",
        {"Exp": 0},
    ),
    "fold_batch_norms: weights in double": Fix(
        "x = Placeholder(shape=[2,3], dtype=double) ; w = Const(value=random(3,4), dtype=double)"
        " ; c = MatMul(x, w, T=double) ; f = Const(value=uniform(4), dtype=double)"
        " ; y = Mul(c, f, T=double)",
        "fold_batch_norms fold_old_batch_norms round_weights quantize_weights(minimum_size=1)",
        {"Mul": 1, "Dequantize": 0},
        atol=0,
    ),
    "weights in half": Fix(
        "x = Placeholder(shape=[2,3], dtype=half) ; w = Const(value=random(3,4), dtype=half)"
        " ; c = MatMul(x, w, T=half) ; f = Const(value=uniform(4), dtype=half)"
        " ; y = Mul(c, f, T=half)",
        "fold_batch_norms round_weights quantize_weights(minimum_size=1)",
        {"Mul": 1, "Dequantize": 0},
        atol=0,
    ),
    # backports
    "backport_concatv2: a control input": Fix(
        "x = Placeholder(shape=[2,2]) ; k = Const(value=1, dtype=int32) ; n = NoOp(^x)"
        " ; y = ConcatV2(x, x, k, ^n, N=2)",
        "backport_concatv2",
        {"Concat": 1},
    ),
    "backport_concatv2: an axis of int64": Fix(
        "x = Placeholder(shape=[2,2]) ; k = Const(value=1, dtype=int64)"
        " ; y = ConcatV2(x, x, k, N=2, Tidx=int64)",
        "backport_concatv2",
        {"Concat": 1},
    ),
    "backport_tensor_array_v3: an attribute that version 2 does not know": Fix(
        "x = Placeholder(shape=[2,3]) ; n = Const(value=2, dtype=int32)"
        " ; a = TensorArrayV3(n, identical_element_shapes=true)"
        " ; i = Const(value=[1, 0], dtype=int32) ; s = TensorArrayScatterV3(a, i, x, a:1)"
        " ; y = TensorArrayGatherV3(a, i, s)",
        "backport_tensor_array_v3",
        {"TensorArrayV2": 1},
        producer=25,
    ),
    # flatten_atrous_conv
    "flatten_atrous_conv: no net padding": Fix(
        ATROUS.replace("[[2,2],[2,2]]", PLAIN), "flatten_atrous_conv", {"BatchToSpaceND": 0}
    ),
    "flatten_atrous_conv: another padding": Fix(
        ATROUS.replace("[[2,2],[2,2]]", "[[2,0],[2,0]]"), "flatten_atrous_conv"
    ),
    "flatten_atrous_conv: a filter that is read elsewhere": Fix(
        f"{ATROUS} ; z = Neg(w)", "flatten_atrous_conv", {"BatchToSpaceND": 0}, ("y", "z")
    ),
    "flatten_atrous_conv: an input on another port": Fix(
        ATROUS.replace("[1,8,8,2]", "[1,8,8,4]").replace("SpaceToBatchND(x,", "SpaceToBatchND(h:1,")
        + " ; three = Const(value=3, dtype=int32) ; h = Split(three, x, num_split=2)",
        "flatten_atrous_conv",
        {"BatchToSpaceND": 0},
    ),
    "flatten_atrous_conv: a filter behind an Identity": Fix(
        ATROUS.replace("(s, w", "(s, wi") + " ; wi = Identity(w)", "flatten_atrous_conv"
    ),
    "flatten_atrous_conv: a block shape behind an Identity": Fix(
        ATROUS.replace("(x, r,", "(x, ri,") + " ; ri = Identity(r, T=int32)", "flatten_atrous_conv"
    ),
    "flatten_atrous_conv: a block shape of one dimension": Fix(
        ATROUS.replace("[2,2], dtype", "[2], dtype")
        .replace("[[2,2],[2,2]]", "[[2,2]]")
        .replace(PLAIN, "[[0,0]]"),
        "flatten_atrous_conv",
    ),
    "flatten_atrous_conv: a block shape of int64": Fix(
        ATROUS.replace("[2,2], dtype=int32", "[2,2], dtype=int64")
        .replace("(x, r, p)", "(x, r, p, Tblock_shape=int64)")
        .replace("(v, r, k)", "(v, r, k, Tblock_shape=int64)"),
        "flatten_atrous_conv",
    ),
    "flatten_atrous_conv: strides": Fix(
        ATROUS.replace("(s, w, padding", "(s, w, strides=[1,2,2,1], padding"), "flatten_atrous_conv"
    ),
    "flatten_atrous_conv: dilations inside": Fix(
        ATROUS.replace("(s, w, padding", "(s, w, dilations=[1,2,2,1], padding"),
        "flatten_atrous_conv",
    ),
    "flatten_atrous_conv: what is waited for": Fix(
        late(ATROUS, "s"), "flatten_atrous_conv", {"BatchToSpaceND": 0}, waits=True
    ),
    # fold_batch_norms
    "fold_batch_norms: transposed weights": Fix(
        "x = Placeholder(shape=[2,4]) ; w = Const(value=random(4,4))"
        f" ; c = MatMul(x, w, transpose_b=true) ; {FACTOR} ; y = Mul(c, f)",
        "fold_batch_norms",
        {"Mul": 0},
    ),
    "fold_batch_norms: channels first, a factor of the width": Fix(
        CONV.replace("[1,4,4,3]", "[1,3,4,4]").replace("(x, w)", "(x, w, data_format=NCHW)")
        + f" ; {FACTOR} ; y = Mul(c, f)",
        "fold_batch_norms",
        {"Mul": 1},
    ),
    **{
        f"fold_batch_norms: channels first, a factor of shape [{shape}]": Fix(
            CONV.replace("[1,4,4,3]", "[1,3,4,4]").replace("(x, w)", "(x, w, data_format=NCHW)")
            + f" ; f = Const(value=uniform({shape})) ; y = Mul(c, f)",
            "fold_batch_norms",
            {"Mul": 0},
        )
        for shape in ("4,1,1", "1,4,1,1")
    },
    **{
        f"fold_batch_norms: a factor of shape [{shape}]": Fix(
            f"{CONV} ; f = Const(value=uniform({shape})) ; y = Mul(c, f)",
            "fold_batch_norms",
            {"Mul": 0},
        )
        for shape in ("", "1", "1,1,1,4")
    },
    "fold_batch_norms: one constant as data and weights": Fix(
        f"w = Const(value=random(4,4)) ; c = MatMul(w, w) ; {FACTOR} ; y = Mul(c, f)",
        "fold_batch_norms",
        {"Mul": 0},
        inputs=(),
    ),
    "fold_batch_norms: what the product waits for": Fix(
        late(f"{CONV} ; {FACTOR} ; y = Mul(c, f)", "y"),
        "fold_batch_norms",
        {"Mul": 0},
        waits=True,
    ),
    # fold_constants
    "fold_constants: a placeholder that is not listed": Fix(
        "x = Placeholder(shape=[2]) ; k = Const(value=[1, 2]) ; e = Exp(k) ; y = Mul(x, e)",
        "fold_constants",
        {"Placeholder": 1, "Exp": 0},
        inputs=(),
    ),
    "fold_constants: a call of constants": Fix(
        "x = Placeholder(shape=[2]) ; k = Const(value=[1, -2]) ; e = PartitionedCall(k, f=relu)"
        " ; y = Mul(x, e)",
        "fold_constants",
        {"PartitionedCall": 0},
        functions=(RELU,),
    ),
    "fold_constants: shapes of an input that are wrong by now": Fix(
        "x = Placeholder(shape=[-1], _output_shapes=[[2]]) ; k = Const(value=[1, 2])"
        " ; e = Exp(k) ; y = Mul(x, e)",
        "fold_constants",
        {"Exp": 0},
    ),
    # fold_old_batch_norms
    "fold_old_batch_norms: parameters with another reader": Fix(
        f"{CONV} ; {NORM} ; y = {BN} ; z = Neg(g) ; u = Neg(m)",
        "fold_old_batch_norms",
        {"BiasAdd": 1},
        ("y", "z", "u"),
    ),
    "fold_old_batch_norms: a convolution with another reader": Fix(
        f"{CONV} ; {NORM} ; y = {BN} ; z = Neg(c)", "fold_old_batch_norms", {}, ("y", "z")
    ),
    "fold_old_batch_norms: weights with another reader": Fix(
        f"{CONV} ; {NORM} ; y = {BN} ; d = Conv2D(x, w) ; z = Neg(d) ; u = Neg(w)",
        "fold_old_batch_norms",
        {"BiasAdd": 1},
        ("y", "z", "u"),
    ),
    "fold_old_batch_norms: in training": Fix(
        f"{CONV} ; g = Const(value=uniform(4)) ; b = Const(value=random(4))"
        " ; e = Const(value=zeros(0))"
        " ; y = FusedBatchNormV3(c, g, b, e, e, is_training=true)",
        "fold_old_batch_norms",
        {"FusedBatchNormV3": 1},
    ),
    "fold_old_batch_norms: other outputs in use": Fix(
        f"{CONV} ; {NORM} ; n = {BN} ; y = Neg(n) ; z = Neg(n:1)",
        "fold_old_batch_norms",
        {"FusedBatchNorm": 1},
        ("y", "z"),
    ),
    "fold_old_batch_norms: an axis of -1": Fix(
        f"{IMAGE} ; w1 = Const(value=random(1,1,3,1)) ; w2 = Const(value=random(1,1,3,3))"
        " ; i = Identity(x) ; c1 = Conv2D(x, w1) ; c2 = Conv2D(i, w2)"
        f" ; k = Const(value=-1, dtype=int32) ; c = ConcatV2(c1, c2, k, N=2) ; {NORM} ; y = {BN}",
        "fold_old_batch_norms",
        {"BiasAdd": 2, "FusedBatchNorm": 0},
    ),
    "fold_old_batch_norms: two convolutions of one tensor": Fix(
        f"{IMAGE} ; w1 = Const(value=random(1,1,3,1)) ; w2 = Const(value=random(1,1,3,3))"
        " ; c1 = Conv2D(x, w1) ; c2 = Conv2D(x, w2)"
        f" ; k = Const(value=3, dtype=int32) ; c = ConcatV2(c1, c2, k, N=2) ; {NORM} ; y = {BN}",
        "fold_old_batch_norms",
        {"BiasAdd": 2, "FusedBatchNorm": 0},
    ),
    "fold_old_batch_norms: what the batch norm waits for": Fix(
        late(f"{CONV} ; {NORM} ; y = {BN}", "y"),
        "fold_old_batch_norms",
        {"BiasAdd": 1},
        waits=True,
    ),
    # fuse
    **{
        f"{name}: a batch of two": Fix(text.replace("[1,6,5,2]", "[2,6,5,2]"), name)
        for name, text in (("fuse_pad_and_conv", PAD), ("fuse_resize_and_conv", RESIZE))
    },
    "fuse: half-pixel centers": Fix(
        RESIZE.replace("(x, z)", "(x, z, half_pixel_centers=true)"), "fuse_resize_and_conv"
    ),
    "fuse: dilations": Fix(
        PAD.replace("(m, w)", "(m, w, dilations=[1,2,2,1])"), "fuse_pad_and_conv"
    ),
    "fuse: explicit padding": Fix(
        PAD.replace("(m, w)", "(m, w, padding=EXPLICIT, explicit_paddings=[0,0,1,0,2,1,0,0])"),
        "fuse_pad_and_conv",
    ),
    "fuse: channels first": Fix(
        PAD.replace("[1,6,5,2]", "[1,2,6,5]")
        .replace("(m, w)", "(m, w, data_format=NCHW)")
        .replace("[[0,0],[1,2],[1,1],[0,0]]", "[[0,0],[0,0],[1,2],[1,1]]"),
        "fuse_pad_and_conv",
    ),
    "fuse: a pad of the channels": Fix(
        PAD.replace("[1,1],[0,0]]", "[1,1],[1,0]]").replace("3,3,2,3", "3,3,3,3"),
        "fuse_pad_and_conv",
    ),
    "fuse: what the pad waits for": Fix(
        late(PAD, "m"), "fuse_pad_and_conv", {"FusedPadConv2D": 1}, waits=True
    ),
    "fuse: align_corners left out": Fix(RESIZE, "fuse_resize_and_conv", {"ResizeBilinear": 0}),
    # insert_logging
    "insert_logging: one of two outputs is read": Fix(
        "x = Placeholder(shape=[4]) ; k = Const(value=2, dtype=int32) ; t = TopKV2(x, k)"
        " ; y = Neg(t)",
        "insert_logging(op=TopKV2, first_n=0)",
        {"Print": 1},
    ),
    "insert_logging: a node without outputs": Fix(
        "x = Placeholder(shape=[2]) ; n = NoOp(^x) ; y = Neg(x, ^n)",
        "insert_logging(first_n=0)",
        {"Print": 1},
    ),
    "insert_logging: twice": Fix(
        "x = Placeholder(shape=[2]) ; e = Exp(x) ; y = Neg(e)",
        "insert_logging(op=Exp, first_n=0) insert_logging(op=Exp, first_n=0)",
        {"Print": 2},
    ),
    # obfuscate_names, remove_nodes: colocation
    "obfuscate_names: a colocation": Fix(
        'x = Placeholder(shape=[2]) ; n = Neg(x) ; y = Exp(n, _class=["loc:@n"])',
        "obfuscate_names",
    ),
    "remove_nodes: a colocation": Fix(
        'x = Placeholder(shape=[2]) ; n = Identity(x) ; y = Exp(n, _class=["loc:@n"])',
        "remove_nodes(op=Identity)",
        {"Identity": 0},
    ),
    # quantize_nodes
    "quantize_nodes: dilations": Fix(
        CONV.replace("c =", "y =").replace("(x, w)", "(x, w, dilations=[1,2,2,1])"),
        "quantize_nodes",
        {"Conv2D": 1},
    ),
    "quantize_nodes: channels first": Fix(
        CONV.replace("c =", "y =")
        .replace("[1,4,4,3]", "[1,3,4,4]")
        .replace("(x, w)", "(x, w, data_format=NCHW)"),
        "quantize_nodes",
        {"Conv2D": 1},
    ),
    "quantize_nodes: half-pixel centers": Fix(
        RESIZE.replace("(x, z)", "(x, z, half_pixel_centers=true)").replace("y = ", "c = ")
        + " ; y = Neg(m)",
        "quantize_nodes",
        {"ResizeBilinear": 1},
    ),
    "quantize_nodes: what an op waits for": Fix(
        late(CONV.replace("c =", "y ="), "y"),
        "quantize_nodes",
        {"Conv2D": 0},
        atol=0.06,
        waits=True,
    ),
    "quantize_nodes: a placeholder of int32": Fix(
        "x = Placeholder(shape=[3], dtype=int32) ; c = Cast(x, SrcT=int32, DstT=float)"
        " ; y = Neg(c)",
        "quantize_nodes(input_min=-4, input_max=4)",
        {"Dequantize": 0},
    ),
    **{
        f"quantize_nodes: a FakeQuant with {attr}": Fix(
            "x = Placeholder(shape=[2,5]) ; lo = Const(value=-2) ; hi = Const(value=2)"
            f" ; f = FakeQuantWithMinMaxVars(x, lo, hi, {attr}) ; y = Neg(f)",
            "quantize_nodes",
            {"FakeQuantWithMinMaxVars": 1},
            atol=0,
        )
        for attr in ("num_bits=4", "narrow_range=true")
    },
    # quantize_weights, round_weights
    "quantize_weights: all zero": Fix(
        WEIGHTS.replace("VALUE", "zeros(1024)"), "quantize_weights", {"Dequantize": 1}, atol=0
    ),
    **{
        f"{name}: {what}": Fix(
            WEIGHTS.replace("VALUE", f"[{values * 9}]"),
            f"{name}({param})",
            {"Dequantize": 0},
            atol=0,
        )
        for name, param in (
            ("quantize_weights", "minimum_size=2"),
            ("round_weights", "num_steps=4"),
        )
        for what, values in (("infinity", "1e999, 1, "), ("a range past all", "-3e38, 3e38, "))
    },
    "quantize_weights: a name that is taken": Fix(
        "x = Placeholder(shape=[2]) ; w = Const(value=random(8)) ; w_quantized_min = Neg(x)"
        " ; y = Identity(w)",
        "quantize_weights(minimum_size=8)",
        {"Dequantize": 1},
        ("y", "w_quantized_min"),
        atol=0.02,
    ),
    # remove_nodes
    "remove_nodes: what a removed node waits for": Fix(
        late(
            "x = Placeholder(shape=[2]) ; k = Const(value=[1, 2]) ; i = Identity(k) ; y = Neg(i)",
            "i",
        ),
        "remove_nodes(op=Identity)",
        {"Identity": 0},
        waits=True,
    ),
    "remove_nodes: another output is read": Fix(
        "x = Placeholder(shape=[1,3]) ; u = Unpack(x, num=1) ; p = Split(k, x, num_split=3)"
        " ; k = Const(value=1, dtype=int32) ; y = Sub(p:1, p:2)",
        "remove_nodes(op=Split, max_inputs=2)",
        {"Split": 1},
    ),
    "remove_nodes: a sibling of what stays": Fix(
        "x = Placeholder(shape=[2]) ; e = Exp(x) ; y = Identity(e) ; i = Identity(e) ; z = Neg(i)",
        "remove_nodes(op=Identity)",
        {"Identity": 1},
        ("y", "z"),
    ),
    # rename_attribute
    "rename_attribute: a name that is taken": Fix(
        "x = Placeholder(shape=[2,3]) ; y = MatMul(x, x, transpose_a=true, transpose_b=false)",
        "rename_attribute(old_attribute_name=transpose_b, new_attribute_name=transpose_a)",
    ),
    # sparsify_gather
    "sparsify_gather: ids of int32": Fix(
        GATHER.replace("int64", "int32"),
        "sparsify_gather",
        {"HashTable": 1},
        inputs=(),
        first="group_deps",
    ),
    "sparsify_gather: weights with another reader": Fix(
        f"{GATHER} ; z = Neg(r)",
        "sparsify_gather",
        {"HashTable": 1},
        ("y", "z"),
        (),
        first="group_deps",
    ),
    "sparsify_gather: two lookups of one table": Fix(
        f"{GATHER} ; z = Gather(r, ids, Tindices=int64)",
        "sparsify_gather",
        {"HashTable": 1, "LookupTableFind": 2},
        ("y", "z"),
        (),
        first="group_deps",
    ),
    # inline_partitionedcall
    "inline_partitionedcall: an output of several": Fix(
        "x = Placeholder(shape=[4]) ; e = PartitionedCall(x, f=top) ; y = Neg(e)",
        "inline_partitionedcall",
        {"PartitionedCall": 0},
        functions=(TOP,),
    ),
    "inline_partitionedcall: a control input inside": Fix(
        "x = Placeholder(shape=[4]) ; e = PartitionedCall(x, f=waiting) ; y = Neg(e)",
        "inline_partitionedcall",
        {"PartitionedCall": 0},
        functions=(WAITING,),
    ),
    "inline_partitionedcall: a control reader of the call": Fix(
        "x = Placeholder(shape=[4]) ; e = PartitionedCall(x, f=relu) ; y = Neg(x, ^e)",
        "inline_partitionedcall",
        {"PartitionedCall": 0},
        functions=(RELU,),
    ),
    "inline_partitionedcall: what the call waits for": Fix(
        late(
            "x = Placeholder(shape=[4]) ; k = Const(value=random(4))"
            " ; e = PartitionedCall(k, f=relu) ; y = Neg(e)",
            "e",
        ),
        "inline_partitionedcall",
        {"PartitionedCall": 0},
        functions=(RELU,),
        waits=True,
    ),
    "inline_partitionedcall: an argument is returned": Fix(
        "x = Placeholder(shape=[4]) ; e = PartitionedCall(x, f=back) ; y = Neg(e)",
        "inline_partitionedcall",
        {"PartitionedCall": 0},
        functions=(GIVES_BACK,),
    ),
    "inline_partitionedcall: a call that is an output": Fix(
        "x = Placeholder(shape=[4]) ; y = PartitionedCall(x, f=relu)",
        "inline_partitionedcall",
        {"PartitionedCall": 0},
        functions=(RELU,),
    ),
}
