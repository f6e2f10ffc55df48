"""What a run would reach: blocked ops on its way, own files, and calls of calls."""

from __future__ import annotations

import pytest

from inspector.graph.protos import AttrValue, GraphDef, NameAttrList
from inspector.safety.reach import blocked_ops
from inspector.safety.sealing import seal


def graph(*nodes, functions=()):
    """Nodes as ``(name, op, inputs, called function)``."""
    made = GraphDef()
    _add(made.node, nodes)
    for name, args, body in functions:
        function = made.library.function.add()
        function.signature.name = name
        for arg in args:
            function.signature.input_arg.add(name=arg)
        _add(function.node_def, body)
    return made


def _add(field, nodes):
    for name, op, inputs, *called in nodes:
        node = field.add(name=name, op=op, input=inputs)
        for function in called:
            node.attr["f"].func.name = function


def ops(*args, **options):
    return [op for op, _why in blocked_ops(*args, **options)]


def test_only_what_the_fetches_need_counts():
    made = graph(
        ("x", "Placeholder", []),
        ("y", "Relu", ["x"]),
        ("read", "ReadFile", ["x"]),
        ("z", "Identity", ["read"]),
        ("w", "NoOp", ["^read"]),
        ("save", "SaveV2", []),
    )
    assert ops(made, ["y:0"]) == []
    assert ops(made, ["z:0"]) == ["ReadFile"]
    assert ops(made, ["w"]) == ["ReadFile"]
    assert ops(made, ["z:0"], feeds=["read:0"]) == []
    assert ops(made, []) == []
    assert ops(made) == ["ReadFile", "SaveV2"]
    assert ops(made, ["y"], once=["z"]) == ["ReadFile"]


def test_a_reason_comes_with_each():
    assert blocked_ops(graph(("a", "Abort", []))) == [("Abort", "ends the process")]
    assert "library of its own" in blocked_ops(graph(("a", "MyOp", [])))[0][1]


def test_variables_are_restored_from_the_models_own_checkpoint_only():
    made = graph(
        ("prefix", "Const", []),
        ("same", "Identity", ["prefix"]),
        ("mine", "RestoreV2", ["same", "names", "slices"]),
        ("other", "Const", []),
        ("theirs", "RestoreV2", ["other", "names", "slices"]),
        ("sneaky", "RestoreV2", []),
    )
    assert ops(made, [], once=["mine"], own_files=["prefix:0"]) == []
    assert ops(made, [], once=["mine"]) == ["RestoreV2"]
    assert ops(made, [], once=["theirs"], own_files=["prefix:0"]) == ["RestoreV2"]
    assert ops(made, [], once=["sneaky"], own_files=["prefix:0"]) == ["RestoreV2"]


def test_the_way_to_restore_may_not_save():
    made = graph(("prefix", "Const", []), ("save", "SaveV2", ["prefix"]))
    assert ops(made, [], once=["save"], own_files=["prefix"]) == ["SaveV2"]


TABLE = ("init", "InitializeTableFromTextFileV2", ["table", "file"])


@pytest.mark.parametrize(("given", "found"), [("asset", []), ("other", [TABLE[1]])])
def test_tables_are_filled_from_own_assets_through_calls(given, found):
    made = graph(
        ("asset", "Const", []),
        ("other", "Const", []),
        ("call", "StatefulPartitionedCall", ["table", given], "outer"),
        ("good", "StatefulPartitionedCall", ["table", "asset"], "outer"),
        functions=[
            ("outer", ["t", "f"], [("inner_call", "PartitionedCall", ["t", "f"], "inner")]),
            ("inner", ["table", "file"], [TABLE]),
        ],
    )
    assert ops(made, ["good", "call"], own_files=["asset:0"]) == found


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ([], []),
        ([("b", "VarIsInitializedOp", ["holder"])], []),
        ([("b", "AssignVariableOp", ["holder", "other"])], [TABLE[1]]),
        ([("b", "StatefulPartitionedCall", ["holder"], "anything")], [TABLE[1]]),
        ([("b", "Identity", ["holder"])], [TABLE[1]]),
        ([("holder_2", "VarHandleOp", [])], [TABLE[1]]),
    ],
)
def test_a_variable_that_holds_the_path_of_an_asset_and_nothing_else(more, found):
    made = graph(
        ("asset", "Placeholder", []),
        ("other", "Const", []),
        ("holder", "VarHandleOp", []),
        ("put", "AssignVariableOp", ["holder", "asset"]),
        ("file", "ReadVariableOp", ["holder", "^put"]),
        TABLE,
        *more,
    )
    for node in made.node:
        if node.op == "VarHandleOp":
            node.attr["shared_name"].s = b"path"
    assert ops(made, [], once=["init"], own_files=["asset:0"]) == found
    assert ops(made, [], once=["init"]) == [TABLE[1]]


