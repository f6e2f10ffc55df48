"""The op list: what TensorFlow 2.21 declares, expanded for a node."""

from __future__ import annotations

import pytest

from inspector.graph import opdefs, tensors
from inspector.graph.protos import FunctionDefLibrary
from tests.passes.text import node

FLOAT, INT32 = tensors.FLOAT, tensors.INT32


def test_old_and_new_ops_are_known():
    assert {"Conv2D", "FusedBatchNormV3", "StatefulPartitionedCall"} <= opdefs.known_ops()
    assert {"BatchNormWithGlobalNormalization", "TensorArrayV2"} <= opdefs.known_ops()
    assert opdefs.get("Nonsense") is None


@pytest.mark.tensorflow
def test_the_list_is_that_of_the_running_tensorflow():
    import tensorflow as tf
    from tensorflow.python.framework import op_def_registry

    assert tf.__version__.startswith(f"{opdefs.RELEASE}.")

    for name in ("Conv2D", "IdentityN", "While", "Split", "VarHandleOp", "TopKV2"):
        theirs, ours = op_def_registry.get(name), opdefs.get(name)
        assert [arg.name for arg in ours.output_arg] == [arg.name for arg in theirs.output_arg]
        assert {item.name: item.type for item in ours.attr} == {
            item.name: item.type for item in theirs.attr
        }
        assert ours.is_stateful == theirs.is_stateful


def test_state():
    assert opdefs.is_stateful("RandomUniform")
    assert not opdefs.is_stateful("Relu")
    assert opdefs.is_stateful("Nonsense")


@pytest.mark.parametrize(
    ("line", "dtypes"),
    [
        ("a = Relu(x)", [FLOAT]),
        ("a = Cast(x, SrcT=float, DstT=int32)", [INT32]),
        ("a = Split(d, x, num_split=3)", [FLOAT] * 3),
        ("a = IdentityN(x, y, T=[float, int32])", [FLOAT, INT32]),
        ("a = Shape(x)", [INT32]),
        ("a = NoOp()", []),
        ("a = VariableV2(dtype=float)", [FLOAT + 100]),
        ("a = VarHandleOp(dtype=float)", [tensors.RESOURCE]),
        ("a = FusedBatchNorm(a, b, c, d, e)", [FLOAT] * 5),
        ("a = Nonsense(x)", None),
        ("a = Split(d, x, num_split=-4)", None),
        ("a = Split(d, x, num_split=2000000000)", None),
    ],
)
def test_output_dtypes(line, dtypes):
    assert opdefs.output_dtypes(node(line)) == dtypes


def test_a_missing_type_is_not_guessed():
    found = node("a = Relu(x)")
    del found.attr["T"]
    assert opdefs.output_dtypes(found) is None
    assert opdefs.input_dtypes(found) is None


def test_input_dtypes():
    assert opdefs.input_dtypes(node("a = Split(d, x, num_split=3)")) == [INT32, FLOAT]
    assert opdefs.input_dtypes(node("a = AddN(x, y, z)")) == [FLOAT] * 3
    assert opdefs.input_dtypes(node("a = Nonsense(x)")) is None


def test_ports_are_counted_over_all_arguments_before():
    found = node("a = TopKV2(x, k)")
    assert opdefs.output_index(found, "values", 0) == 0
    assert opdefs.output_index(found, "indices", 0) == 1
    assert opdefs.output_index(found, "nope", 0) is None
    found = node("a = Split(d, x, num_split=3)")
    assert opdefs.output_index(found, "output", 2) == 2
    assert opdefs.output_index(node("a = Nonsense(x)"), "y", 0) is None


def test_attributes_and_their_defaults():
    found = node("a = MatMul(x, w)")
    assert opdefs.attr(found, "transpose_b").b is False
    assert opdefs.attr(found, "nope") is None
    found.attr["transpose_b"].b = True
    assert opdefs.attr(found, "transpose_b").b is True
    full = opdefs.with_defaults(node("a = MatMul(x, w)"))
    assert "transpose_a" in full.attr
    assert "transpose_a" not in node("a = MatMul(x, w)").attr
    assert opdefs.defaults("Nonsense") == {}


def test_functions_of_the_library_are_ops():
    library = FunctionDefLibrary()
    signature = library.function.add().signature
    signature.name = "f"
    signature.output_arg.add(name="o", type=INT32)
    assert opdefs.output_dtypes(node("a = f(x)"), library) == [INT32]
    assert opdefs.output_dtypes(node("a = f(x)")) is None
