"""fold_constants: what is constant, what is not, and what happens when a kernel fails."""

from __future__ import annotations

import numpy as np
import pytest

import inspector
from inspector.errors import TransformFailed
from inspector.graph import tensors
from inspector.graph.protos import FunctionDef
from inspector.model.model import Model
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from tests.passes.running import assert_same_values, context, cpp_tool, differences
from tests.passes.text import graph, node, show, value

X = "x = Placeholder(shape=[2])"

pytestmark = pytest.mark.tensorflow


def fold(text, inputs=("x",), outputs=("y",), check=True, ignore_errors=False, **params):
    before = graph(text) if isinstance(text, str) else text
    given = [
        (key, str(item).lower() if isinstance(item, bool) else str(item))
        for key, value in params.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    found = PASSES["fold_constants"]
    ctx = context(inputs, outputs, ignore_errors=ignore_errors)
    result = found(before, ctx, **found.read(given))
    if check:
        assert_same_values(before, result.graph, list(outputs), atol=1e-6)
    return result


def like_the_tool(text, inputs=("x",), outputs=("y",)):
    result = fold(text, inputs, outputs)
    theirs = cpp_tool(graph(text), list(inputs), list(outputs), "fold_constants")
    assert not differences(theirs, result.graph, list(inputs), list(outputs))
    return result


@pytest.mark.parametrize(
    "text",
    [
        f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; c = Neg(b) ; y = Add(x, c)",
        f"{X} ; a = Const(value=[1, 2]) ; r = Identity(a) ; y = Add(x, r) ; dead = Neg(y)",
        f"{X} ; a = Const(value=[1, 2]) ; r = Identity(a) ; s = Identity(a) ; t = Add(x, r)"
        f" ; y = Add(t, s)",
        f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a, ^x) ; c = Neg(b, ^a) ; y = Add(x, c)",
        f"{X} ; a = Const(value=[1, 2]) ; b = Const(value=[3, 4], ^x) ; c = Add(a, b)"
        f" ; y = Add(x, c)",
        f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; n = NoOp(^b) ; y = Add(x, a, ^n)",
        f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; c = Exp(b) ; n = NoOp(^c)"
        f" ; y = Add(x, b, ^n)",
        f"{X} ; a = Const(value=[1, 2, 3, 4]) ; d = Const(dtype=int32)"
        f" ; s = Split(d, a, num_split=2)"
        " ; t = Add(x, s) ; y = Mul(t, s:1)",
        f"{X} ; a = Const(value=[1, 2]) ; y = CheckNumerics(a, message=no)",
        f"{X} ; p = PlaceholderWithDefault(a, dtype=float, shape=[2]) ; a = Const(value=[1, 2])"
        " ; n = Neg(p) ; y = Add(x, n)",
        f"{X} ; r = Relu(x) ; s = Shape(r) ; c = Cast(s, SrcT=int32, DstT=float) ; y = Add(x, c)",
        f"{X} ; r = Relu(x) ; s = Size(r) ; t = Rank(r) ; u = Mul(s, t, T=int32)"
        " ; c = Cast(u, SrcT=int32, DstT=float) ; y = Add(x, c)",
        "x = Placeholder(shape=[2, 3]) ; r = Relu(x) ; s = ShapeN(x, r) ; t = Add(s, s:1, T=int32)"
        " ; c = Cast(t, SrcT=int32, DstT=float) ; d = Sum(c, z) ; z = Const(dtype=int32)"
        " ; y = Add(x, d)",
        "x = Placeholder(shape=[-1, 3]) ; s = Shape(x) ; c = Cast(s, SrcT=int32, DstT=float)"
        " ; r = Rank(x) ; e = Cast(r, SrcT=int32, DstT=float) ; y = Add(c, e)",
    ],
)
def test_the_structure_is_the_tools(text):
    like_the_tool(text)


def test_a_while_loop_keeps_its_frame():
    like_the_tool(
        "x = Placeholder(shape=[]) ; lim = Const(dtype=int32, value=3) ; i0 = Const(dtype=int32)"
        " ; k = Const(value=2) ; kk = Exp(k) ; ek = Enter(kk, frame_name=f, is_constant=true)"
        " ; ei = Enter(i0, frame_name=f, T=int32) ; ev = Enter(x, frame_name=f)"
        " ; el = Enter(lim, frame_name=f, T=int32, is_constant=true)"
        " ; mi = Merge(ei, ni, T=int32) ; mv = Merge(ev, nv) ; less = Less(mi, el, T=int32)"
        " ; go = LoopCond(less) ; si = Switch(mi, go, T=int32) ; sv = Switch(mv, go)"
        " ; bi = Identity(si:1, T=int32) ; bv = Identity(sv:1)"
        " ; one = Const(dtype=int32, value=1, ^bi) ; w = Const(value=3, ^bi) ; ww = Exp(w)"
        " ; ai = Add(bi, one, T=int32) ; a1 = Add(bv, ww) ; av = Mul(a1, ek)"
        " ; ni = NextIteration(ai, T=int32) ; nv = NextIteration(av) ; y = Exit(sv)"
    )


