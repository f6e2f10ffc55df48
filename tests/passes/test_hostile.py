"""Graphs that no TensorFlow wrote: a pass says what is wrong, or does its work; none crashes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.passes import PASSES, pipeline
from inspector.passes.base import PassContext
from inspector.passes.parser import Call
from inspector.passes.rewrite.constants import constant
from tests.passes.text import node

NAMES = ["x", "y", "n0", "a", "b", "c", "w", "a_quantized_min", "a/_0__cf__0"]
INPUTS = [text for name in NAMES for text in (name, f"{name}:1", f"^{name}")] + [
    "gone",
    ":0",
    "^",
    "",
]
OPS = [
    "Const",
    "Identity",
    "IdentityN",
    "Placeholder",
    "PlaceholderWithDefault",
    "Mul",
    "Add",
    "BiasAdd",
    "MatMul",
    "Conv2D",
    "DepthwiseConv2dNative",
    "FusedBatchNormV3",
    "FusedBatchNorm",
    "BatchNormWithGlobalNormalization",
    "BatchToSpaceND",
    "SpaceToBatchND",
    "RequantizationRange",
    "Requantize",
    "QuantizeV2",
    "Dequantize",
    "FakeQuantWithMinMaxVars",
    "Relu",
    "MirrorPad",
    "ResizeBilinear",
    "ConcatV2",
    "TensorArrayV3",
    "TensorArrayWriteV3",
    "Shape",
    "ShapeN",
    "Rank",
    "Size",
    "Split",
    "Merge",
    "Switch",
    "Enter",
    "NextIteration",
    "PartitionedCall",
    "NoOp",
    "Nonsense",
]
KEYS = [
    "T",
    "Tidx",
    "dtype",
    "value",
    "shape",
    "data_format",
    "is_training",
    "epsilon",
    "N",
    "_class",
    "f",
]


@st.composite
def attributes(draw, made):
    for key in draw(st.lists(st.sampled_from(KEYS), max_size=4, unique=True)):
        attr = made.attr[key]
        kind = draw(st.integers(0, 8))
        if kind < 3:
            attr.type = draw(st.sampled_from([0, 1, 2, 3, 7, 20, 101, 999]))
        elif kind == 3:
            attr.s = draw(st.sampled_from([b"NHWC", b"NCHW", b"\xff", b""]))
        elif kind == 4:
            attr.i = draw(st.sampled_from([-1, 0, 2, 10**12]))
        elif kind == 5:
            attr.b = draw(st.booleans())
        elif kind == 6:
            attr.list.s.append(draw(st.sampled_from([b"loc:@a", b"\xff\xfe", b"loc:@"])))
        elif kind == 7:
            attr.func.name = draw(st.sampled_from(NAMES))
        else:
            attr.tensor.dtype = draw(st.sampled_from([0, 1, 3, 7, 20]))
            for size in draw(st.lists(st.sampled_from([-1, 0, 1, 4, 10**9]), max_size=4)):
                attr.tensor.tensor_shape.dim.add(size=size)
            attr.tensor.float_val.extend(draw(st.lists(st.floats(width=32), max_size=3)))
            if draw(st.booleans()):
                attr.tensor.tensor_content = draw(st.binary(max_size=16))


@st.composite
def graphs(draw):
    nodes = []
    for name in draw(
        st.lists(st.sampled_from(NAMES), min_size=1, unique=draw(st.integers(0, 9)) > 0)
    ):
        made = NodeDef(name=name, op=draw(st.sampled_from(OPS)))
        made.input.extend(draw(st.lists(st.sampled_from(INPUTS), max_size=5)))
        if made.op == "Const" and draw(st.booleans()):
            shape = draw(st.sampled_from([(), (4,), (2, 2), (1, 1, 2, 4), (2, 0)]))
            del made.input[:]
            array = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
            made.CopyFrom(constant(name, array, tensors.FLOAT))
        else:
            draw(attributes(made))
        nodes.append(made)
    return Graph(nodes)


RANGES = str(Path(__file__).with_name("ranges.log"))
PARAMS = {
    "freeze_requantization_ranges": (("min_max_log_file", RANGES),),
    "remove_attribute": (("attribute_name", "dtype"),),
    "rename_attribute": (("old_attribute_name", "value"), ("new_attribute_name", "T")),
    "rename_node": (("old_node_name", "a"), ("new_node_name", "z")),
    "rename_op": (("old_op_name", "Mul"), ("new_op_name", "Const")),
    "set_device": (("device", "/cpu:0"),),
    "remove_nodes": (("op", "*"), ("max_inputs", "3")),
    "quantize_weights": (("minimum_size", "1"),),
    "strip_unused_nodes": (("type", "float"),),
}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.sampled_from(sorted(PASSES)), st.sets(st.sampled_from(INPUTS), max_size=2))
def test_no_graph_crashes_a_pass(before, name, inputs):
    found = PASSES[name]
    given = before.to_bytes()
    ctx = PassContext(tuple(inputs), ("y",), files=True)
    with contextlib.suppress(InspectorError):
        found(before, ctx, **found.read(PARAMS.get(name, ())))
    assert before.to_bytes() == given


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.lists(st.sampled_from(sorted(PASSES)), max_size=4))
def test_no_graph_crashes_the_pipeline(before, names):
    ignore = ("ignore_errors", "true")
    calls = [Call(name, (*PARAMS.get(name, ()), ignore)) for name in names]
    try:
        result = pipeline.run(before, ["x"], ["y"], calls, pipeline.PipelineOptions(files=True))
    except InspectorError:
        return
    assert result.graph.byte_size() == len(result.graph.to_bytes())
    if result.steps:
        assert result.steps[-1].bytes_after == result.graph.byte_size()


CHAINS = {
    "backport_concatv2": ("p = ConcatV2(q, q, k)", ()),
    "backport_tensor_array_v3": ("p = TensorArrayV3(q)", ()),
    "inline_functions": ("p = Relu(q)", (("control_flow", "lower"),)),
    "inline_partitionedcall": ("p = Relu(q)", ()),
    "insert_logging": ("p = Relu(q)", ()),
    "remove_nodes": ("p = Identity(q)", (("op", "Identity"),)),
    "remove_training_nodes": ("p = StopGradient(q)", ()),
    "merge_duplicate_nodes": ("p = Relu(q)", ()),
    "fold_batch_norms": ("p = Mul(q, k)", ()),
    "fold_old_batch_norms": ("p = BiasAdd(q, k)", ()),
    "fold_constants": ("p = Relu(q)", ()),
    "strip_unused_nodes": ("p = Relu(q)", ()),
    "sort_by_execution_order": ("p = Relu(q)", ()),
    "quantize_nodes": ("p = FakeQuantWithMinMaxVars(q, k, k)", ()),
    "quantize_weights": ("p = Relu(q)", ()),
    "round_weights": ("p = Relu(q)", ()),
    "remove_device": ("p = Relu(q) @/cpu:0", ()),
    "flatten_atrous_conv": ("p = BatchToSpaceND(q, k, k)", ()),
    "freeze_requantization_ranges": (
        "p = RequantizationRange(q, k, k)",
        (("min_max_log_file", RANGES),),
    ),
    "fuse_pad_and_conv": ("p = MirrorPad(q, k, mode=REFLECT)", ()),
    "fuse_resize_and_conv": ("p = Conv2D(q, k)", ()),
    "fuse_resize_pad_and_conv": ("p = Conv2D(q, k)", ()),
    "sparsify_gather": ("p = Gather(q, k, Tindices=int32)", ()),
    "set_device": ("p = Relu(q)", (("device", "/cpu:0"),)),
    "add_default_attributes": ("p = LeakyRelu(q)", ()),
    "remove_attribute": ("p = Relu(q)", (("attribute_name", "T"),)),
    "rename_attribute": (
        "p = Relu(q)",
        (("old_attribute_name", "T"), ("new_attribute_name", "U")),
    ),
    "rename_op": ("p = Relu(q)", (("old_op_name", "Relu"), ("new_op_name", "Relu6"))),
    "rename_node": ("p = Relu(q)", (("old_node_name", "n10000"), ("new_node_name", "m"))),
    "obfuscate_names": ("p = Relu(q)", ()),
    "remove_control_dependencies": ("p = Relu(q)", ()),
    "remove_redundant_control_inputs": ("p = Relu(q)", ()),
    "fix_batch": ("p = Relu(q)", (("batch", "2"),)),
    "set_shape": ("p = Relu(q)", (("batch", "-1"),)),
    "strip_default_attributes": ("p = LeakyRelu(q, alpha=0.2)", ()),
    "remove_dead_branches": ("p = Switch(q, q)", ()),
}

SIZES = {"quantize_nodes": 5_000}
"""It makes several nodes of each, and goes over them seven times."""


@pytest.mark.parametrize("name", [name for name in PASSES if "grappler" not in name])
def test_twenty_thousand_nodes_in_a_chain_all_waited_for(name):
    line, args = CHAINS[name]
    nodes = [node("x = Placeholder(shape=[2])"), node("k = Const(value=[1, 2])")]
    model = node(line)
    end = NodeDef(name="y", op="NoOp")
    for index in range(SIZES.get(name, 20_000)):
        made = NodeDef()
        made.CopyFrom(model)
        made.name = f"n{index}"
        made.input[0] = f"n{index - 1}" if index else "x"
        end.input.append(f"^n{index}")
        nodes.append(made)
    found = PASSES[name]
    started = time.process_time()
    ctx = PassContext(("x",), ("y",), files=True)
    result = found(Graph([*nodes, end]), ctx, **found.read(args))
    assert time.process_time() - started < 8
    assert "y" in result.graph
