"""A view as an address and back, and the history of views."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.support.node_tables import layered
from inspector.view.state.actions import ViewState, act, first, open_level, select, shut_level
from inspector.view.state.history import History, back, forward, record
from inspector.view.state.links import MAX_TEXT, from_params, to_params
from inspector.view.state.visible import view
from inspector.view.tree.hierarchy import build


@pytest.fixture(scope="module")
def tree():
    return build(layered(40))


def same(tree, one: ViewState, other: ViewState) -> bool:
    parts = lambda s: (s.selected, s.outputs, s.inputs, s.trace)  # noqa: E731
    return parts(one) == parts(other) and view(tree, one.opened) == view(tree, other.opened)


def test_the_first_picture_needs_no_parameters(tree):
    assert to_params(tree, first(tree)) == {}
    assert same(tree, from_params(tree, {}), first(tree))


@given(st.data())
def test_an_address_gives_the_view_back(data):
    tree = build(layered(24))
    scopes = sorted(tree.index)
    nodes = tree.table.names
    opened = frozenset(data.draw(st.sets(st.sampled_from(scopes))))
    state = ViewState(
        opened=opened,
        outputs=tuple(data.draw(st.lists(st.sampled_from(nodes), unique=True, max_size=3))),
        inputs=tuple(data.draw(st.lists(st.sampled_from(nodes), unique=True, max_size=3))),
        trace=data.draw(st.sampled_from(["", "up", "between"])),
    )
    state = select(tree, state, data.draw(st.lists(st.sampled_from(scopes + nodes), max_size=4)))
    params = to_params(tree, state)
    assert same(tree, from_params(tree, params), state)
    assert sum(len(text) for key in ("open", "shut", "scopes") for text in params.get(key, ())) <= (
        MAX_TEXT + 100
    )


def test_what_an_address_makes_up_is_left_out(tree):
    made_up = {"node": ["gone"], "open": ["gone/"], "out": ["gone"], "in": ["x"], "trace": ["all"],
               "shut": ["gone/"]}  # fmt: skip
    assert same(tree, from_params(tree, made_up), first(tree))
    assert from_params(tree, {"scopes": ["0.zzz.-1.é.1"]}).opened <= set(tree.index)


def test_back_and_forward_walk_through_what_was_seen(tree):
    one = first(tree)
    two = open_level(tree, one)
    three = select(tree, two, [tree.table.names[3]])
    log = record(record(History(), one, two), two, three)
    log, now = back(log, three)
    assert now == two
    log, now = back(log, now)
    assert now == one
    assert back(log, now) == (log, one)
    log, now = forward(log, now)
    assert now == two
    log, now = forward(log, now)
    assert now == three
    assert not record(log, three, replace(three, selected=())).future


def test_going_back_takes_no_pick_away(tree):
    one = first(tree)
    picked = act(tree, select(tree, one, ["input"]), "output", "input")
    log = record(History(), one, picked)
    assert back(log, picked)[1].outputs == ("input",)
    assert record(log, picked, act(tree, picked, "output", "input")) is log


def test_levels_open_and_close_whole(tree):
    deeper = open_level(tree, ViewState())
    outer = {tree.names[~item] for item in tree.children[0]
             if item < 0 and tree.kinds[~item] != "plumbing"}  # fmt: skip
    assert deeper.opened == outer
    assert open_level(tree, deeper).opened > outer
    assert shut_level(tree, open_level(tree, deeper)).opened == outer
    assert shut_level(tree, deeper).opened == frozenset()
