"""What every pass keeps, whatever it does: one case each, so that a new one is not forgotten."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from inspector.errors import TransformFailed
from inspector.graph import tensors
from inspector.graph.graph import Graph, validate
from inspector.graph.protos import FunctionDef, GraphDef
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from inspector.passes.gains import GAINS
from inspector.passes.pipeline import plan
from inspector.passes.presets import PRESETS
from tests.function_graphs import FLOAT, function, node
from tests.passes.running import assert_same_values, context, feeds_for, run
from tests.passes.text import PRODUCER, graph, graph_def
from tests.test_api import TRANSFORMS as NOTEBOOK

CONV = "x = Placeholder(shape=[1,5,5,3]) ; w = Const(value=random(3,3,3,4)) ; c = Conv2D(x, w)"
BATCH_NORM = (
    " ; g = Const(value=uniform(4)) ; b = Const(value=random(4)) ; m = Const(value=random(4))"
    " ; v = Const(value=uniform(4)) ; y = FusedBatchNormV3(c, g, b, m, v, is_training=false)"
)
LAYER = "x = Placeholder(shape=[2,3]) ; w = Const(value=random(3,4)) ; m = MatMul(x, w)"
IMAGE = "x = Placeholder(shape=[1,6,5,2]) ; w = Const(value=random(3,3,2,3))"
PAD = (
    f"{IMAGE} ; p = Const(value=[[0,0],[1,2],[1,1],[0,0]], dtype=int32)"
    " ; m = MirrorPad(IN, p, mode=REFLECT)"
)
RESIZE = f"{IMAGE} ; z = Const(value=[9,8], dtype=int32) ; r = ResizeBilinear(x, z)"
RANGES = Path(__file__).with_name("ranges.log")
RELU = function("relu", "a", [node("r", "Relu", "a", T=FLOAT)], {"b": "r:activations:0"})


class Case(NamedTuple):
    text: str
    params: str = ""
    settles: bool = True
    atol: float = 0.0
    producer: int = PRODUCER
    functions: tuple[FunctionDef, ...] = ()
    first: str = ""
    idle: str = "x = Placeholder(shape=[2]) ; y = Softplus(x)"
    # What Grappler does here hangs on the processor, and on this one may be nothing.
    always: bool = True


CASES = {
    "add_default_attributes": Case("x = Placeholder(shape=[2,2]) ; y = MatMul(x, x)"),
    "backport_concatv2": Case(
        "x = Placeholder(shape=[2,2]) ; k = Const(value=1, dtype=int32)"
        " ; y = ConcatV2(x, x, k, N=2)"
    ),
    # TensorFlow 2 runs the older ops in graphs of 2016 only.
    "backport_tensor_array_v3": Case(
        "x = Placeholder(shape=[2,3]) ; n = Const(value=2, dtype=int32) ; a = TensorArrayV3(n)"
        " ; i = Const(value=[1, 0], dtype=int32) ; s = TensorArrayScatterV3(a, i, x, a:1)"
        " ; y = TensorArrayGatherV3(a, i, s)",
        producer=25,
    ),
    "flatten_atrous_conv": Case(
        "x = Placeholder(shape=[1,8,8,2]) ; b = Const(value=[2,2], dtype=int32)"
        " ; p = Const(value=[[2,2],[2,2]], dtype=int32) ; s = SpaceToBatchND(x, b, p)"
        " ; w = Const(value=random(3,3,2,3)) ; v = Conv2D(s, w, padding=VALID)"
        " ; c = Const(value=[[0,0],[0,0]], dtype=int32) ; y = BatchToSpaceND(v, b, c)",
        atol=1e-6,
    ),
    "fold_batch_norms": Case(f"{CONV} ; f = Const(value=random(4)) ; y = Mul(c, f)", atol=1e-6),
    "fold_constants": Case(
        "x = Placeholder(shape=[2]) ; a = Const(value=[1, 2]) ; b = Const(value=[0.5])"
        " ; c = Mul(a, b) ; s = Shape(x) ; d = Cast(s, SrcT=int32, DstT=float) ; e = Add(c, d)"
        " ; y = Mul(x, e)",
        atol=1e-6,
    ),
    "fold_old_batch_norms": Case(CONV + BATCH_NORM, atol=1e-6),
    "freeze_requantization_ranges": Case(
        "x = Placeholder(shape=[4]) ; lo = Const(value=-8) ; hi = Const(value=8)"
        " ; q = QuantizeV2(x, lo, hi, T=qint32, mode=MIN_FIRST)"
        " ; n0 = RequantizationRange(q, q:1, q:2, Tinput=qint32)"
        " ; z = Requantize(q, q:1, q:2, n0, n0:1, Tinput=qint32, out_type=quint8)"
        " ; y = Dequantize(z, z:1, z:2, T=quint8, mode=MIN_FIRST)",
        f'min_max_log_file="{RANGES}"',
        atol=0.1,
        idle="n0/frozen_min = Const(value=0) ; n0/frozen_max = Const(value=0)",
    ),
    "fuse_pad_and_conv": Case(f"{PAD} ; y = Conv2D(m, w)".replace("IN", "x"), atol=1e-6),
    "fuse_resize_and_conv": Case(f"{RESIZE} ; y = Conv2D(r, w)", atol=1e-6),
    "fuse_resize_pad_and_conv": Case(
        f"{RESIZE} ; y = Conv2D(m, w)" + PAD[PAD.index(" ; p") :].replace("IN", "r"), atol=1e-6
    ),
    "grappler": Case(
        "x = Placeholder(shape=[2]) ; a = Const(value=[1, 2]) ; b = Const(value=[0.5])"
        " ; c = Mul(a, b) ; d = Mul(x, c) ; i = Identity(d) ; y = Relu(i)",
        'optimizers="constfold,arithmetic"',
        atol=1e-6,
    ),
    "grappler_arithmetic": Case(
        "x = Placeholder(shape=[2,3]) ; p = Const(value=[1,0], dtype=int32)"
        " ; t = Transpose(x, p) ; u = Transpose(t, p) ; y = Relu(u)"
    ),
    "grappler_auto_mixed_precision_onednn_bfloat16": Case(
        f"{LAYER} ; y = Relu(m)", atol=0.1, always=False
    ),
    "grappler_common_subgraph_elimination": Case(
        "x = Placeholder(shape=[2]) ; a = Exp(x) ; b = Exp(x) ; y = Add(a, b)"
    ),
    "grappler_constfold": Case(
        "x = Placeholder(shape=[2]) ; a = Const(value=[1, 2]) ; b = Const(value=[0.5])"
        " ; c = Mul(a, b) ; y = Mul(x, c)",
        atol=1e-6,
    ),
    "grappler_debug_stripper": Case(
        "x = Placeholder(shape=[2]) ; c = CheckNumerics(x, message=no) ; y = Relu(c)"
    ),
    "grappler_dependency": Case("x = Placeholder(shape=[2]) ; i = NoOp(^x) ; y = Relu(x, ^i)"),
    "grappler_function": Case(
        "x = Placeholder(shape=[2]) ; c = PartitionedCall(x, f=relu) ; y = Neg(c)",
        functions=(RELU,),
    ),
    "grappler_layout": Case(f"{CONV} ; y = Relu(c)", atol=1e-6, always=False),
    "grappler_loop": Case(
        "x = Placeholder(shape=[2]) ; p = Const(value=1, dtype=bool) ; s = Switch(x, p)"
        " ; t = Identity(s:1) ; f = Neg(s) ; m = Merge(t, f) ; y = Relu(m)"
    ),
    "grappler_pruning": Case("x = Placeholder(shape=[2]) ; i = Identity(x) ; y = Relu(i)"),
    "grappler_remap": Case(
        f"{LAYER} ; b = Const(value=random(4)) ; a = BiasAdd(m, b) ; y = Identity(a)", atol=1e-6
    ),
    "grappler_shape": Case(
        "x = Placeholder(shape=[-1,3]) ; s = Shape(x) ; z = Const(value=[0], dtype=int32)"
        " ; p = Prod(s, z, T=int32) ; c = Cast(p, SrcT=int32, DstT=float) ; y = Mul(x, c)"
    ),
    "inline_functions": Case(
        "x = Placeholder(shape=[2]) ; c = StatefulPartitionedCall(x, f=relu) ; y = Neg(c)",
        functions=(RELU,),
    ),
    "inline_partitionedcall": Case(
        "x = Placeholder(shape=[2]) ; c = PartitionedCall(x, f=relu) ; y = Neg(c)",
        functions=(RELU,),
    ),
    # Run again, it logs the log.
    "insert_logging": Case(
        "x = Placeholder(shape=[2]) ; e = Exp(x) ; y = Neg(e)", "op=Exp", settles=False
    ),
    "merge_duplicate_nodes": Case(
        "x = Placeholder(shape=[2]) ; a = Exp(x) ; b = Exp(x) ; y = Add(a, b)"
    ),
    "obfuscate_names": Case(
        "x = Placeholder(shape=[2]) ; long/name = Relu(x) ; y = Neg(long/name)"
    ),
    "quantize_nodes": Case(
        "x = Placeholder(shape=[2,3]) ; w = Const(value=random(3,4)) ; m = MatMul(x, w)"
        " ; b = Const(value=random(4)) ; a = BiasAdd(m, b) ; y = Relu(a)",
        atol=0.06,
    ),
    "quantize_weights": Case(
        "x = Placeholder(shape=[2,40]) ; w = Const(value=random(40,40)) ; y = MatMul(x, w)",
        atol=0.02,
    ),
    "remove_attribute": Case(
        "x = Placeholder(shape=[2]) ; y = Relu(x, _note=1)", "attribute_name=_note"
    ),
    "remove_control_dependencies": Case(
        "x = Placeholder(shape=[2]) ; i = NoOp(^x) ; y = Relu(x, ^i)"
    ),
    "remove_dead_branches": Case(
        "x = Placeholder(shape=[2]) ; p = Const(value=1, dtype=bool) ; s = Switch(x, p)"
        " ; t = Exp(s:1) ; f = Neg(s) ; m = Merge(t, f) ; y = Relu(m)"
    ),
    "remove_device": Case("x = Placeholder(shape=[2]) @/gpu:0 ; y = Relu(x) @/cpu:0"),
    "remove_nodes": Case(
        "x = Placeholder(shape=[2]) ; i = Identity(x) ; y = Relu(i)", "op=Identity"
    ),
    "remove_redundant_control_inputs": Case(
        "x = Placeholder(shape=[2]) ; c = Const(value=[1,2]) ; i = NoOp(^c) ; a = Add(x, c, ^i)"
        " ; y = Relu(a, ^a)"
    ),
    "remove_training_nodes": Case(
        "x = Placeholder(shape=[2]) ; c = CheckNumerics(x, message=no) ; k = Const(value=1,"
        " dtype=bool) ; a = Assert(k, c, T=[float]) ; s = StopGradient(c, ^a) ; y = Neg(s)"
    ),
    "rename_attribute": Case(
        "x = Placeholder(shape=[2]) ; y = Relu(x, _note=1)",
        "old_attribute_name=_note, new_attribute_name=_memo",
    ),
    "rename_node": Case(
        "x = Placeholder(shape=[2]) ; a = Relu(x) ; y = Neg(a)", "old_node_name=a, new_node_name=b"
    ),
    "rename_op": Case(
        "x = Placeholder(shape=[2]) ; y = Mul(x, x)", "old_op_name=Mul, new_op_name=MulNoNan"
    ),
    # The middle of a step becomes the end of one the next time, as in the tool.
    "round_weights": Case(
        "x = Placeholder(shape=[4]) ; w = Const(value=random(5,4)) ; y = Add(x, w)",
        "num_steps=64",
        settles=False,
        atol=0.05,
    ),
    "set_device": Case(
        "x = Placeholder(shape=[2]) @/gpu:0 ; y = Relu(x)",
        'device="/device:CPU:0"',
        idle="x = Placeholder() @/device:CPU:0 ; y = Softplus(x) @/device:CPU:0",
    ),
    "fix_batch": Case(
        "x = Placeholder(shape=[-1]) ; y = Relu(x)",
        "batch=2",
        idle="x = Placeholder(shape=[2]) ; y = Softplus(x)",
    ),
    "set_shape": Case(
        "x = Placeholder(shape=[2]) ; y = Relu(x)",
        "batch=-1",
        idle="x = Placeholder(shape=[-1]) ; y = Softplus(x)",
    ),
    "sort_by_execution_order": Case("y = Relu(i) ; i = Neg(x) ; x = Placeholder(shape=[2])"),
    "sparsify_gather": Case(
        "x = Placeholder(shape=[2], dtype=int32) ; w = Const(value=[[0],[2],[0],[0]])"
        " ; r = Identity(w) ; a = Const(value=0, dtype=int32)"
        " ; y = GatherV2(r, x, a, Tindices=int32, Taxis=int32)",
        idle="x = Placeholder(shape=[2]) ; y = Softplus(x) ; group_deps = NoOp()",
        first="group_deps",
    ),
    "strip_default_attributes": Case(
        "x = Placeholder(shape=[2,2]) ; y = MatMul(x, x, transpose_a=false, transpose_b=true)"
    ),
    "strip_unused_nodes": Case("x = Placeholder(shape=[2]) ; y = Relu(x) ; dead = Neg(y)"),
}


def build(name: str) -> Graph:
    case = CASES[name]
    proto = graph_def(case.text, case.producer)
    proto.library.function.extend(case.functions)
    return Graph.of(proto)


def params(name: str) -> dict[str, Any]:
    (item,) = plan(f"{name}({CASES[name].params})")
    return item.params


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", sorted(PASSES))
def test_every_pass_keeps_the_contract(name):
    case, found = CASES[name], PASSES[name]  # KeyError: the new pass has no case yet
    before = build(name)
    frozen = before.to_proto().SerializeToString(deterministic=True)
    once = found(before, context(), **params(name))
    twice = found(before, context(), **params(name))
    after = once.graph.to_proto().SerializeToString(deterministic=True)
    assert before.to_proto().SerializeToString(deterministic=True) == frozen  # untouched
    assert after == twice.graph.to_proto().SerializeToString(deterministic=True)  # deterministic
    if not once.modified and not case.always:
        return
    assert once.modified  # the case has something to do
    assert after != frozen
    assert (once.changed != ()) == (name != "sort_by_execution_order")
    assert once.graph.versions == before.versions
    assert once.graph.library == before.library
    validate(once.graph)
    again = found(once.graph, context(), **params(name))
    assert again.modified != case.settles
    if case.settles:
        assert again.graph is once.graph
    assert_same_values(before, once.graph, ["y"], atol=case.atol, first=case.first)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", sorted(PASSES))
def test_nothing_to_do_changes_nothing(name):
    before = graph(CASES[name].idle)
    result = PASSES[name](before, context(), **params(name))
    assert not result.modified
    assert result.graph is before
    assert result.changed == ()


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", sorted(PASSES))
def test_feeds_and_fetches_keep_their_names(name):
    before = build(name)
    for inputs, outputs in ((["x"], ["y"]), (["x:0"], ["y:0"])):
        after = PASSES[name](before, context(inputs, outputs), **params(name)).graph
        assert after.node("x").op == "Placeholder"
        assert "y" in after


def bordered(name: str) -> Graph:
    """The case with x in the middle: upstream of it is the case once more, and constants."""
    case = build(name).to_proto()
    x = next(node for node in case.node if node.name == "x")
    sizes = [2 if dim.size < 0 else dim.size for dim in x.attr["shape"].shape.dim]
    dtype = tensors.dtype_name(x.attr["dtype"].type)
    proto = graph_def(
        f"z1 = Const(value=zeros({','.join(map(str, sizes))}), dtype={dtype})"
        " ; z2 = Const(value=zeros(1), dtype=DTYPE) ; z3 = Add(z1, z2, T=DTYPE)"
        " ; x = Identity(z3, ^up/y, T=DTYPE)".replace("DTYPE", dtype),
        case.versions.producer,
    )
    twin = GraphDef()
    twin.CopyFrom(case)
    for item in twin.node:
        item.name = f"up/{item.name}"
        item.input[:] = [re.sub(r"^(\^?)", r"\1up/", text) for text in item.input]
    for item in case.node:
        if item.name == "x":
            twin.node.extend(proto.node)
        else:
            twin.node.append(item)
    twin.library.CopyFrom(case.library)
    return Graph.of(twin)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", sorted(PASSES))
def test_an_input_in_the_middle_is_a_border(name):
    """Nothing upstream of it is changed, and nothing of it reaches what is downstream."""
    before, ctx = bordered(name), context()
    if name == "fold_constants" or "grappler" in name:  # as the tool: after strip_unused_nodes
        with pytest.raises(TransformFailed, match=r"expected to be a Placeholder|no Placeholder"):
            PASSES[name](before, ctx, **params(name))
        return
    after = PASSES[name](before, ctx, **params(name)).graph
    upstream = before.ancestors(["x"]) - {"x"}
    for item in after:
        assert item.name not in upstream or item == before.node(item.name)
    feeds = {"x": feeds_for(build(name))["x"], "up/x": feeds_for(build(name))["x"]}
    remaining = {key: value for key, value in feeds.items() if key in after}
    (expected,) = run(before, ["y"], feeds)
    (value,) = run(after, ["y"], remaining, CASES[name].first)
    np.testing.assert_allclose(
        value, expected, atol=CASES[name].atol * max(1, np.abs(expected).max())
    )


@pytest.mark.parametrize("name", sorted(PASSES))
def test_an_empty_graph_is_no_crash(name):
    if name not in ("fold_constants", "freeze_requantization_ranges", "sparsify_gather"):
        before = graph("")
        assert PASSES[name](before, PassContext(), **params(name)).graph is before


@pytest.mark.parametrize("name", sorted(PASSES))
def test_every_pass_says_what_it_is(name):
    found = PASSES[name]
    assert found.name == name
    assert found.summary.endswith(".")
    assert len(found.summary) < 120
    assert found.source.startswith(("graph_transforms/", "core/grappler/", "inspector"))
    assert found.effect in ("exact", "rounding", "lossy", "unchecked")
    for param in found.params:
        assert param.sentence.endswith(".")
        assert not param.required or param.arg.example
    named = list(inspect.signature(found.function).parameters.values())[2:]
    assert [param.name for param in found.params] == [item.name for item in named]


def test_the_table_is_sorted():
    assert list(PASSES) == sorted(PASSES)
    assert list(GAINS) == sorted(PASSES)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_can_be_run(name):
    preset = PRESETS[name]
    assert preset.sentence.endswith(".")
    assert all((preset.title, preset.size, preset.speed, preset.outputs))
    assert plan(preset.transforms)
    assert preset.note.endswith(".") == (name in ("seed", "mobile"))


def test_the_seed_is_the_notebook():
    assert [str(item.call) for item in plan(PRESETS["seed"].transforms)] == NOTEBOOK
