"""What a run would reach: blocked ops on its way, own files, and calls of calls."""

from __future__ import annotations

import pytest

from inspector.backend.blocked import blocked_ops
from inspector.protos import GraphDef


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
