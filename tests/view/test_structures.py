"""The view over graphs made of what real ones have: repeats, loops, bodies, hubs, weights."""

from __future__ import annotations

from collections import Counter
from string import ascii_lowercase

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.graph.unfold import unfold
from inspector.view.state.initial_view import BUDGET, start
from inspector.view.state.visible import toggle, view
from inspector.view.table.builder import build_node_table
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import Hierarchy, build
from tests.function_graphs import call, function, graph, node
from tests.view.test_visible import boxes_by_hand

OPS = ("Relu", "Tanh", "Neg", "Exp")
STYLES = ("block_{}/", "{}/", "stage/layer_{}/sub/", "b{}_")
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Chain:
    """A graph that grows at its end."""

    def __init__(self) -> None:
        self.nodes = [node("x", "Placeholder", dtype=1)]
        self.functions = []
        self.last = "x"
        self.parts = 0

    def add(self, name: str, op: str, *inputs: str, **attrs: object) -> str:
        self.nodes.append(node(name, op, *inputs, T=1, **attrs))
        return name

    def repeat(self, style: str, ops: list[str], times: int, weighted: bool) -> None:
        """A block so many times, each with a way around it."""
        for number in range(times):
            path = style.format(number if style != "{}/" else ascii_lowercase[number])
            path, top = f"part_{self.parts}/{path}", self.last
            for place, op in enumerate(ops):
                self.last = self.add(f"{path}{op}_{place}", op, self.last)
            if weighted:
                weight = self.add(f"{path}w", "Const", dtype=1)
                self.last = self.add(f"{path}scale", "Mul", self.last, weight)
            self.last = self.add(f"{path}add", "AddV2", self.last, top)

    def chain(self, op: str, times: int) -> None:
        for number in range(times):
            self.last = self.add(f"n{self.parts}_{number}", op, self.last)

    def loop(self, prefix: str) -> None:
        """A loop of TensorFlow 1, whose nodes may or may not have a scope of their own."""
        name = f"{prefix}{self.parts}" + ("/" if prefix else "_")
        self.add(f"{name}enter", "Enter", self.last)
        self.add(f"{name}merge", "Merge", f"{name}enter", f"{name}next")
        self.add(f"{name}less", "Less", f"{name}merge", f"{name}merge")
        self.add(f"{name}go", "LoopCond", f"{name}less")
        self.add(f"{name}switch", "Switch", f"{name}merge", f"{name}go")
        self.add(f"{name}step", "Tanh", f"{name}switch:1", f"^{name}go")
        self.add(f"{name}next", "NextIteration", f"{name}step")
        self.last = self.add(f"{name}exit", "Exit", f"{name}switch")

    def body(self, ops: list[str], nested: bool) -> None:
        """A call, of a function that may call another."""
        name = f"f{self.parts}"
        inside = [
            node(f"b{place}", op, f"b{place - 1}:y:0" if place else "a", T=1)
            for place, op in enumerate(ops)
        ]
        result = f"b{len(ops) - 1}:y:0"
        if nested:
            deeper = [node("z", "Exp", "a", T=1)]
            self.functions.append(function(f"{name}_in", "a", deeper, {"r": "z:y:0"}))
            inside.append(call("deeper", f"{name}_in", result))
            result = "deeper:output:0"
        self.functions.append(function(name, "a", inside, {"r": result}))
        self.nodes.append(call(f"call_{self.parts}", name, self.last))
        self.last = f"call_{self.parts}"

    def hub(self, readers: int) -> None:
        hub = self.last
        for number in range(readers):
            self.last = self.add(f"hub_{self.parts}/r{number}", "Relu", hub)

    def table(self) -> NodeTable:
        found = unfold(graph(self.nodes, *self.functions))
        weights = {item.name: (10, 40) for item in self.nodes if item.op == "Const"}
        return build_node_table(
            found.graph, shapes={}, weights=weights, fetches=[self.last], feeds=["x"],
            returns=found.returns, again=found.again,
        )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> NodeTable:
    made = Chain()
    ops = st.lists(st.sampled_from(OPS), min_size=1, max_size=4)
    for _ in range(draw(st.integers(1, 5))):
        what = draw(st.sampled_from(["repeat", "repeat", "chain", "loop", "body", "hub"]))
        if what == "repeat":
            style = draw(st.sampled_from(STYLES))
            made.repeat(style, draw(ops), draw(st.integers(2, 20)), draw(st.booleans()))
        elif what == "chain":
            made.chain(draw(st.sampled_from(OPS)), draw(st.integers(1, 40)))
        elif what == "loop":
            made.loop(draw(st.sampled_from(["", "while_"])))
        elif what == "body":
            made.body(draw(ops), draw(st.booleans()))
        else:
            made.hub(draw(st.integers(2, 14)))
        made.parts += 1
    return made.table()