def test_a_branch_has_its_arguments_after_the_condition():
    made = graph(
        ("asset", "Const", []),
        ("cond", "If", ["asset", "table", "other"], "branch"),
        functions=[("branch", ["table", "file"], [TABLE])],
    )
    assert ops(made, ["cond"], own_files=["asset"]) == [TABLE[1]]


def test_blocked_ops_in_functions_of_any_depth():
    depth = 200
    functions = []
    for i in range(depth):  # each calls the next twice: 2 ** 200 calls
        calls = [(name, "PartitionedCall", [], f"f{i + 1}") for name in "ab"]
        functions.append((f"f{i}", [], calls))
    last = [("r", "ReadFile", []), ("again", "PartitionedCall", [], "f0")]
    functions.append((f"f{depth}", [], last))
    made = graph(("call", "PartitionedCall", [], "f0"), functions=functions)
    assert ops(made, ["call"]) == ["ReadFile"]


def test_a_function_of_an_ops_name_does_not_hide_the_op():
    made = graph(("read", "ReadFile", []), functions=[("ReadFile", [], [])])
    assert ops(made) == ["ReadFile"]


def test_a_call_by_name_is_no_unknown_op():
    made = graph(("call", "my_function", []), functions=[("my_function", [], [("c", "Const", [])])])
    assert ops(made) == []


def test_a_wall_is_one_tensor():
    made = graph(
        ("read", "ReadFile", []),
        ("pair", "IdentityN", ["read", "read"]),
        ("first", "Identity", ["pair:0"]),
        ("second", "Identity", ["pair:1"]),
        ("waits", "Const", ["^pair"]),
    )
    assert ops(made, ["first:0"], feeds=["pair:0"]) == []
    assert ops(made, ["second:0"], feeds=["pair:0"]) == ["ReadFile"]
    assert ops(made, ["second:0"], feeds=["pair:0", "pair:1"]) == []
    assert ops(made, ["waits:0"], feeds=["pair:0", "pair:1"]) == ["ReadFile"]
    assert ops(made, ["pair:1"], feeds=["pair:0"]) == ["ReadFile"]
    assert ops(made, ["pair:0"], feeds=["pair:0"]) == []
    assert ops(made, ["pair"], feeds=["pair:0"]) == ["ReadFile"]


def test_who_waits_for_a_fed_placeholder_waits_for_the_feed():
    made = graph(
        ("write", "WriteFile", []),
        ("x", "Placeholder", ["^write"]),
        ("y", "Neg", ["x", "^x"]),
    )
    assert ops(made, ["y:0"], feeds=["x:0"]) == []
    assert ops(made, ["y:0"]) == ["WriteFile"]


def test_an_own_file_is_the_tensor_that_the_loader_feeds():
    made = graph(
        ("files", "IdentityN", ["asset", "other"]),
        ("asset", "Const", []),
        ("other", "Const", []),
        ("mine", TABLE[1], ["table", "files:0"]),
        ("theirs", TABLE[1], ["table", "files:1"]),
    )
    assert ops(made, ["mine"], own_files=["files:0"]) == []
    assert ops(made, ["theirs"], own_files=["files:0"]) == [TABLE[1]]
    assert ops(made, ["theirs"], own_files=["files"]) == [TABLE[1]]


def test_what_a_user_feeds_is_no_file_of_the_models():
    made = graph(
        ("asset", "Const", []),
        ("same", "Identity", ["asset"]),
        ("init", TABLE[1], ["table", "same"]),
    )
    assert ops(made, ["init"], own_files=["asset"]) == []
    assert ops(made, ["init"], feeds=["same:0"], own_files=["asset"]) == [TABLE[1]]