def test_without_feeds_a_placeholder_stays():
    text = (
        f"{X} ; q = Placeholder(shape=[2]) ; a = Const(value=[1, 2]) ; b = Exp(a)"
        " ; z = Add(x, q) ; y = Add(z, b)"
    )
    result = fold(text, inputs=[])
    assert result.graph.op_counts() == {"Add": 2, "Placeholder": 2, "Const": 1}


def test_an_output_that_is_constant_becomes_one():
    result = fold(f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; y = Neg(b)")
    assert show(result.graph) == "x = Placeholder()\ny = Const()"
    result = fold(f"{X} ; a = Const(value=[1, 2]) ; y = Identity(a, ^x)")
    assert show(result.graph) == "x = Placeholder()\ny = Const(^x)"


def test_an_output_of_several_tensors_keeps_its_op():
    text = (
        f"{X} ; a = Const(value=[1, 2, 3, 4]) ; b = Exp(a) ; d = Const(dtype=int32)"
        " ; y = Split(d, b, num_split=2)"
    )
    result = fold(text, outputs=["y:1"])
    assert result.graph.op_counts() == {"Const": 2, "Placeholder": 1, "Split": 1}


def test_excluded_ops_and_nodes():
    text = f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; c = Neg(b) ; d = Abs(c) ; y = Add(x, d)"
    assert "Exp" in fold(text, exclude_op=["Exp", "Sin"]).graph.op_counts()
    result = fold(text, exclude_node=["c:0"])
    assert result.graph.op_counts() == {"Add": 1, "Abs": 1, "Const": 1, "Neg": 1, "Placeholder": 1}


FAILING = (
    "x = Placeholder(dtype=int32, shape=[2]) ; a = Const(dtype=int32, value=[7, 8])"
    " ; zero = Const(dtype=int32, value=[0, 1]) ; n = Neg(a, T=int32)"
    " ; d = FloorDiv(n, zero, T=int32)"
    " ; e = Abs(d, T=int32) ; p = Add(x, e, T=int32) ; f = Square(a, T=int32)"
    " ; y = Add(p, f, T=int32)"
)


def test_a_kernel_that_fails_is_an_error():
    with pytest.raises(TransformFailed, match="division by zero") as caught:
        fold(FAILING, check=False)
    assert caught.value.what == "fold_constants"


def test_only_the_failing_part_stays_when_errors_are_ignored():
    result = fold(FAILING, check=False, ignore_errors=True)
    counts = result.graph.op_counts()
    assert "FloorDiv" in counts
    assert "Abs" in counts
    assert "Neg" not in counts
    assert "Square" not in counts
    np.testing.assert_array_equal(value(result.graph, result.graph.node("d").input[0]), [-7, -8])
    assert "division by zero" in "; ".join(skip.why for skip in result.skipped)


def test_a_node_of_an_unknown_op_stays_and_what_it_reads_is_folded():
    text = f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; u = Mystery(b) ; v = Mystery(x)"
    result = fold(f"{text} ; s = Add(u, v) ; y = Add(x, s)", check=False)
    assert result.graph.op_counts()["Mystery"] == 2
    assert "Exp" not in result.graph.op_counts()
    assert [(skip.name, skip.why) for skip in result.skipped] == [
        ("u", "Mystery is no op of TensorFlow 2.21 and cannot be computed")
    ]


def test_large_results_stay_and_their_inputs_fold():
    text = (
        f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; m = Const(dtype=int32, value=[1000])"
        " ; t = Tile(b, m) ; s = Sum(t, z) ; z = Const(dtype=int32) ; y = Add(x, t2) ; t2 = Neg(x)"
        " ; u = Add(t, k) ; k = Placeholder(shape=[2000])"
    )
    result = fold(text, inputs=["x", "k"], outputs=["u", "y"], max_constant_size_in_bytes=7999)
    assert "Tile" in result.graph.op_counts()
    assert "Exp" not in result.graph.op_counts()
    assert "larger than 7,999 bytes" in result.skipped[0].why
    result = fold(text, inputs=["x", "k"], outputs=["u", "y"], max_constant_size_in_bytes=8000)
    assert "Tile" not in result.graph.op_counts()


def test_a_size_that_only_the_kernel_knows():
    text = (
        "x = Placeholder(shape=[-1]) ; a = Const(value=random(3000)) ; w = Where(g, T=bool)"
        " ; z = Const(value=0) ; g = Greater(a, z) ; c = Cast(w, SrcT=int64, DstT=float)"
        " ; d = Const(dtype=int32, value=[-1]) ; r = Reshape(c, d) ; y = ConcatV2(x, r, ax)"
        " ; ax = Const(dtype=int32)"
    )
    result = fold(text, max_constant_size_in_bytes=1000)
    assert "Reshape" in result.graph.op_counts()
    assert "Reshape" not in fold(text).graph.op_counts()


def test_a_huge_constant_is_never_computed():
    text = (
        f"{X} ; n = Const(dtype=int32, value=[2000000000, 2000000000]) ; v = Const(value=1)"
        " ; f = Fill(n, v) ; s = Shape(f) ; c = Cast(s, SrcT=int32, DstT=float) ; y = Add(x, c)"
    )
    result = fold(text, check=False)
    assert "Shape" not in result.graph.op_counts()
    assert "larger than" in result.skipped[0].why


def test_state_and_files_never_fold(tmp_path):
    (tmp_path / "secret").write_text("no")
    text = (
        f'{X} ; n = Const(dtype=string, value="{tmp_path / "secret"}") ; r = ReadFile(n)'
        " ; s = Const(dtype=int32, value=[2]) ; u = RandomUniform(s, T=int32, dtype=float)"
        " ; v = Add(x, u) ; y = Relu(v)"
    )
    result = fold(text, outputs=["y", "r"], check=False)
    assert {"ReadFile", "RandomUniform"} <= result.graph.op_counts().keys()


CALL = (
    f"{X} ; a = Const(value=[1, 2]) ; c = PartitionedCall(a, Tin=[float], Tout=[float], f=g)"
    " ; y = Add(x, c)"
)


def test_calls_of_functions_fold_with_the_library():
    before = graph(
        f"{X} ; a = Const(value=[1, 2])"
        f" ; c = PartitionedCall(a, Tin=[float], Tout=[float], f=g) ; y = Add(x, c)"
    )
    before = with_function(before, "b = Exp(v, T=float)", "b:y:0")
    result = fold(before)
    assert result.graph.op_counts() == {"Add": 1, "Const": 1, "Placeholder": 1}
    assert result.graph.library.function


def test_calls_of_functions_with_state_stay():
    before = graph(
        f"{X} ; a = Const(value=[1, 2])"
        f" ; c = PartitionedCall(a, Tin=[float], Tout=[float], f=g) ; y = Add(x, c)"
    )
    before = with_function(before, "b = RandomShuffle(v, T=float)", "b:output:0")
    assert fold(before, check=False).graph.op_counts()["PartitionedCall"] == 1


def with_function(found, line, result):
    function = FunctionDef()
    function.signature.name = "g"
    function.signature.input_arg.add(name="v", type=tensors.FLOAT)
    function.signature.output_arg.add(name="o", type=tensors.FLOAT)
    function.node_def.append(node(line))
    function.ret["o"] = result
    found.library.function.append(function)
    return found


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (["x"], [], "Must specify at least one target to fetch or execute."),
        (["x"], ["nope"], "FetchOutputs node nope: not found"),
        (["z"], ["y"], "FeedInputs: unable to find feed output z"),
        (["y"], ["y"], "y:0 is both fed and fetched."),
        (["x", "x:0"], ["y"], 'Endpoint "x:0" fed more than once.'),
        (["x"], ["y:1"], "y:1: output index too large, must be < 1"),
        (["x:1"], ["y"], "x:1: output index too large, must be < 1"),
        (
            ["r"],
            ["y"],
            "Input 'r' was expected to be a Placeholder or PlaceholderWithDefault op, but was Relu",
        ),
    ],
)
def test_what_is_fed_and_fetched_is_checked(inputs, outputs, message):
    with pytest.raises(TransformFailed) as caught:
        fold(f"{X} ; r = Relu(x) ; y = Neg(r)", inputs, outputs, check=False)
    assert message in str(caught.value)