def some_open(tree: Hierarchy, draw: st.DataObject) -> frozenset[str]:
    scopes = [tree.names[scope] for scope in tree.order[1:]]
    return frozenset(draw.draw(st.sets(st.sampled_from(scopes)))) if scopes else frozenset()


@quick
@given(tables(), st.data())
def test_every_node_is_in_one_box_and_the_edges_are_those_of_the_graph(table, data):
    tree = build(table)
    opened = some_open(tree, data)
    picture = view(tree, opened)
    homes = boxes_by_hand(tree, opened)
    assert {box.name: box.nodes for box in picture.boxes} == Counter(homes.values())
    wanted = set()
    for target in range(len(table)):
        again = [table.again[target][0]] if target in table.again else []
        sources = {source for source, _ in table.sources(target)}
        for source in (*sources, *table.controls.get(target, ()), *again):
            folded = tree.into[source] >= 0 or tree.into[target] >= 0
            if not folded and homes[source] != homes[target]:
                wanted.add((homes[source], homes[target]))
    names = [box.name for box in picture.boxes]
    assert {(names[edge.source], names[edge.target]) for edge in picture.edges} == wanted


@quick
@given(tables())
def test_the_first_picture_keeps_to_its_budget_and_is_the_same_each_time(table):
    tree, again = build(table), build(table)
    for budget in (12, BUDGET):
        opened = start(tree, budget)
        picture = view(tree, opened)
        assert len(picture.boxes) <= max(budget, len(tree.children[0]))
        assert (start(again, budget), view(again, opened)) == (opened, picture)


@quick
@given(tables(), st.data())
def test_opening_a_scope_and_closing_it_gives_the_picture_before(table, data):
    tree = build(table)
    opened = view(tree, some_open(tree, data)).opened
    picture = view(tree, opened)
    for box in picture.boxes:
        if box.scope:
            wide = toggle(tree, opened, box.name)
            assert len(view(tree, wide).boxes) == len(picture.boxes) - 1 + len(
                tree.children[tree.index[box.name]]
            )
            assert view(tree, toggle(tree, wide, box.name)) == picture


@quick
@given(tables())
def test_the_counts_of_repeats_add_up(table):
    tree = build(table)
    found = tree.columns

    def times(item: int) -> int:
        note = tree.notes.get(~item, "") if item < 0 else ""
        return int(note.split()[0].replace(",", "")) if note else 1

    for scope, note in tree.notes.items():
        count, what = times(~scope), note.split(" ", 1)[1]
        assert count == sum(times(item) for item in tree.children[scope])
        if what.removeprefix("× ") in OPS:
            assert count == found.ops(scope)
        if what == "equal blocks":
            assert found.ops(scope) % count == 0


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("times", [6, 16])
def test_a_block_that_comes_again_is_counted_so_often(style, times):
    made = Chain()
    made.repeat(style, ["Relu", "Tanh", "Exp"], times, weighted=True)
    tree = build(made.table())
    picture = view(tree, frozenset())
    assert sum(box.nodes for box in picture.boxes) == len(tree.table) == 1 + 6 * times
    sizes = Counter(tree.columns.all_nodes[scope] for scope in tree.order[1:])
    # Without names a block is cut where fewest tensors cross; the ends may belong to none.
    assert sizes[6] >= times - (style == "b{}_")
