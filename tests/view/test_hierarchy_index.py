"""The index of a hierarchy against figures that are computed node by node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.support.node_tables import layered, plain
from inspector.view.tree.hierarchy import Hierarchy, build
from inspector.view.tree.hierarchy_index import HierarchyIndex

OPS = ["Placeholder", "Const", "Identity", "MatMul", "Relu", "Reshape"]


@st.composite
def trees(draw):
    """Constants read directly, through identities, by one and by several, in scopes and out."""
    count = draw(st.integers(1, 30))
    ops = [draw(st.sampled_from(OPS)) for _ in range(count)]
    names = [f"{draw(st.sampled_from(['', 'a/', 'a/b/', 'c/']))}n{i}" for i in range(count)]
    inputs: list[list[int]] = []
    for node, op in enumerate(ops):
        most = 0 if op in ("Placeholder", "Const") else 1 if op == "Identity" else 2
        chosen = draw(st.lists(st.integers(0, node - 1), max_size=most)) if node else []
        inputs.append(chosen)
    sizes = {node: (64 * (node + 1), 256 * (node + 1)) for node in range(count)}
    weights = {node: sizes[node] for node, op in enumerate(ops) if op == "Const"}
    return build(plain(names, ops, inputs, weights=weights))


def readers(tree: Hierarchy, weight: int) -> set[int]:
    """The drawn nodes that read a weight, through folded ones or directly."""
    if tree.into[weight] < 0:
        return {weight}
    found, todo = set(), [weight]
    while todo:
        for reader in tree.table.consumers[todo.pop()]:
            if tree.into[reader] < 0:
                found.add(reader)
            else:
                todo.append(reader)
    return found or {tree.into[weight]}


@settings(max_examples=80, deadline=None)
@given(trees())
def test_a_box_weighs_the_distinct_weights_that_its_nodes_read(tree):
    found = HierarchyIndex(tree.table, tree.into, tree.tree)
    items = [*(n for n, owner in enumerate(tree.into) if owner < 0), *(~s for s in tree.order[1:])]
    for item in items:
        inside = {item} if item >= 0 else set(tree.inside(~item))
        read = [node for node in tree.table.weights if readers(tree, node) & inside]
        assert found.weights.get(item, 0) == sum(tree.table.weights[node][1] for node in read)
        assert found.parameters.get(item, 0) == sum(tree.table.weights[node][0] for node in read)


@settings(max_examples=60, deadline=None)
@given(trees())
def test_edges_are_those_between_drawn_nodes_and_every_node_stands_in_one(tree):
    found = HierarchyIndex(tree.table, tree.into, tree.tree)
    edges = {
        (source, port, node)
        for node in range(len(tree.table))
        for source, port in tree.table.sources(node)
        if tree.into[node] < 0 and tree.into[source] < 0
    }
    columns = (found.source, found.port, found.target)
    assert set(zip(*(column.tolist() for column in columns), strict=True)) == edges
    stood_for = [[n for n in range(len(tree.table)) if tree.drawn(n) == node]
                 for node in range(len(tree.table))]  # fmt: skip
    assert found.nodes == [len(nodes) for nodes in stood_for]


def test_the_index_is_computed_once_for_all_threads():
    tree = build(layered(100))
    with ThreadPoolExecutor(8) as threads:
        indices = list(threads.map(lambda _: tree.columns, range(8)))
    assert len(set(map(id, indices))) == 1