def test_a_fed_default_becomes_a_placeholder():
    text = (
        "a = Const(value=[1, 2]) ; x = PlaceholderWithDefault(a, dtype=float, shape=[2])"
        " ; y = Neg(x)"
    )
    result = fold(text, check=False)
    assert show(result.graph) == "x = Placeholder()\ny = Neg(x)"
    assert tensors.shape_of(result.graph.node("x").attr["shape"].shape) == [2]


def test_output_shapes_are_cleared_unless_asked_not_to():
    text = "x = Placeholder(shape=[2], _output_shapes=[[2]]) ; y = Neg(x, _output_shapes=[[2]])"
    for found in fold(text).graph.nodes:
        assert "_output_shapes" not in found.attr
    for found in fold(text, clear_output_shapes=False).graph.nodes:
        assert "_output_shapes" in found.attr


def test_an_input_nobody_reads_stays():
    result = fold(f"{X} ; q = Placeholder(shape=[2]) ; y = Neg(x)", inputs=["x", "q"])
    assert "q" in result.graph


def test_strings_fold():
    text = (
        f'{X} ; a = Const(dtype=string, value=["a", "b"])'
        f' ; b = Const(dtype=string, value=["c", "d"])'
        " ; c = StringJoin(a, b, N=2) ; y = Identity(c, T=string)"
    )
    result = fold(text, check=False)
    assert value(result.graph, "y").tolist() == [b"ac", b"bd"]


