"""Branches that no TensorFlow wrote: nested without an end, and of ops that do not fit."""

from __future__ import annotations

import pytest

from inspector.graph.branches.dead_branches import without_dead_branches
from inspector.graph.graph import Graph, validate
from inspector.graph.protos import FunctionDef, NodeDef
from tests.function_graphs import FLOAT, function
from tests.function_graphs import node as fnode
from tests.passes.running import assert_same_values
from tests.passes.text import graph, graph_def

X = "x = Placeholder(shape=[2])"


def inner(name: str, inputs: str, branch: str, other: str = "") -> NodeDef:
    """An If of a body; its first input is the predicate."""
    node = fnode(name, "StatelessIf", *inputs.split(), then_branch=branch, else_branch=branch)
    if other:
        node.attr["else_branch"].func.name = other
    node.attr["Tcond"].type = FLOAT
    node.attr["Tin"].list.type.extend([FLOAT] * (len(inputs.split()) - 1))
    node.attr["Tout"].list.type.append(FLOAT)
    return node


def leaves() -> list[FunctionDef]:
    return [
        function("exp", "a", [fnode("r", "Exp", "a", T=FLOAT)], {"b": "r:y:0"}),
        function("neg", "a", [fnode("r", "Neg", "a", T=FLOAT)], {"b": "r:y:0"}),
        function("last", "q p a", [inner("i", "p a", "exp", "neg")], {"b": "i:output:0"}),
    ]


def called(text: str, functions: list[FunctionDef], **branches: str) -> Graph:
    """A graph with an If for each name, which runs one function, whatever its predicate."""
    proto = graph_def(text)
    for node in proto.node:
        if node.name in branches:
            node.attr["then_branch"].func.name = branches[node.name]
            node.attr["else_branch"].func.name = branches[node.name]
    proto.library.function.extend(functions)
    return Graph.of(proto)


THREE = "Tcond=float, Tin=[float, float, float], Tout=[float]"


@pytest.mark.tensorflow
def test_copies_within_copies_keep_apart() -> None:
    middle = function("middle", "q p a", [inner("i", "q q p a", "last")], {"b": "i:output:0"})
    text = (
        f"{X} ; q = Placeholder(shape=[]) ; on = Const(value=1) ; off = Const(value=0)"
        f" ; n = StatelessIf(q, q, on, x, {THREE}) ; m = StatelessIf(q, q, off, n, {THREE})"
        " ; y = Relu(m)"
    )
    before = called(text, [*leaves(), middle], n="middle", m="middle")
    found = without_dead_branches(before, ["y"], ["x", "q"])
    validate(found.graph)
    names = [item.signature.name for item in found.graph.library.function]
    assert len(names) == len(set(names))
    assert sum(name.startswith("last_decided") for name in names) == 2
    assert_same_values(before, found.graph, ["y"])


def test_functions_that_call_the_next_twice_are_copied_once() -> None:
    levels = [
        function(
            f"f{at}",
            "q p a",
            [inner("i", "q q p a", after), inner("j", "q q p i:output:0", after)],
            {"b": "j:output:0"},
        )
        for at, after in enumerate([*(f"f{at + 1}" for at in range(19)), "last"])
    ]
    text = f"{X} ; q = Placeholder(shape=[]) ; k = Const(value=1) ; n = StatelessIf(q, q, k, x, "
    before = called(f"{text}{THREE}) ; y = Relu(n)", [*leaves(), *levels], n="f0")
    found = without_dead_branches(before, ["y"], ["x", "q"])
    names = [item.signature.name for item in found.graph.library.function]
    assert len(names) - len(before.library.function) == len(levels) + 1


def test_functions_within_functions_end_before_the_stack_does() -> None:
    levels = [
        function(f"f{at}", "q p a", [inner("i", "q q p a", after)], {"b": "i:output:0"})
        for at, after in enumerate([*(f"f{at + 1}" for at in range(299)), "last"])
    ]
    text = f"{X} ; q = Placeholder(shape=[]) ; k = Const(value=1) ; n = StatelessIf(q, q, k, x, "
    before = called(f"{text}{THREE}) ; y = Relu(n)", [*leaves(), *levels], n="f0")
    assert without_dead_branches(before, ["y"], ["x", "q"]).graph is before


@pytest.mark.parametrize("op", ["Less", "LessEqual", "Greater", "GreaterEqual"])
def test_text_compared_with_a_number_decides_nothing(op: str) -> None:
    before = graph(
        f"{X} ; t = Const(value='a', dtype=string) ; o = Const(value=1) ; p = {op}(t, o)"
        " ; s = Switch(x, p) ; y = Neg(s)"
    )
    assert without_dead_branches(before, ["y"], ["x"]).graph is before


def test_a_switch_with_endless_outputs() -> None:
    before = graph(
        f"{X} ; p = Const(value=2, dtype=int32) ; s = _SwitchN(x, p, num_outs={1 << 40})"
        " ; a = Neg(s) ; b = Neg(s:2) ; m = Merge(a, b, N=2) ; y = Relu(m)"
    )
    found = without_dead_branches(before, ["y"], ["x"]).graph
    assert [node.name for node in found] == ["x", "b", "y"]


def test_branches_that_stay_for_one_another() -> None:
    count = 100
    lines = [X, "p = Const(value=True, dtype=bool)", "c = Const(value=[0, 0])"]
    for at in range(count):
        lines.append(f"s{at} = Switch(x, p)")
    for at in range(count):
        # Each stays once the one before it stays.
        first = f"s{at - 1}" if at else "c"
        lines += [f"m{at} = Merge({first}, s{at}, c, N=3)", f"i{at} = Identity(m{at}:1, T=int32)"]
    before = graph(" ; ".join([*lines, "y = Relu(c)"]))
    found = without_dead_branches(before, ["y"], ["x"])
    assert found.graph is before
    assert found.stays.keys() >= {"m0", "s99"}
