"""Loops in the picture: frames of TensorFlow 1, edges back, titles."""

from __future__ import annotations

import pytest

from inspector.view.export.svg import svg
from inspector.view.layout import layout
from inspector.view.state.visible import view
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import Hierarchy, build
from inspector.view.tree.loops import MAX_DEPTH, scoped_names
from tests.view.graphs import table

LOOP = """
x = Placeholder()
n = Const()
{0}enter = Enter(x)
{0}merge = Merge({0}enter, {0}next)
{0}limit = Enter(n)
{0}less = Less({0}merge, {0}limit)
{0}go = LoopCond({0}less)
{0}switch = Switch({0}merge, {0}go)
{0}turn = Identity({0}switch:1)
{0}inner/enter = Enter({0}turn)
{0}inner/merge = Merge({0}inner/enter, {0}inner/next)
{0}inner/less = Less({0}inner/merge, {0}inner/five)
{0}inner/five = Const(^{0}inner/merge)
{0}inner/go = LoopCond({0}inner/less)
{0}inner/switch = Switch({0}inner/merge, {0}inner/go)
{0}inner/step = Tanh({0}inner/switch:1)
{0}inner/next = NextIteration({0}inner/step)
{0}inner/exit = Exit({0}inner/switch)
{0}next = NextIteration({0}inner/exit)
{0}exit = Exit({0}switch)
y = Relu({0}exit)
"""


def tree_of(text: str) -> Hierarchy:
    made = build(table(text, fetches=["y:0"], feeds=["x:0"]))
    again = Hierarchy.from_json(NodeTable.from_json(made.table.to_json()), made.to_json())
    assert again.to_json() == made.to_json()
    return made


def test_loops_are_the_scopes_that_their_names_make_and_say_so() -> None:
    tree = tree_of(LOOP.format("while/"))
    assert {tree.names[scope]: tree.labels[scope] for scope in tree.order if scope} == {
        "while/": "while · loop",
        "while/inner/": "inner · loop",
    }


def test_a_loop_without_a_scope_of_its_own_gets_one_of_ours() -> None:
    tree = tree_of(LOOP.format("").replace("inner/", "i_"))
    assert set(tree.index) == {"loop 1/", "loop 1/loop 2/"}
    inner = tree.index["loop 1/loop 2/"]
    assert {tree.name(item) for item in tree.children[inner]} == {
        "i_enter", "i_merge", "i_less", "i_go", "i_switch", "i_step", "i_next", "i_exit",
    }  # fmt: skip
    assert tree.kinds[inner] == "group"
    # The names of nodes stay the model's.
    assert tree.item("i_step") is not None
    assert "loop 1/" in {box.name for box in view(tree, ()).boxes}


def test_the_edge_back_is_marked_and_does_not_turn_the_picture_round() -> None:
    tree = tree_of(LOOP.format("while/"))
    picture = layout.picture_of(tree, frozenset(tree.index))
    boxes = [box.name for box in picture.visible.boxes]
    back = {(boxes[e.source], boxes[e.target]) for e in picture.visible.edges if e.back}
    assert back == {("while/next", "while/merge"), ("while/inner/next", "while/inner/merge")}
    place = {node["name"]: node["y"] for node in picture.layout["graph"]["nodes"]}
    path = ["while/enter", "while/merge", "while/go", "while/switch", "while/inner/enter"]
    path += ["while/inner/step", "while/inner/next"]
    assert [place[name] for name in path] == sorted(place[name] for name in path)
    assert 'stroke-dasharray="1.5 3"' in svg(picture.layout)


def test_a_counter_is_drawn_though_it_starts_with_a_constant() -> None:
    text = LOOP.format("while/") + "zero = Const()\nwhile/i = Enter(zero)\n"
    text += "while/count = Merge(while/i, while/more)\nwhile/plus = Add(while/count, while/five)\n"
    text += "while/five = Const(^while/turn)\nwhile/more = NextIteration(while/plus)\n"
    tree = tree_of(text.replace("Less(while/merge", "Less(while/count"))
    boxes = {box.name for box in view(tree, set(tree.index)).boxes}
    assert {"while/count", "while/plus", "while/more", "while/less"} <= boxes
    # What never changes in the loop is folded into what reads it.
    assert "while/limit" not in boxes


@pytest.mark.parametrize("merge", ["c/Merge", "c/deeper/Merge"])
def test_branches_of_tensorflow_1_say_so(merge: str) -> None:
    tree = tree_of(
        f"""
        x = Placeholder()
        p = Placeholder()
        c/pred_id = Identity(p)
        c/s = Switch(x, c/pred_id)
        c/a = Neg(c/s)
        c/b = Tanh(c/s:1)
        {merge} = Merge(c/a, c/b)
        y = Relu({merge})
        """
    )
    assert ("c · branches" in tree.labels) == (merge == "c/Merge")


def test_arguments_do_not_say_the_way_to_their_body() -> None:
    names = ["while_placeholder", "while_placeholder_1", "model_gru_while_loop_counter"]
    args = [f"while/body/model_gru_{name}" for name in names]
    lines = [f"{name} = _Arg(x)" for name in args]
    lines += [f"while/body/r{n} = Relu({name})" for n, name in enumerate(args)]
    tree = tree_of("x = Placeholder()\n" + "\n".join(lines))
    titles = [tree.title(tree.item(name)) for name in args]
    assert titles == ["while_placeholder", "while_placeholder_1", "while_loop_counter"]
    one = tree_of("x = Placeholder()\nb/a_b_c = _Arg(x)\nb/r = Relu(b/a_b_c)\ny = Relu(b/r)")
    assert one.title(one.item("b/a_b_c")) == "a_b_c"


ONE = """
{0}enter = Enter({1})
{0}merge = Merge({0}enter, {0}next)
{0}less = Less({0}merge)
{0}go = LoopCond({0}less)
{0}switch = Switch({0}merge, {0}go)
{0}turn = Tanh({0}switch:1)
{0}next = NextIteration({2})
{0}exit = Exit({0}switch)
"""


def test_loops_that_follow_one_another_are_beside_one_another() -> None:
    text, last = "x = Placeholder()\n", "x"
    for number in range(300):
        text += ONE.format(f"l{number}_", last, f"l{number}_turn")
        last = f"l{number}_exit"
    names, ours = scoped_names(table(text))
    assert names[1] == "loop 1/l0_enter"
    assert names[-1] == "loop 300/l299_exit"
    assert len(ours) == 300


def test_loops_inside_of_loops_are_scopes_to_a_depth() -> None:
    text, depth = "x = Placeholder()\n", 2 * MAX_DEPTH
    for number in range(depth):
        last = f"l{number - 1}_turn" if number else "x"
        inside = f"l{number}_turn" if number == depth - 1 else f"l{number + 1}_exit"
        text += ONE.format(f"l{number}_", last, inside)
    names, ours = scoped_names(table(text))
    assert len(ours) == MAX_DEPTH
    assert max(name.count("/") for name in names) == MAX_DEPTH
    assert names[9] == "loop 1/loop 2/l1_enter"
