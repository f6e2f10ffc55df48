"""Orders of nodes by their edges: every node after what it reads, ties as each function says."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.graph.topology import (
    back_edges,
    depth_first_order,
    lowest_first_order,
    topological_order,
)
from tests.graphs import graph, node

Edges = list[tuple[int, int]]

ACYCLIC = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda edge: edge[0] != edge[1]),
    max_size=30,
).map(lambda edges: [(min(edge), max(edge)) for edge in edges])


def arrays(edges: Iterable[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array(list(edges), np.int32).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def lists(edges: Edges, count: int) -> tuple[list[int], list[int], list[int]]:
    sources: list[list[int]] = [[] for _ in range(count)]
    for source, reader in edges:
        sources[reader].append(source)
    read = {source for source, _ in edges}
    start = [0, *itertools.accumulate(map(len, sources))]
    sinks = [node for node in range(count) if node not in read]
    return start, list(itertools.chain.from_iterable(sources)), sinks


@given(ACYCLIC, st.permutations(range(12)))
def test_every_node_comes_once_and_after_what_it_reads(edges: Edges, numbers: list[int]) -> None:
    edges = [(numbers[source], numbers[reader]) for source, reader in edges]
    orders = (
        topological_order(*arrays(edges), 12),
        lowest_first_order(*arrays(edges), 12)[0],
        depth_first_order(*lists(edges, 12)),
    )
    for order in orders:
        assert sorted(order) == list(range(12))
        place = {number: at for at, number in enumerate(order)}
        assert all(place[source] < place[reader] for source, reader in edges)


def test_the_last_ready_node_comes_first() -> None:
    assert topological_order(*arrays([(0, 2), (1, 2), (0, 3)]), 4) == [1, 0, 3, 2]


def test_a_node_on_or_after_a_cycle_has_no_place() -> None:
    edges = [(0, 1), (1, 2), (2, 1), (2, 3)]
    assert topological_order(*arrays(edges), 5) == [4, 0]


def test_the_lowest_ready_node_comes_first() -> None:
    assert lowest_first_order(*arrays([(3, 0), (3, 1)]), 4) == ([2, 3, 0, 1], [])


def test_the_lowest_node_of_a_cycle_opens_it() -> None:
    edges = [(0, 3), (3, 2), (2, 3), (2, 1), (4, 5), (5, 4)]
    order, blocked = lowest_first_order(*arrays(edges), 6)
    assert order == [0, 1, 2, 3, 4, 5]
    assert blocked == [1, 2, 3, 4, 5]
    assert lowest_first_order(*arrays([(1, 0), (0, 1), (0, 2), (0, 2)]), 3)[0] == [0, 1, 2]


def test_a_branch_is_listed_whole() -> None:
    # 0 -> 1 -> 2 -> 6 and 0 -> 3 -> 4 -> 6; 6 reads 5 last, and 3 waits for it.
    edges = [(0, 1), (1, 2), (0, 3), (3, 4), (2, 6), (4, 6), (5, 6), (5, 3)]
    assert depth_first_order(*lists(edges, 7)) == [0, 1, 2, 5, 3, 4, 6]


def test_a_cycle_is_passed_over_once() -> None:
    assert depth_first_order(*lists([(0, 1), (1, 0)], 2)) == [1, 0]


def test_only_what_a_merge_reads_of_the_next_iteration_is_a_back_edge() -> None:
    looped = graph(
        node("enter", "Enter"),
        node("merge", "Merge", "enter", "next"),
        node("next", "NextIteration", "merge"),
        node("other", "Identity", "next"),
    )
    columns = looped.columns()
    edges = np.flatnonzero(back_edges(columns)).tolist()
    names = [(columns.names[columns.source[at]], columns.names[columns.reader[at]]) for at in edges]
    assert names == [("next", "merge")]
    assert [item.name for item in looped.order()] == ["enter", "merge", "next", "other"]


@pytest.mark.parametrize("reverse", [False, True])
def test_chains_of_100_000_nodes_are_ordered_quickly(reverse: bool) -> None:
    count = 100_000
    edges = [(at, at + 1) for at in range(count - 1)]
    expected = list(range(count))
    if reverse:
        edges, expected = [(b, a) for a, b in edges], expected[::-1]
    start = time.process_time()
    assert topological_order(*arrays(edges), count) == expected
    assert lowest_first_order(*arrays(edges), count)[0] == expected
    assert depth_first_order(*lists(edges, count)) == expected
    assert time.process_time() - start < 10


def test_many_cycles_cost_no_more_than_one() -> None:
    count = 100_000
    edges = [(at, at ^ 1) for at in range(count)]
    start = time.process_time()
    order, blocked = lowest_first_order(*arrays(edges), count)
    assert order == blocked == list(range(count))
    assert time.process_time() - start < 10


def test_repeated_edges_count_once() -> None:
    nodes = [NodeDef(name="b", op="Add", input=["a", "a"]), NodeDef(name="a", op="Const")]
    assert [item.name for item in Graph(nodes).order()] == ["a", "b"]
