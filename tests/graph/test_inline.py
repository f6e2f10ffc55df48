"""Inlining: names, ports, control inputs, and what a hostile function library may cost."""

from __future__ import annotations

import time

import pytest

from inspector.errors import CorruptModel, InvalidGraph, LimitExceeded
from inspector.graph.functions import Library, reachable, to_function
from inspector.graph.inline import inline
from inspector.graph.protos import FunctionDef, NodeDef, OpDef
from tests.function_graphs import FLOAT, INT32, X, call, function, graph, node, shown

RELU = function("relu", "a", [node("r", "Relu", "a", T=FLOAT)], {"y": "r:activations:0"})


def test_a_call_becomes_the_bodys_nodes_named_after_it() -> None:
    before = graph([X, call("c", "relu", "x"), node("y", "Neg", "c", T=FLOAT)], RELU)
    flat = inline(before, ["y"])
    assert shown(flat) == {"x": "Placeholder()", "c/r": "Relu(x)", "y": "Neg(c/r)"}
    assert not flat.library.function
    assert flat.versions.producer == 1395


def test_a_call_by_the_functions_name_is_a_call() -> None:
    before = graph([X, node("c", "relu", "x"), node("y", "Neg", "c:0", T=FLOAT)], RELU)
    assert shown(inline(before, ["y"]))["y"] == "Neg(c/r)"


def test_a_call_that_is_fetched_keeps_its_name() -> None:
    two = function(
        "two",
        "a b",
        [node("r", "Relu", "a", T=FLOAT)],
        {"first": "b", "second": "r:activations:0"},
    )
    before = graph([X, call("c", "relu", "x"), call("d", "two", "c", "x", outputs=2)], RELU, two)
    flat = inline(before, ["c", "d"])
    assert shown(flat) == {
        "x": "Placeholder()",
        "c/r": "Relu(x)",
        "c": "Identity(c/r)",
        "d/r": "Relu(c)",
        "d": "IdentityN(x, d/r)",
    }
    assert flat.node("c").attr["T"].type == FLOAT
    assert list(flat.node("d").attr["T"].list.type) == [FLOAT, FLOAT]


def test_ports_are_counted_over_all_output_arguments() -> None:
    # TopKV2 has two outputs of one tensor each, Unpack one of three, Split one too; then Unique.
    body = [
        node("top", "TopKV2", "a", "k:output:0", T=FLOAT),
        node("k", "Const", dtype=INT32),
        node("un", "Unpack", "top:values:0", T=FLOAT, n_num=3),
        node("uq", "UniqueWithCounts", "un:output:2", T=FLOAT, out_idx=INT32),
        node("cast", "Cast", "uq:count:0", SrcT=INT32, DstT=FLOAT),
        node("idx", "Cast", "top:indices:0", SrcT=INT32, DstT=FLOAT),
    ]
    results = {"u": "un:output:1", "c": "cast:y:0", "i": "idx:y:0", "t": "top:indices:0"}
    before = graph(
        [X, call("f", "many", "x", outputs=4), node("y", "Pack", "f", "f:1", "f:2", "f:3")],
        function("many", "a", body, results),
    )
    flat = shown(inline(before, ["y"]))
    assert flat["y"] == "Pack(f/un:1, f/cast, f/idx, f/top:1)"
    assert flat["f/uq"] == "UniqueWithCounts(f/un:2)"
    assert flat["f/cast"] == "Cast(f/uq:2)"
    assert flat["f/idx"] == "Cast(f/top:1)"
    assert flat["f/top"] == "TopKV2(x, f/k)"


def test_nested_calls_and_functions_that_return_their_argument() -> None:
    same = function("same", "a", [], {"y": "a"})
    outer = function(
        "outer",
        "a",
        [
            call("s", "same", "a"),
            call("r", "relu", "s:output:0", op="PartitionedCall"),
            call("t", "same", "r:output:0"),
        ],
        {"y": "t:output:0", "z": "s:output:0"},
    )
    before = graph(
        [X, call("c", "outer", "x", outputs=2), node("y", "Sub", "c", "c:1")], same, RELU, outer
    )
    flat = shown(inline(before, ["y"]))
    assert flat == {"x": "Placeholder()", "c/r/r": "Relu(x)", "y": "Sub(c/r/r, x)"}