def test_colocation_with_what_is_gone_is_dropped():
    text = f'{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; y = Add(x, b, _class=["loc:@b"])'
    assert "_class" not in fold(text).graph.node("y").attr


def test_devices_of_what_is_computed_do_not_matter():
    text = f"{X} ; a = Const(value=[1, 2]) @/gpu:7 ; b = Exp(a) @/gpu:7 ; y = Add(x, b)"
    assert "Exp" not in fold(text).graph.op_counts()


def test_without_kernels_what_needs_them_stays():
    text = (
        f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; i = Identity(a) ; s = Shape(x)"
        " ; c = Cast(s, SrcT=int32, DstT=float) ; t = Add(x, b) ; u = Add(t, i) ; y = Add(u, c)"
    )
    found = PASSES["fold_constants"]
    ctx = PassContext(("x",), ("y",), None)
    result = found(graph(text), ctx, **found.read(()))
    counts = result.graph.op_counts()
    assert {"Exp", "Cast"} <= counts.keys()
    assert not {"Identity", "Shape"} & counts.keys()
    assert "not at hand" in result.skipped[0].why


def test_names_are_free_ones():
    text = f"{X} ; a = Const(value=[1, 2]) ; b = Exp(a) ; y = Add(x, b) ; b/_0__cf__0 = Neg(x)"
    result = fold(text, outputs=["y", "b/_0__cf__0"])
    assert result.graph.node("b/_0__cf__0").op == "Neg"


def test_a_long_chain_is_no_recursion():
    lines = [f"{X} ; c0 = Const(value=[0, 0.5])"]
    lines += [f"c{i} = Neg(c{i - 1})" for i in range(1, 3000)]
    result = fold(" ; ".join([*lines, "y = Add(x, c2999)"]), check=False)
    assert len(result.graph) == 3


def test_who_waited_for_nothing_waits_for_what_it_waited_for():
    text = "x = Placeholder(shape=[2]) ; a = Const(value=[1, 2]) ; n = NoOp(^x) ; m = NoOp(^a)"
    text += " ; e = Exp(a, ^n, ^m) ; r = Relu(x, ^n) ; y = Mul(e, r)"
    once = fold(text).graph
    (made,) = (item for item in once.nodes if item.name.startswith("e/"))
    assert list(made.input) == ["^x"]
    assert list(once.node("r").input) == ["x", "^n"]
    assert "m" not in once
    kept = fold(text + " ; z = NoOp(^y)", outputs=("y", "z"), check=False).graph
    assert kept.node("z").op == "NoOp"


@pytest.mark.tensorflow
@pytest.mark.parametrize("preset", ["tidy", "faster"])
def test_a_weight_that_only_the_noop_of_freezing_waits_for_does_not_stay(preset):
    """``convert_variables_to_constants_v2`` lets the outputs wait for a NoOp after all reads."""
    text = (
        "x = Placeholder(shape=[2,64]) ; w = Const(value=random(64,8,8)) ; r = Identity(w)"
        " ; n = NoOp(^w) ; s = Const(value=[64,64], dtype=int32) ; f = Reshape(r, s)"
        " ; m = MatMul(x, f) ; y = Identity(m, ^n)"
    )
    model = Model("GraphDef", "frozen.pb", graph(text))
    result = inspector.optimise(model, outputs=["y"], preset=preset, check=True)
    weights = [node for node in result.model.graph if node.ByteSize() > 64 * 64 * 4]
    assert len(weights) == 1, [node.name for node in result.model.graph]
