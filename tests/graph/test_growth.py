"""What would grow without bound is refused by counting, before a node of it is made."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.errors import LimitExceeded
from inspector.graph import inline
from inspector.graph.branches import dead_branches
from inspector.graph.branches.branch_growth import Growth
from inspector.graph.branches.dead_branches import without_dead_branches
from inspector.graph.functions import Library
from inspector.graph.graph import Graph
from inspector.graph.inline import inline_whole
from inspector.graph.protos import FunctionDef, GraphDef, NodeDef
from inspector.graph.tensors import BOOL, FLOAT
from tests.graphs import const, node, placeholder

CALL, BRANCH = "PartitionedCall", "StatelessIf"


def doubling(depth: int, op: str, predicate: NodeDef) -> Graph:
    """A call of a function that calls one twice, which calls one twice, and so on.

    Args:
        op: Each call's op; a branch is decided by the predicate, which every body has.
    """
    proto = GraphDef()
    proto.versions.producer = 2000
    for level in range(depth):
        function = proto.library.function.add()
        function.signature.name = f"f{level}"
        function.signature.input_arg.add(name="x", type=FLOAT)
        function.signature.output_arg.add(name="y", type=FLOAT)
        function.ret["y"] = "second:output:0"
        if level:
            inner = f"f{level - 1}"
            nodes = [
                predicate,
                called("first", op, inner, f"{predicate.name}:output:0", "x"),
                called("second", op, inner, f"{predicate.name}:output:0", "first:output:0"),
            ]
        else:
            function.ret["y"] = "relu:activations:0"
            nodes = [node("relu", "Relu", "x", T="float32")]
        function.node_def.extend(nodes)
    top = called("y", op, f"f{depth - 1}", predicate.name, "x")
    out = node("out", "Identity", "y", T="float32")
    proto.node.extend([placeholder("x", [2]), predicate, top, out])
    return Graph.of(proto)


def called(name: str, op: str, function: str, predicate: str, argument: str) -> NodeDef:
    made = NodeDef(name=name, op=op)
    if op == CALL:
        made.input.append(argument)
        made.attr["f"].func.name = function
    else:
        made.input.extend([predicate, argument])
        made.attr["then_branch"].func.name = function
        made.attr["else_branch"].func.name = "f0"
        made.attr["Tcond"].type = BOOL
    for key in ("Tin", "Tout"):
        made.attr[key].list.type.append(FLOAT)
    return made


YES = const("p", True, "bool")
NO = const("p", False, "bool")


def refuse_to_run(*_args: Any, **_more: Any) -> None:
    raise AssertionError("it is inlined")


def test_calls_are_counted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(inline_whole(doubling(8, CALL, YES))) > 128
    monkeypatch.setattr(inline._Inliner, "_take", refuse_to_run)
    with pytest.raises(LimitExceeded, match="more than 500000 nodes"):
        inline_whole(doubling(30, CALL, YES))


def test_calls_that_are_left_do_not_count() -> None:
    graph = doubling(30, CALL, YES)
    assert len(inline_whole(graph, leave=["y"])) == len(graph)


def test_decided_branches_are_counted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    small = without_dead_branches(doubling(8, BRANCH, YES), ["out"]).graph
    assert [item.op for item in small].count("Relu") == 128
    monkeypatch.setattr(dead_branches, "inline_whole", refuse_to_run)
    with pytest.raises(LimitExceeded, match="decided branches makes more than 500000 nodes"):
        without_dead_branches(doubling(30, BRANCH, YES), ["out"])


def test_the_other_branch_does_not_grow() -> None:
    graph = without_dead_branches(doubling(30, BRANCH, NO), ["out"]).graph
    assert [item.op for item in graph].count("Relu") == 1


def test_a_branch_that_nothing_decides_does_not_count() -> None:
    open_predicate = placeholder("p", [], "bool")
    graph = doubling(30, BRANCH, open_predicate)
    assert without_dead_branches(graph, ["out"]).graph is graph
    Growth(Library(graph.library)).refuse([called("y", CALL, "f29", "p", "x")])


def test_functions_that_run_each_other_are_counted_once() -> None:
    proto = doubling(2, BRANCH, YES).to_proto()
    function: FunctionDef = proto.library.function[0]
    function.node_def.extend([YES, called("again", BRANCH, "f1", "p:output:0", "x")])
    function.ret["y"] = "again:output:0"
    Growth(Library(proto.library)).refuse([called("y", CALL, "f1", "p", "x")])