def test_only_what_the_roots_need_is_inlined() -> None:
    before = graph([X, call("c", "relu", "x"), call("d", "gone", "x"), node("y", "Neg", "x")], RELU)
    assert shown(inline(before, ["y"])) == {"x": "Placeholder()", "y": "Neg(x)"}


def test_a_call_of_a_function_that_is_not_there_stays() -> None:
    before = graph([X, call("c", "gone", "x")], RELU)
    assert shown(inline(before, ["c"]))["c"] == "StatefulPartitionedCall(x)"


ASSIGN = function(
    "assign",
    "a v",
    [
        node("set", "AssignVariableOp", "v", "a", dtype=FLOAT),
        node("read", "ReadVariableOp", "v", "^set", dtype=FLOAT),
        node("r", "Relu", "a", T=FLOAT),
    ],
    {"y": "r:activations:0"},
    ("set", "read"),
)
V = node("v", "VarHandleOp", dtype=FLOAT)


def test_a_call_that_changes_state_is_waited_for() -> None:
    before = graph([X, V, call("c", "assign", "x", "v"), node("y", "Neg", "c")], ASSIGN)
    flat = shown(inline(before, ["y"]))
    assert flat["y"] == "Neg(c)"
    assert flat["c"] == "Identity(c/r, ^c/set, ^c/read)"
    assert flat["c/read"] == "ReadVariableOp(v, ^c/set)"


def test_a_nested_call_that_changes_state_is_waited_for() -> None:
    outer = function(
        "outer",
        "a v",
        [call("in", "assign", "a", "v"), node("n", "Neg", "a", T=FLOAT)],
        {"y": "n:y:0"},
        ("in",),
    )
    before = graph([X, V, call("c", "outer", "x", "v"), node("y", "Neg", "c")], ASSIGN, outer)
    flat = shown(inline(before, ["y"]))
    assert flat["c"] == "Identity(c/n, ^c/in)"
    assert flat["c/in"] == "Identity(c/in/r, ^c/in/set, ^c/in/read)"


def test_who_waits_for_a_call_waits_for_what_it_runs() -> None:
    read = function("read", "v", [node("rd", "ReadVariableOp", "v")], {"y": "rd:value:0"}, ("rd",))
    before = graph([X, V, call("c", "read", "v"), node("y", "Neg", "x", "^c")], read)
    flat = shown(inline(before, ["y"]))
    assert flat["y"] == "Neg(x, ^c)"
    assert flat["c"] == "NoOp(^c/rd)"
    # A body that has nothing to wait for is not waited for.
    before = graph([X, call("c", "relu", "x"), node("y", "Neg", "x", "^c")], RELU)
    assert shown(inline(before, ["y"])) == {"x": "Placeholder()", "y": "Neg(x)"}


def test_control_inputs_of_a_call_hold_back_what_its_body_does() -> None:
    before = graph(
        [
            X,
            V,
            node("first", "NoOp"),
            call("c", "assign", "x", "v", "^first"),
            node("y", "Neg", "c"),
        ],
        ASSIGN,
    )
    flat = shown(inline(before, ["y"]))
    assert flat["c/set"] == "AssignVariableOp(v, x, ^first)"
    assert flat["c/read"] == "ReadVariableOp(v, ^c/set, ^first)"
    assert flat["c/r"] == "Relu(x)"


def test_a_control_input_on_an_argument_is_one_on_what_was_given() -> None:
    waits = function(
        "waits",
        "a",
        [node("r", "Relu", "a", "^a", "^n"), node("n", "NoOp")],
        {"y": "r:activations:0"},
    )
    before = graph([X, call("c", "waits", "x"), node("y", "Neg", "c")], waits)
    assert shown(inline(before, ["y"]))["c/r"] == "Relu(x, ^x, ^c/n)"


