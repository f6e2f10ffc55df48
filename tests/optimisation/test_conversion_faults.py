"""The sentence of a conversion that failed names ops, nodes and what would help."""

from __future__ import annotations

import pytest

from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.graph.tensors import FLOAT, STRING
from inspector.model import signatures
from inspector.optimisation.tflite.conversion_faults import Fault, sentence, unknown_ops
from tests.graphs import graph, node, placeholder

GRAPH = graph(
    placeholder("x", [None, 2]),
    node("text", "AsString", "x", T="float32"),
    node("a", "Identity", "text", T="string"),
    node("b", "Relu", "x", T="float32"),
)
SIGNATURE = signatures.for_outputs(GRAPH, ["a", "b"])


def why(*faults: Fault, flex: bool = False, shape: list[int | None] | None = None) -> str:
    source = GRAPH if shape is None else graph(placeholder("x", shape), *GRAPH.nodes[1:])
    return sentence(source, "serve", SIGNATURE, faults, flex=flex)


def test_an_op_of_tensorflow() -> None:
    assert why(Fault("AsString", "text", flex=True)) == (
        "TFLite has no operator for AsString ('text'); leave out the outputs 'a'; "
        "or keep unsupported ops (--flex), which nothing here can run"
    )


def test_all_outputs_need_it() -> None:
    assert "leave out" not in why(Fault("Placeholder", "x", flex=True))
    assert "leave out" not in why(Fault("Abs", "inner", "body", flex=True))


def test_the_outputs_of_a_function_with_a_refused_node() -> None:
    source = GraphDef()
    called = node("called", "outer", "x")
    after = node("c", "Relu", "called", T="float32")
    source.CopyFrom(graph(*GRAPH.nodes, called, after).to_proto())
    for name, op in (("inner", "AsString"), ("outer", "inner")):
        function = source.library.function.add()
        function.signature.name = name
        function.node_def.add(name="n", op=op)
    whole = Graph.of(source)
    ends = signatures.for_outputs(whole, ["b", "c"])
    refused = Fault("AsString", "n", "inner", flex=True)
    assert "leave out the outputs 'c'" in sentence(whole, "serve", ends, [refused], flex=False)
    elsewhere = Fault("AsString", "n", "written_by_the_converter", flex=True)
    both = sentence(whole, "serve", ends, [refused, elsewhere], flex=False)
    assert "leave out" not in both


def test_a_port_of_an_identity_depends_on_its_own_input() -> None:
    several = node("all", "IdentityN", "text", "b")
    several.attr["T"].list.type.extend([STRING, FLOAT])
    whole = graph(*GRAPH.nodes, several)
    ends = signatures.for_outputs(whole, ["all:0", "all:1"])
    keys = {tensor.name: key for key, tensor in ends.outputs.items()}  # a map has no order
    first, second = keys["all:0"], keys["all:1"]
    told = sentence(whole, "serve", ends, [Fault("AsString", "text", flex=True)], flex=False)
    assert f"leave out the outputs '{first}'" in told
    assert f"'{second}'" not in told


def test_weights_that_are_stored_in_8_bits() -> None:
    assert "before quantize_weights" in why(Fault("Dequantize", "b", flex=True))


def test_no_kernel_in_litert_either() -> None:
    faults = [Fault("AsString", "text", flex=True), Fault("StringUpper", "a")]
    told = why(*faults)
    assert told.startswith("neither TFLite nor its Flex delegate has an operator for AsString")
    assert "StringUpper ('a')" in told
    assert "--flex" not in told
    assert "--flex" not in why(faults[0], flex=True)


def test_a_loop_needs_its_batch() -> None:
    loop = Fault("TensorListReserve", "gru/list", early=True)
    assert why(loop) == (
        "a loop keeps values of shapes that are not fixed, at TensorListReserve ('gru/list'); "
        "fix the batch, e.g. --batch 1"
    )
    assert "--batch" not in why(loop, shape=[3, 2])


def test_inputs_behind_the_parser() -> None:
    told = why(Fault("ParseExample", "text", flex=True))
    assert "name inputs behind the node that parses examples with --inputs" in told


@pytest.mark.parametrize(("shape", "helps"), [(None, True), ([None, 2], False)])
def test_an_input_without_a_shape(shape: list[int | None] | None, helps: bool) -> None:
    source = graph(placeholder("x", shape), *GRAPH.nodes[1:])
    told = sentence(source, "serve", SIGNATURE, [Fault("Conv2D", "b", flex=True)], flex=False)
    assert ("the input 'x' has no shape" in told) is helps


def test_many_ops_are_cut() -> None:
    ops = ("Abs", "Acos", "Acosh", "Add", "AddN", "All")
    told = why(*(Fault(op, "n" * 100, flex=True) for op in ops))
    assert "AddN" not in told
    assert "and 2 more" in told
    assert len(told) < 600


def test_ops_that_tensorflow_does_not_have() -> None:
    source = graph(placeholder("x", [2]), node("y", "Resampler", "x"), node("z", "Relu", "x"))
    faults = unknown_ops(source)
    assert [fault.to_dict() for fault in faults] == [
        {"op": "Resampler", "node": "y", "function": ""}
    ]
    assert sentence(source, "serve", SIGNATURE, faults, flex=False).startswith(
        "not in TensorFlow 2.21: Resampler ('y')"
    )
