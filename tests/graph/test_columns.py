"""Columns read from bytes are those of the parsed message, and only sound messages give any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import CorruptModel
from inspector.formats import open_model
from inspector.graph import columns_reader
from inspector.graph.columns import Columns, of_nodes
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.passes.rewrite.constants import constant
from tests.graphs import node

NAMES = st.text("abé/_:^1", min_size=1, max_size=4)
TEXTS = st.one_of(
    NAMES, NAMES.map("^{}".format), NAMES.map("{}:1".format), NAMES.map("{}:0".format)
)
NODES = st.lists(
    st.tuples(
        NAMES,
        st.sampled_from(["Relu", "Add", "Const", ""]),
        st.lists(TEXTS, max_size=3) | st.lists(st.just("a"), min_size=40, max_size=300),
        st.sampled_from(["", "/cpu:0"]),
        st.dictionaries(st.sampled_from("TN"), st.integers(0, 300), max_size=2),
    ),
    max_size=12,
)


def graph_of(nodes: list[Any]) -> GraphDef:
    graph = GraphDef()
    for name, op, inputs, device, attrs in nodes:
        node = graph.node.add(name=name, op=op, device=device, input=inputs)
        for key, value in attrs.items():
            node.attr[key].i = value
    graph.versions.producer = 27
    graph.library.function.add().signature.name = "f"
    return graph


def assert_same(found: Columns, expected: Columns) -> None:
    assert found.names == expected.names
    assert [found.op_of(at) for at in range(len(found))] == [
        expected.op_of(at) for at in range(len(expected))
    ]
    for key in ("start", "source", "port"):
        assert np.array_equal(getattr(found, key), getattr(expected, key)), key
    assert found.missing == expected.missing
    assert found.inputs() == expected.inputs()
    for at, kind in enumerate(found.kind.tolist()):
        node = expected.kinds[at]
        assert found.kinds[kind].attr == node.attr
        assert (found.kinds[kind].op, found.kinds[kind].device) == (node.op, node.device)


@settings(max_examples=50, deadline=None)
@given(NODES)
def test_columns_of_bytes_are_those_of_the_message(nodes: list[Any]) -> None:
    graph = graph_of(nodes)
    read = columns_reader.read(graph.SerializeToString())
    names = [node.name for node in graph.node]
    assert of_nodes(list(graph.node)).inputs() == [list(node.input) for node in graph.node]
    if len(set(names)) < len(names) or any(":" in name or "^" in name for name in names):
        assert read is None
        return
    assert read is not None
    assert_same(read.columns, of_nodes(list(graph.node)))
    assert read.library.function[0].signature.name == "f"
    assert read.versions.producer == 27


@settings(max_examples=50, deadline=None)
@given(NODES)
def test_nodes_that_are_alike_have_one_kind(nodes: list[Any]) -> None:
    graph = graph_of(nodes)
    kind, kinds = of_nodes(list(graph.node)).alike
    own = [(op, device, tuple(sorted(attrs.items()))) for _, op, _, device, attrs in nodes]
    assert [own.index(one) for one in own] == [kind.index(number) for number in kind]
    assert [graph.node[kind.index(number)] for number in range(len(kinds))] == list(kinds)


def test_an_empty_name_or_input_makes_no_kind() -> None:
    nodes = [node("", "Add", "", "a", T="float32"), node("b", "Add", "a", "", T="float32")]
    assert of_nodes([*nodes, node("c", "", N=1), node("", "", N=1)]).alike[0] == [0, 0, 1, 1]


def test_large_constants_are_kinds_of_their_own() -> None:
    few, many = (constant("", np.zeros(size, np.float32)) for size in (4, 4_000))
    assert of_nodes([few, few, many, many]).alike[0] == [0, 0, 1, 2]


def test_nodes_are_read_some_thousand_at_a_time() -> None:
    nodes = [(f"n{at}", "Add", [f"n{at + 1}", f"n{at - 1}:1"], "", {}) for at in range(20_000)]
    graph = graph_of(nodes)
    read = columns_reader.read(memoryview(graph.SerializeToString()))
    assert read is not None
    assert_same(read.columns, of_nodes(list(graph.node)))
    assert len(read.columns.kinds) == 1
    start, stop = (places[12_345] for places in read.places)
    assert graph.SerializeToString()[start:stop] == graph.node[12_345].SerializeToString()


@settings(max_examples=50, deadline=None)
@given(NODES, st.data())
def test_damaged_bytes_give_no_columns_that_the_message_would_not(
    nodes: list[Any], data: st.DataObject
) -> None:
    whole = bytearray(graph_of(nodes).SerializeToString())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for damaged in (bytes(whole), cut):
        read = columns_reader.read(damaged)
        if read is not None:
            graph = GraphDef.FromString(damaged)  # or it raises
            assert_same(read.columns, of_nodes(list(graph.node)))


@pytest.mark.parametrize(
    "node",
    [
        b"\x12\x04Relu\x0a\x01a",  # op before name
        b"\x0a\x01a\x12\x04Relu\x22\x01d\x1a\x01b",  # device before input
        b"\x0a\x01a\x0a\x01b\x12\x04Relu",  # two names
        b"\x0a\x01\xff\x12\x04Relu",  # no UTF-8
    ],
)
def test_another_form_is_left_to_the_parser(node: bytes) -> None:
    assert columns_reader.read(b"\x0a" + bytes([len(node)]) + node) is None


def test_a_file_in_another_order_is_the_same_model(tmp_path: Any) -> None:
    path = tmp_path / "m.pb"
    nodes = [b"\x0a\x01a\x12\x04Relu", b"\x12\x04Relu\x0a\x01b\x1a\x01a"]
    path.write_bytes(b"".join(b"\x0a" + bytes([len(node)]) + node for node in nodes))
    model = open_model(path)
    assert model.graph.consumers("a") == ["b"]
    assert model.graph.node("b").op == "Relu"


def test_damage_inside_an_attribute_is_told_when_the_file_is_opened(tmp_path: Any) -> None:
    path = tmp_path / "m.pb"
    node = b"\x0a\x01a\x12\x04Relu\x2a\x07\x0a\x01T\x12\x02\x30"
    path.write_bytes(b"\x0a" + bytes([len(node)]) + node)
    with pytest.raises(CorruptModel):
        open_model(path)


def test_a_node_of_a_file_is_the_same_node_each_time(tmp_path: Any) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(
        graph_of([(f"n{at}", "Relu", [], "", {"N": at}) for at in range(9)]).SerializeToString()
    )
    graph = open_model(path).graph
    assert graph.node("n3").attr["N"].i == 3
    assert "nodes" not in graph.__dict__
    assert graph.node("n3") is graph.node("n3")
    assert graph.get("n9") is None
    assert [node.name for node in graph] == [f"n{at}" for at in range(9)]
    assert len(graph.library.function) == 1


def test_who_is_behind_and_who_is_needed() -> None:
    proto = graph_of(
        [
            ("x", "Placeholder", [], "", {}),
            ("loop", "Merge", ["x", "next"], "", {}),
            ("next", "NextIteration", ["loop:1"], "", {}),
            ("y", "Relu", ["loop", "^gone"], "", {}),
        ]
    )
    graph = Graph.of(proto)
    assert graph.ancestors(["y"]) == {"x", "loop", "next", "y"}
    assert graph.ancestors(["y"], stop=["loop"]) == {"loop", "y"}
    assert graph.descendants(["x"]) == {"x", "loop", "next", "y"}
    assert graph.descendants(["gone"]) == {"gone", "y"}
    assert graph.consumers("gone") == ["y"]
    assert not graph.is_sorted()
    straight = Graph(node for node in proto.node if node.op != "NextIteration")
    assert straight.ancestors(["y"], stop=["loop"]) == {"loop", "y"}