def test_an_old_function_runs_what_changes_state_though_it_does_not_say_so() -> None:
    old = FunctionDef()
    old.CopyFrom(ASSIGN)
    old.control_ret.clear()
    del old.signature.control_output[:]
    before = graph([X, V, call("c", "assign", "x", "v"), node("y", "Neg", "c")], old)
    assert shown(inline(before, ["y"]))["c"] == "Identity(c/r, ^c/set)"


def test_attributes_of_a_function_are_filled_in() -> None:
    generic = function("generic", "a", [node("r", "Relu", "a")], {"y": "r:activations:0"})
    generic.signature.attr.add(name="T", type="type")
    generic.signature.input_arg[0].ClearField("type")
    generic.signature.input_arg[0].type_attr = "T"
    generic.signature.output_arg[0].ClearField("type")
    generic.signature.output_arg[0].type_attr = "T"
    generic.node_def[0].attr["T"].placeholder = "T"
    before = graph(
        [X, node("c", "generic", "x", T=FLOAT), node("d", "generic", "c", T=INT32)], generic
    )
    flat = inline(before, ["d"])
    assert flat.node("c/r").attr["T"].type == FLOAT
    assert flat.node("d/r").attr["T"].type == INT32
    assert flat.node("d").attr["T"].type == INT32


def test_places_devices_and_taken_names() -> None:
    body = function(
        "body",
        "a",
        [
            node("r", "Relu", "a", _class=b"loc:@n"),
            node("n", "Neg", "r:activations:0", _class=b"loc:@gone"),
        ],
        {"y": "n:y:0"},
    )
    start = call("c", "body", "x")
    start.device = "/cpu:0"
    before = graph([X, node("c/r", "Abs", "x"), start, node("y", "Sub", "c", "c/r")], body)
    flat = inline(before, ["y"])
    assert shown(flat)["c/r"] == "Abs(x)"
    assert shown(flat)["c/r_1"] == "Relu(x)"
    assert list(flat.node("c/r_1").attr["_class"].list.s) == [b"loc:@c/n"]
    assert "_class" not in flat.node("c/n").attr
    assert flat.node("c/n").device == "/cpu:0"


def test_the_graph_given_in_is_not_changed() -> None:
    before = graph([X, V, call("c", "assign", "x", "v"), node("y", "Neg", "c")], ASSIGN, RELU)
    proto = before.to_proto().SerializeToString(deterministic=True)
    inline(before, ["y", "c"])
    assert before.to_proto().SerializeToString(deterministic=True) == proto


def test_a_function_that_calls_itself_is_refused() -> None:
    loop = function("loop", "a", [call("again", "other", "a")], {"y": "again:output:0"})
    other = function("other", "a", [call("back", "loop", "a")], {"y": "back:output:0"})
    with pytest.raises(InvalidGraph, match="calls itself"):
        inline(graph([X, call("c", "loop", "x")], loop, other), ["c"])


def test_calls_that_multiply_are_stopped_soon() -> None:
    functions = [RELU]
    last = "relu"
    for level in range(30):
        nodes = [call(f"n{number}", last, "a") for number in range(8)]
        functions.append(function(f"f{level}", "a", nodes, {"y": "n7:output:0"}))
        last = f"f{level}"
    start = time.process_time()
    with pytest.raises(LimitExceeded, match="more than 20000 nodes"):
        inline(graph([X, call("c", last, "x")], *functions), ["c"], max_nodes=20_000)
    assert time.process_time() - start < 5


def test_deep_nesting_needs_no_stack() -> None:
    functions = [RELU]
    for level in range(3000):
        last = f"f{level - 1}" if level else "relu"
        functions.append(function(f"f{level}", "a", [call("n", last, "a")], {"y": "n:output:0"}))
    flat = inline(graph([X, call("c", "f2999", "x"), node("y", "Neg", "c")], *functions), ["y"])
    assert len(flat) == 3


