"""Where handles go: what lets a variable become a constant, and each reason against it."""

from __future__ import annotations

import pytest

from inspector.graph.functions import Library
from inspector.graph.protos import NodeDef
from inspector.graph.variable_flow import Flow, FlowAnalysis
from tests.function_graphs import FLOAT, INT32, RESOURCE, function, graph, node

V = node("v", "VarHandleOp", dtype=FLOAT)
W = node("w", "VarHandleOp", dtype=FLOAT)
REF = node("r", "VariableV2", dtype=FLOAT)


def follow(nodes: list[NodeDef], *functions: object) -> Flow:
    made = graph(nodes, *functions)
    seeds = {(item.name, 0): item.name for item in nodes if item.op.startswith("Var")}
    refs = {item.name for item in nodes if item.op == "VariableV2"}
    return FlowAnalysis(Library(made.library)).follow(made.nodes, seeds, refs)


READERS = {
    "reads": [node("a", "ReadVariableOp", "v"), node("b", "ResourceGather", "v", "x")],
    "shape": [node("a", "VariableShape", "v"), node("b", "VarIsInitializedOp", "v")],
    "identity": [node("a", "Identity", "v", T=RESOURCE), node("b", "ReadVariableOp", "a")],
    "identities": [
        node("a", "IdentityN", "x", "v", T=[FLOAT, RESOURCE]),
        node("b", "ReadVariableOp", "a:1"),
    ],
    "loop": [
        node("a", "Enter", "v", T=RESOURCE),
        node("b", "Switch", "a", "c", T=RESOURCE),
        node("d", "ReadVariableOp", "b:1"),
    ],
    "round": [
        node("a", "Enter", "v", T=RESOURCE),
        node("m", "Merge", "a", "n", T=RESOURCE, n_N=2),
        node("n", "NextIteration", "m", T=RESOURCE),
    ],
}


@pytest.mark.parametrize("case", READERS)
def test_what_only_reads_is_no_reason(case: str) -> None:
    flow = follow([V, *READERS[case]])
    assert not flow.blocked


CHANGES = {
    "assign": (node("a", "AssignVariableOp", "v", "x"), "changes it"),
    "add": (node("a", "AssignAddVariableOp", "v", "x"), "changes it"),
    "scatter": (node("a", "ResourceScatterAdd", "v", "i", "x"), "changes it"),
    "step": (node("a", "ResourceApplyGradientDescent", "v", "x", "x"), "changes it"),
    "handed on": (node("a", "IteratorGetNext", "v"), "uses it"),
    "unknown": (node("a", "SomethingCustom", "v"), "uses it"),
    "mixed": (node("a", "Merge", "v", "w", T=RESOURCE, n_N=2), "mixes it"),
    "half mixed": (node("a", "Merge", "v", "x", T=RESOURCE, n_N=2), "mixes it"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_whatever_else_is_a_reason(case: str) -> None:
    change, why = CHANGES[case]
    flow = follow([V, W, change])
    assert why in flow.blocked["v"]
    assert "'a'" in flow.blocked["v"]
    assert ("w" in flow.blocked) == (case == "mixed")


def test_a_ref_variable_is_read_by_all_that_take_no_ref() -> None:
    reads = [
        node("a", "Identity", "r", T=FLOAT),
        node("b", "MatMul", "r", "r", T=FLOAT),
        node("c", "SomethingCustom", "r"),
        node("d", "RefEnter", "r", T=FLOAT),
        node("e", "RefSwitch", "d", "p", T=FLOAT),
        node("f", "Relu", "e:1", T=FLOAT),
        node("g", "Assign", "other", "r", T=FLOAT),
    ]
    flow = follow([REF, *reads])
    assert not flow.blocked
    assert set(flow.carried) == {("r", 0), ("d", 0), ("e", 0), ("e", 1)}
    assert "changes it" in follow([REF, node("a", "AssignSub", "r", "x", T=FLOAT)]).blocked["r"]
    assert (
        "changes it" in follow([REF, *reads, node("z", "ScatterAdd", "d", "i", "x")]).blocked["r"]
    )


def body(name: str, nodes: list[NodeDef], result: str, args: str = "i h") -> object:
    made = function(
        name, args, nodes, {"i_out": "i", "h_out": result} if result else {"i_out": "i"}
    )
    made.signature.input_arg[1].type = RESOURCE
    return made


def loop(cond: str, run: str) -> NodeDef:
    return node("loop", "While", "x", "v", cond=cond, body=run, T=[INT32, RESOURCE])


COND = body("cond", [], "")
READS = body("reads", [node("a", "ReadVariableOp", "h")], "h")


def test_into_the_bodies_of_loops() -> None:
    flow = follow([V, loop("cond", "reads"), node("z", "ReadVariableOp", "loop:1")], COND, READS)
    assert not flow.blocked
    assert flow.carried[("loop", 1)] == "v"
    writes = body("writes", [node("a", "AssignVariableOp", "h", "i")], "h")
    assert "'a' changes it" in follow([V, loop("cond", "writes")], COND, writes).blocked["v"]
    other = body("other", [node("o", "VarHandleOp")], "o:resource:0")
    assert "does not hand it on" in follow([V, loop("cond", "other")], COND, other).blocked["v"]


def branch(then: str, other: str) -> NodeDef:
    return node("if", "If", "p", "x", "v", then_branch=then, else_branch=other)


def test_into_both_branches() -> None:
    drops = body("drops", [node("o", "VarHandleOp")], "o:resource:0")
    assert not follow([V, branch("reads", "reads")], READS).blocked
    assert "only one branch" in follow([V, branch("reads", "drops")], READS, drops).blocked["v"]
    assert not follow([V, branch("cond", "cond")], COND).blocked
    case = node("case", "Case", "p", "x", "v")
    for name in ("reads", "writes"):
        case.attr["branches"].list.func.add(name=name)
    writes = body("writes", [node("a", "AssignVariableOp", "h", "i")], "h")
    assert "'a' changes it" in follow([V, case], READS, writes).blocked["v"]


def test_through_functions_that_call_functions_deep_down() -> None:
    functions = [READS]
    last = "reads"
    for level in range(2000):
        step = node("n", "PartitionedCall", "i", "h", f=last)
        step.attr["Tin"].list.type.extend([INT32, RESOURCE])
        step.attr["Tout"].list.type.extend([INT32, RESOURCE])
        last = f"f{level}"
        functions.append(body(last, [step], "n:output:1"))
    flow = follow([V, loop("cond", last)], COND, *functions)
    assert not flow.blocked


def test_a_function_that_calls_itself_is_a_reason() -> None:
    again = node("n", "PartitionedCall", "i", "h", f="again")
    again.attr["Tout"].list.type.extend([INT32, RESOURCE])
    flow = follow([V, loop("cond", "again")], COND, body("again", [again], "n:output:1"))
    assert "calls itself" in flow.blocked["v"]
