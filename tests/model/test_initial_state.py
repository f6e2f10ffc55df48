"""Which nodes give variables and tables their values, for graphs of many kinds."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.graph.graph import Graph
from inspector.graph.protos import FunctionDef, NodeDef
from inspector.model import initial_state
from inspector.model.initial_state import InitialState, find
from tests.graphs import const, graph, node, placeholder


def table(name: str, shared: str = "") -> list[NodeDef]:
    """A table, what fills it and what reads it."""
    return [
        node(name, "HashTableV2", key_dtype=const("", b"").attr["dtype"], shared_name=shared),
        const(f"{name}/keys", np.array([b"a"], object)),
        const(f"{name}/values", np.array([1], np.int64)),
        node(f"{name}/fill", "LookupTableImportV2", name, f"{name}/keys", f"{name}/values"),
        node(f"{name}/find", "LookupTableFindV2", name, "words", f"{name}/values"),
    ]


def variable(name: str, value: str | None = None) -> list[NodeDef]:
    """A variable, what assigns it and what reads it."""
    return [
        node(name, "VarHandleOp", dtype="float32", shape=[2], shared_name=name),
        const(f"{name}/value", np.ones(2, np.float32)),
        node(f"{name}/Assign", "AssignVariableOp", name, value or f"{name}/value"),
        node(f"{name}/Read", "ReadVariableOp", name, dtype="float32"),
    ]


def state(*nodes: NodeDef | list[NodeDef], outputs: list[str] | None = None) -> InitialState:
    return find(whole(*nodes), outputs)


def whole(*nodes: NodeDef | list[NodeDef]) -> Graph:
    flat = [placeholder("words", [None], "string"), placeholder("x", [2])]
    for item in nodes:
        flat += item if isinstance(item, list) else [item]
    return graph(*flat)


def test_a_table_is_filled_by_its_initialiser() -> None:
    found = state(table("t"), outputs=["t/find"])
    assert found == InitialState(("t/fill",), names=("t",))
    assert found.init_ops == ("t/fill",)


@pytest.mark.parametrize("op", ["InitializeTableV2", "LookupTableInsertV2", "LookupTableImport"])
def test_every_op_that_fills_a_table_counts(op: str) -> None:
    nodes = table("t")
    nodes[3].op = op
    assert state(nodes, outputs=["t/find"]).nodes == ("t/fill",)


def test_a_group_of_just_these_wins_over_single_ops() -> None:
    group = node("init_all_tables", "NoOp", "^t/fill", "^v/Assign")
    found = state(table("t"), variable("v"), group, outputs=["t/find", "v/Read"])
    assert set(found.nodes) == {"t/fill", "v/Assign"}
    assert (found.group, found.exact) == ("init_all_tables", True)
    assert found.init_ops == ("init_all_tables",)


def test_a_group_of_groups_is_followed_and_the_innermost_that_fits_is_taken() -> None:
    groups = [
        node("outer", "NoOp", "^init"),
        node("init", "NoOp", "^tables", "^v/Assign"),
        node("tables", "NoOp", "^t/fill"),
    ]
    assert state(table("t"), variable("v"), groups).group == "init"
    assert state(table("t"), groups[2], outputs=["t/find"]).group == "tables"


def test_a_group_that_runs_more_initialisers_is_not_exact() -> None:
    group = node("init", "NoOp", "^t/fill", "^u/fill")
    found = state(table("t"), table("u"), group, outputs=["t/find"])
    assert found.nodes == ("t/fill",)
    assert (found.group, found.exact) == ("init", False)
    assert found.init_ops == ("t/fill",)


@pytest.mark.parametrize("other", ["^train", "^x", "^v/Read"])
def test_a_group_that_does_anything_else_is_none(other: str) -> None:
    train = node("train", "ResourceApplyGradientDescent", "w", "x", "x")
    group = node("init", "NoOp", "^v/Assign", other)
    found = state(variable("v"), variable("w"), train, group, outputs=["v/Read"])
    assert found.nodes == ("v/Assign",)
    assert found.group is None


def test_only_what_the_outputs_need_is_set() -> None:
    assert state(table("t"), variable("v"), outputs=["x"]) == InitialState()
    assert state(table("t"), variable("v"), outputs=["v/Read:0"]).names == ("v",)


def test_two_nodes_of_one_shared_name_are_one_table() -> None:
    twin = node("again", "HashTableV2", key_dtype=const("", b"").attr["dtype"], shared_name="s")
    reads = node("again/find", "LookupTableFindV2", "again", "words", "t/values")
    assert state(table("t", "s"), twin, reads, outputs=["again/find"]).nodes == ("t/fill",)


def test_what_an_initialiser_reads_is_set_too() -> None:
    found = state(variable("v"), variable("w", "v/Read"), outputs=["w/Read"])
    assert set(found.names) == {"v", "w"}
    assert set(found.nodes) == {"v/Assign", "w/Assign"}


def test_a_value_that_training_starts_from_is_none() -> None:
    random = node("draw", "RandomUniform", "v/value", dtype="float32")
    assert state(random, variable("v", "draw")).missing == {
        "v": "its initialiser 'v/Assign' draws random numbers"
    }
    train = node("train", "ResourceApplyAdam", "v", "x")
    assert state(variable("v"), train).missing == {
        "v": "its initialiser 'v/Assign' gives the value before training"
    }
    restore = [
        node("restore", "RestoreV2", "v/value", "v/value", "v/value"),
        node("v/restored", "AssignVariableOp", "v", "restore"),
    ]
    found = state(variable("v"), restore)
    assert found.missing == {"v": initial_state.RESTORED}
    assert found.nodes == ()


def test_what_needs_a_feed_is_no_initialiser() -> None:
    nodes = variable("v", "x")
    assert state(nodes).missing == {"v": "'v/Assign' sets it, and needs a feed"}
    assert state(variable("v"), node("load", "AssignVariableOp", "v", "x")).nodes == ("v/Assign",)


def test_an_assignment_that_the_outputs_run_anyway_is_no_initialiser() -> None:
    read = node("next", "ReadVariableOp", "v", "^v/Assign", dtype="float32")
    assert state(variable("v"), read, outputs=["next"]) == InitialState()


def test_of_two_assignments_in_a_row_the_second_counts() -> None:
    second = node("second", "AssignVariableOp", "v", "v/value", "^v/Assign")
    assert state(variable("v"), second).nodes == ("second",)


def test_nothing_is_guessed_where_the_search_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    second = node("second", "AssignVariableOp", "v", "v/value", "^v/Assign")
    monkeypatch.setattr(initial_state, "_STEPS", 0)
    assert state(variable("v"), second).missing == {"v": "several ops set it: 'v/Assign', 'second'"}


def test_of_several_assignments_the_usual_name_counts_else_none() -> None:
    reset = node("reset", "AssignVariableOp", "v", "v/value")
    assert state(variable("v"), reset).nodes == ("v/Assign",)
    nodes = variable("v")
    nodes[2].name = "first"
    assert state(nodes, reset).missing == {"v": "several ops set it: 'first', 'reset'"}


def test_what_nothing_sets_says_so() -> None:
    found = state(table("t")[:1], variable("v")[:1])
    assert found.missing == {"v": "no op of the graph assigns it"}
    assert found.empty == {"t": "no op of the graph fills it"}
    mutable = node("m", "MutableHashTableV2", key_dtype=const("", b"").attr["dtype"])
    assert state(mutable).empty == {}


def test_with_a_checkpoint_tables_alone_count() -> None:
    nodes = whole(table("t"), variable("v"))
    assert find(nodes, variables=False).names == ("t",)


def test_handles_are_followed_through_identities_and_loops() -> None:
    nodes = variable("v")
    nodes.insert(1, node("handle", "Identity", "v", T="resource"))
    nodes[3].input[0] = "handle"
    assert state(nodes).nodes == ("v/Assign",)


def test_a_cycle_of_groups_ends() -> None:
    loops = [node("a", "NoOp", "^b", "^v/Assign"), node("b", "NoOp", "^a")]
    assert state(variable("v"), loops).nodes == ("v/Assign",)


def body(*nodes: NodeDef) -> FunctionDef:
    """A function with the arguments ``handle`` and ``value``."""
    function = FunctionDef()
    function.signature.name = "body"
    for name in ("handle", "value"):
        function.signature.input_arg.add(name=name)
    function.node_def.extend(nodes)
    return function


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ([], {}),
        ([node("r", "RestoreV2")], {"v": initial_state.RESTORED}),
        ([node("r", "RandomUniform")], {"v": "its initialiser 'call' draws random numbers"}),
    ],
)
def test_an_initialiser_may_be_in_a_function(more: list[NodeDef], missing: object) -> None:
    call = node("call", "StatefulPartitionedCall", "v", "v/value")
    call.attr["f"].func.name = "body"
    made = whole(variable("v")[:2], variable("v")[3], call, node("init", "NoOp", "^call"))
    made.library.function.append(body(node("set", "AssignVariableOp", "handle", "value"), *more))
    found = find(made, ["v/Read"])
    assert found.missing == missing
    assert found.init_ops == (() if missing else ("init",))


def test_a_function_that_sets_no_argument_is_no_initialiser() -> None:
    call = node("call", "StatefulPartitionedCall", "v", "v/value")
    call.attr["f"].func.name = "body"
    made = whole(variable("v"), call)
    made.library.function.append(body(node("read", "ReadVariableOp", "handle")))
    assert find(made).nodes == ("v/Assign",)