@pytest.mark.parametrize(
    ("nodes", "results", "why"),
    [
        ([node("r", "Relu", "b")], {"y": "r:activations:0"}, "'b' is no argument"),
        ([node("r", "Relu", "a")], {"y": "r:output:0"}, "'r:output:0' is no argument"),
        ([node("r", "Relu", "a")], {"y": "r:activations:x"}, "no argument"),
        ([node("r", "Relu", "a")], {"y": ""}, "no argument"),
    ],
)
def test_a_body_with_a_wrong_input_is_corrupt(
    nodes: list[NodeDef], results: dict[str, str], why: str
) -> None:
    broken = function("broken", "a", nodes, results)
    with pytest.raises(CorruptModel, match=why):
        inline(graph([X, call("c", "broken", "x")], broken), ["c"])


def test_calls_with_too_few_inputs_or_outputs_are_refused() -> None:
    with pytest.raises(InvalidGraph, match="1 inputs for the 2 arguments"):
        inline(graph([X, V, call("c", "assign", "x")], ASSIGN), ["c"])
    with pytest.raises(InvalidGraph, match="output 3 of a call that has 1"):
        inline(graph([X, call("c", "relu", "x"), node("y", "Neg", "c:3")], RELU), ["y"])
    missing = function("missing", "a", [], {"y": "a"})
    del missing.ret["y"]
    with pytest.raises(CorruptModel, match="does not return it"):
        inline(graph([X, call("c", "missing", "x")], missing), ["c"])


def test_an_op_that_only_the_file_knows() -> None:
    op = OpDef(name="Custom")
    op.output_arg.add(name="first", type=FLOAT)
    op.output_arg.add(name="second", type=FLOAT)
    body = function("body", "a", [node("c", "Custom", "a")], {"y": "c:second:0"})
    before = graph([X, call("f", "body", "x"), node("y", "Neg", "f")], body)
    # It may change state for all we know, so the call is waited for.
    assert shown(inline(before, ["y"], ops=[op]))["f"] == "Identity(f/c:1, ^f/c)"
    # Without its OpDef: as if it had one output argument.
    assert shown(inline(before, ["y"]))["f"] == "Identity(f/c, ^f/c)"


def test_while_keeps_its_bodies_and_the_rest_of_the_library_goes() -> None:
    loop = node("w", "While", "x", cond="cond", body="relu", T=[FLOAT])
    cond = function("cond", "a", [node("b", "Less", "a", "a")], {"y": "b:z:0"})
    outer = function("outer", "a", [loop], {"y": "w:output:0"})
    outer.node_def[0].input[0] = "a"
    before = graph([X, call("c", "outer", "x"), node("y", "Neg", "c")], RELU, cond, outer, ASSIGN)
    flat = inline(before, ["y"])
    assert shown(flat)["c/w"] == "While(x)"
    assert {item.signature.name for item in flat.library.function} == {"relu", "cond"}


def test_gradients_stay_with_both_their_functions() -> None:
    before = graph([X, node("c", "relu", "x")], RELU, ASSIGN)
    before.library.gradient.add(function_name="relu", gradient_func="assign")
    assert reachable(before.library, before.nodes) is not before.library
    assert not reachable(before.library, before.nodes).gradient
    both = [*before.nodes, node("d", "assign")]
    assert reachable(before.library, both) is before.library


@pytest.mark.parametrize("made", [RELU, ASSIGN], ids=["relu", "assign"])
def test_a_body_goes_back_to_the_function_it_was(made: FunctionDef) -> None:
    library = Library(graph([], made).library)
    again = to_function(library.body(made.signature.name), library.signatures)
    assert again == made


def test_nested_calls_that_multiply_are_counted_before_they_are_copied() -> None:
    functions = [function("f0", "a", [node("n", "Neg", "a", T=1)], {"b": "n:y:0"})]
    for level in range(1, 14):
        calls = [call(f"c{number}", f"f{level - 1}", "a") for number in range(8)]
        functions.append(function(f"f{level}", "a", calls, {"b": "c0:output:0"}))
    made = graph([X, call("c", "f13", "x")], *functions)
    size = Library(made.library).expanded_size(made.nodes)
    assert size == 1 + sum(8**level for level in range(1, 14)) + 8**13  # x, calls, negations
    with pytest.raises(LimitExceeded):
        inline(made, ["c"])
