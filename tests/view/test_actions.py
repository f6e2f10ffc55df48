"""Gestures as plain functions; what comes from a browser is never trusted."""

from __future__ import annotations

import pytest

from benchmarks.support.node_tables import layered
from inspector.view.state.actions import ViewState, act, drawn_names, find, select, show
from inspector.view.tree.hierarchy import build


@pytest.fixture(scope="module")
def tree():
    return build(layered(8))


BLOCK = "model/stage_0/block_1/"
RELU = BLOCK + "a/Relu"


def test_expand_opens_with_all_around_and_collapse_closes(tree):
    state = act(tree, ViewState(), "expand", BLOCK)
    assert BLOCK in state.opened
    assert "model/stage_0/" in state.opened
    assert state.last == BLOCK
    assert act(tree, state, "expand", BLOCK) is state
    assert BLOCK not in act(tree, state, "collapse", BLOCK).opened


def test_output_picks_and_takes_back(tree):
    state = act(tree, ViewState(), "output", RELU)
    assert state.outputs == (RELU,)
    assert act(tree, state, "output", RELU).outputs == ()
    assert act(tree, state, "input", "input").inputs == ("input",)


@pytest.mark.parametrize(
    ("do", "name"),
    [("expand", "no such/"), ("expand", RELU), ("output", BLOCK), ("drop", RELU),
     ("expand", None), ("output", 3), ("output", ["x"]), (None, RELU), ("collapse", BLOCK)],
)  # fmt: skip
def test_what_makes_no_sense_does_nothing(tree, do, name):
    state = ViewState()
    assert act(tree, state, do, name) is state


def test_select_keeps_only_what_is_there(tree):
    state = select(tree, ViewState(), [RELU, "gone", 7, RELU, BLOCK])
    assert state.selected == (RELU, BLOCK)


def test_show_opens_what_is_around(tree):
    state = show(tree, ViewState(), [RELU])
    assert {"model/stage_0/", BLOCK, BLOCK + "a/"} <= state.opened


def test_a_folded_weight_stands_for_its_reader(tree):
    assert drawn_names(tree, [BLOCK + "a/conv/kernel", "gone"]) == [BLOCK + "a/conv/Conv2D"]


def test_find_goes_from_hit_to_hit_and_opens_what_is_around(tree):
    words = "/block_[13].a.relu$/"
    first = find(tree, ViewState(), words)
    assert first.selected == (RELU,)
    assert {"model/stage_0/", BLOCK} <= first.opened
    second = find(tree, first, words)
    assert second.selected == (RELU.replace("block_1", "block_3"),)
    assert second.opened > first.opened
    assert find(tree, second, words).selected == (RELU,)


@pytest.mark.parametrize("words", ["", "no such node", "/(/"])
def test_find_without_a_hit_does_nothing(tree, words):
    state = ViewState()
    assert find(tree, state, words) is state