@pytest.mark.parametrize("op", ["While", "StatelessWhile", "MapDataset", "SymbolicGradient"])
def test_an_op_that_may_hand_over_something_else_hands_over_no_own_file(op):
    made = graph(
        ("asset", "Const", []),
        ("call", op, ["table", "asset"], "body"),
        functions=[("body", ["t", "file"], [("init", TABLE[1], ["t", "file"])])],
    )
    assert ops(made, ["call"], own_files=["asset"]) == [TABLE[1]]


def test_arguments_that_stand_for_several_tensors_are_no_own_file():
    made = graph(
        ("asset", "Const", []),
        ("call", "PartitionedCall", ["asset", "asset"], "body"),
        functions=[("body", ["some", "file"], [("init", TABLE[1], ["t", "file"])])],
    )
    assert ops(made, ["call"], own_files=["asset"]) == []
    made.library.function[0].signature.input_arg[0].number_attr = "N"
    assert ops(made, ["call"], own_files=["asset"]) == [TABLE[1]]


@pytest.mark.parametrize("shared", [b"", None])
def test_a_handle_without_a_name_in_a_body_may_be_any_variable(shared):
    made = graph(
        ("asset", "Placeholder", []),
        ("holder", "VarHandleOp", []),
        ("put", "AssignVariableOp", ["holder", "asset"]),
        ("file", "ReadVariableOp", ["holder", "^put"]),
        TABLE,
        functions=[("body", [], [("holder", "VarHandleOp", [])])],
    )
    made.node[1].attr["shared_name"].s = b"path"
    assert ops(made, [], once=["init"], own_files=["asset:0"]) == [TABLE[1]]
    made.library.function[0].node_def[0].attr["shared_name"].s = b"another"
    assert ops(made, [], once=["init"], own_files=["asset:0"]) == []
    inner = made.library.function[0].node_def[0].attr["shared_name"]
    inner.Clear() if shared is None else inner.CopyFrom(AttrValue(placeholder="name"))
    assert ops(made, [], once=["init"], own_files=["asset:0"]) == [TABLE[1]]


def reaching(**attrs):
    """A graph whose one node has these attributes, and a function that reads a file."""
    made = graph(("y", "FlatMapDataset", []), functions=[("reads", [], [("r", "ReadFile", [])])])
    for key, value in attrs.items():
        made.node[0].attr[key].CopyFrom(value)
    return made


def test_functions_in_attributes_of_any_kind():
    named = NameAttrList(name="reads")
    inside = NameAttrList(name="other")
    inside.attr["g"].func.CopyFrom(named)
    one, many, inner, text, texts = (AttrValue() for _ in range(5))
    one.func.CopyFrom(named)
    many.list.func.append(named)
    inner.list.func.append(inside)
    text.s = b"reads"
    texts.list.s.append(b"reads")
    for value in (one, many, inner, text, texts):
        assert ops(reaching(anything=value), ["y"]) == ["ReadFile"]
    assert ops(reaching(), ["y"]) == []


def test_a_gradient_counts_where_gradients_are_asked_for():
    functions = [("plain", ["v"], []), ("wrong", ["v"], [("w", "WriteFile", [])])]
    call, grad = ("y", "PartitionedCall", [], "plain"), ("z", "SymbolicGradient", [], "plain")
    made = graph(call, functions=functions)
    made.library.gradient.add(function_name="plain", gradient_func="wrong")
    assert ops(made, ["y"]) == []
    made.node.extend(graph(grad).node)
    assert ops(made, ["z"]) == ["WriteFile"]


def test_sealing_leaves_what_may_run_and_what_gives_nothing():
    made = graph(
        ("x", "Placeholder", []),
        ("abort", "Abort", []),
        ("read", "ReadFile", ["x", "^abort"]),
        ("y", "Identity", ["read"]),
        ("save", "SaveV2", ["x"]),
    )
    before = made.node[3].SerializeToString()
    assert seal(made) == ["read"]
    assert [node.op for node in made.node] == [
        "Placeholder",
        "Abort",
        "Placeholder",
        "Identity",
        "SaveV2",
    ]
    assert not made.node[2].input
    assert made.node[3].SerializeToString() == before
