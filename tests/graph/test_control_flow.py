"""What lies inside of the loops and branches of TensorFlow 1, nested ones too."""

from __future__ import annotations

import time

import numpy as np
import pytest

from inspector.graph.control_flow import NO_LOOP, inside_frames, loops_of, names_inside
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from tests.graphs import const, graph, node, placeholder


def loop(name: str, start: str, body: str = "", *inner: NodeDef) -> list[NodeDef]:
    """A loop from the tensor `start` to ``name/exit``.

    Args:
        body: The tensor that ends an iteration; one that adds the value to itself where empty.
        inner: Further nodes of the body.
    """
    return [
        node(f"{name}/enter", "Enter", start, T="float32", frame_name=name),
        node(f"{name}/merge", "Merge", f"{name}/enter", f"{name}/next", T="float32"),
        node(
            f"{name}/zero",
            "Const",
            f"^{name}/merge",
            value=np.array(0, np.float32),
            dtype="float32",
        ),
        node(f"{name}/less", "Less", f"{name}/merge", f"{name}/zero", T="float32"),
        node(f"{name}/cond", "LoopCond", f"{name}/less"),
        node(f"{name}/switch", "Switch", f"{name}/merge", f"{name}/cond", T="float32"),
        node(f"{name}/value", "Identity", f"{name}/switch:1", T="float32"),
        *inner,
        node(f"{name}/add", "Add", body or f"{name}/value", f"{name}/value", T="float32"),
        node(f"{name}/next", "NextIteration", f"{name}/add", T="float32"),
        node(f"{name}/exit", "Exit", f"{name}/switch", T="float32"),
    ]


def branch(name: str, start: str, yes: str = "", *inner: NodeDef) -> list[NodeDef]:
    """A condition on the tensor `start` that ends in ``name/merge``.

    Args:
        yes: The tensor that the first branch gives; the switched value where empty.
        inner: Further nodes of that branch.
    """
    return [
        node(f"{name}/switch", "Switch", start, "p", T="float32"),
        node(f"{name}/pivot", "Identity", f"{name}/switch:1", T="float32"),
        *inner,
        node(f"{name}/no", "Neg", f"{name}/switch", T="float32"),
        node(f"{name}/yes", "Sqrt", yes or f"{name}/pivot", T="float32"),
        node(f"{name}/merge", "Merge", f"{name}/no", f"{name}/yes", T="float32"),
    ]


def around(*nodes: NodeDef, end: str) -> Graph:
    """A graph that feeds `x` and `p` and reads a tensor last."""
    return graph(
        placeholder("x", []), placeholder("p", [], "bool"), *nodes,
        node("y", "Square", end, T="float32"),
    )  # fmt: skip


def outside(made: Graph) -> set[str]:
    return {item.name for item in made} - names_inside(made)


def test_a_loop_is_inside_from_enter_to_exit() -> None:
    made = around(*loop("w", "x"), end="w/exit")
    assert outside(made) == {"x", "p", "w/exit", "y"}


def test_a_branch_is_inside_from_switch_to_merge() -> None:
    weight = node("c/weight", "Const", "^c/pivot", value=np.array(1, np.float32), dtype="float32")
    made = around(*branch("c", "x", "c/weight", weight), end="c/merge")
    assert outside(made) == {"x", "p", "c/merge", "y"}


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_follows_an_inner_merge_is_still_in_the_outer_branch(depth: int) -> None:
    nodes: list[NodeDef] = []
    end = ""
    for level in range(depth, -1, -1):
        start = f"c{level - 1}/pivot" if level else "x"
        nodes = branch(f"c{level}", start, end, *nodes)
        end = f"c{level}/merge"
    made = around(*nodes, end=end)
    assert outside(made) == {"x", "p", "c0/merge", "y"}


def test_what_follows_an_inner_exit_is_still_in_the_outer_loop() -> None:
    inner = loop("inner", "w/value")
    after = node("after", "Neg", "inner/exit", T="float32")
    made = around(*loop("w", "x", "after", *inner, after), end="w/exit")
    assert outside(made) == {"x", "p", "w/exit", "y"}


def test_what_follows_a_loop_in_a_branch_is_still_in_the_branch() -> None:
    inner = loop("inner", "c/pivot")
    after = node("after", "Neg", "inner/exit", T="float32")
    made = around(*branch("c", "x", "after", *inner, after), end="c/merge")
    assert outside(made) == {"x", "p", "c/merge", "y"}


def test_what_follows_a_branch_in_a_loop_is_still_in_the_loop() -> None:
    inner = branch("c", "w/value")
    made = around(*loop("w", "x", "c/merge", *inner), end="w/exit")
    assert outside(made) == {"x", "p", "w/exit", "y"}


def test_graphs_without_control_flow_have_nothing_inside() -> None:
    assert names_inside(graph(placeholder("x", []), node("y", "Neg", "x"))) == set()


def test_cycles_and_missing_inputs_are_survived() -> None:
    made = graph(
        placeholder("x", []),
        node("s", "Switch", "x", "gone"),
        node("a", "Neg", "b", "s"),
        node("b", "Neg", "a"),
        node("m", "Merge", "b", "s"),
    )
    assert names_inside(made) >= {"s", "a", "b"}


def test_only_nodes_inside_of_a_loop_are_given_an_exit() -> None:
    inner = loop("inner", "w/value")
    made = around(*loop("w", "x", "inner/exit", *inner), end="w/exit")
    names = ["x", "w/add", "w/exit", "inner/add", "inner/exit", "w/zero", "y", "gone"]
    assert inside_frames(made, names) == {
        "w/add": "w/exit", "inner/add": "inner/exit", "inner/exit": "w/exit", "w/zero": "w/exit",
    }  # fmt: skip


def test_a_loop_without_an_exit_and_a_frame_without_a_condition() -> None:
    endless = [item for item in loop("w", "x") if item.op != "Exit"]
    assert inside_frames(around(*endless, end="x"), ["w/add", "y"]) == {"w/add": ""}
    frame = [item for item in loop("w", "x") if item.op != "LoopCond"]
    assert inside_frames(around(*frame, end="w/exit"), ["w/add"]) == {}


def test_loops_are_named_by_their_condition() -> None:
    # 0 -> 1 Enter -> 2 LoopCond -> 3 Exit -> 4, and a LoopCond 5 by itself.
    source, reader = np.array([0, 1, 2, 3], np.int32), np.array([1, 2, 3, 4], np.int32)
    enters, exits = np.arange(6) == 1, np.arange(6) == 3
    expected = [NO_LOOP, 2, 2, 2, NO_LOOP, 5]
    assert loops_of(source, reader, enters, exits, [2, 5]) == expected


def test_100_000_nodes_in_a_loop_take_no_long_time() -> None:
    chain = [node("n0", "Neg", "w/value", T="float32")]
    chain += [node(f"n{at}", "Neg", f"n{at - 1}", T="float32") for at in range(1, 100_000)]
    made = around(const("c", np.float32(0)), *loop("w", "x", "n99999", *chain), end="w/exit")
    start = time.process_time()
    assert outside(made) == {"x", "p", "c", "w/exit", "y"}
    assert inside_frames(made, ["n5"]) == {"n5": "w/exit"}
    assert time.process_time() - start < 10
