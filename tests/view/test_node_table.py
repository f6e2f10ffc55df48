"""The node table: what it holds of a graph, and its trip through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.support.node_tables import layered
from inspector.errors import CorruptModel, UnknownNode
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, parse
from inspector.view.table.builder import build_node_table
from inspector.view.table.node_table import NodeTable
from inspector.view.table.number_text import text
from tests.conftest import data_path
from tests.view.graphs import graph, table


def numbers(values: list[int]) -> str:
    return text(np.array(values, np.int32))


TEXT = """
x = Placeholder()
w = Const()
y = MatMul(x, w)
s = Split(y, y)
z = Relu(s:1, ^x, gone:2)
"""


def test_columns_say_what_the_nodes_are():
    found = build_node_table(
        graph(TEXT),
        shapes={"y": [[None, 4]], "x": [None]},
        weights={"w": (16, 64)},
        fetches=["z:0"],
        feeds=["x"],
    )
    y, z = found.find("y"), found.find("z:0")
    assert found.op_of(y) == "MatMul"
    assert found.dtypes_of(y) == ["float32"]
    assert found.shapes_of(y) == [[None, 4]]
    assert found.shapes_of(found.find("x")) == [None]
    assert found.input_names(z) == ["s:1", "gone:2", "^x"]
    assert list(found.sources(z)) == [(found.find("s"), 1)]
    assert found.consumers[found.find("x")] == [y]
    assert found.weights == {found.find("w"): (16, 64)}
    assert (found.feeds, found.fetches) == (["x"], ["z:0"])


def test_an_unknown_name_is_an_error_that_helps():
    with pytest.raises(UnknownNode, match="did you mean"):
        table("predictions = Placeholder()").find("prediction")


def test_json_gives_the_same_table_back():
    found = layered(3)
    assert NodeTable.from_json(found.to_json()) == found


def test_functions_that_attrs_name_are_calls():
    proto = GraphDef()
    proto.library.function.add().signature.name = "body_7"
    node = proto.node.add(name="loop", op="While")
    node.attr["body"].func.name = "body_7"
    found = build_node_table(Graph.of(proto), shapes={}, weights={})
    assert found.calls == {0: ["body_7"]}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("op", numbers([99, 0])),
        ("op", numbers([1])),
        ("inputs", [numbers([1, 0]), numbers([5]), numbers([0])]),
        ("inputs", [numbers([1, 0]), numbers([-1]), numbers([0])]),
        ("inputs", [numbers([0, 1]), numbers([0]), numbers([])]),
        ("inputs", [numbers([0, 2]), numbers([0]), numbers([0])]),
        ("inputs", [numbers([2, -1]), numbers([0]), numbers([0])]),
        ("inputs", [numbers([1]), numbers([0]), numbers([0])]),
        ("inputs", [numbers([0, 1]), numbers([0])]),
        ("controls", {"7": [0]}),
        ("controls", {"0": [-1]}),
        ("shape", numbers([0])),
        ("names", 3),
        ("version", 0),
        ("returns", {"1": [5, 0]}),
        ("returns", {"1": [0]}),
        ("again", {"1": [9, 0]}),
        ("extra", 1),
    ],
)
def test_a_table_that_points_outside_is_refused(column, value):
    data = json.loads(table("a = Placeholder()\nb = Relu(a)").to_json())
    data[column] = value
    with pytest.raises(CorruptModel):
        NodeTable.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("names", ["a", 5]),
        ("names", "ab"),
        ("ops", ["Placeholder", None]),
        ("op", [0, 1]),
        ("op", numbers([0, 1])[:-1]),
        ("op", "AAAA"),
        ("op", "é"),
        ("inputs", [[], [0, 0]]),
        ("inputs", None),
        ("dtypes", [["float32"], [["float32"]]]),
        ("shapes", [[["?"]]]),
        ("shapes", [["unknown"]]),
        ("attr", numbers([0, 99])),
        ("attrs", [[["padding=SAME"]]]),
        ("calls", {"1": [7]}),
        ("controls", {"1": ["a"]}),
        ("weights", {"1": [5, 0]}),
        ("weights", [text(np.array([0, 1]), np.int64)] * 2),
        ("weights", [text(np.array(part), np.int64) for part in ([0, 1], [2], [3])]),
        ("weights", [text(np.array([7]), np.int64)] * 3),
        ("feeds", [None]),
        ("fetches", {"b:0": 1}),
    ],
)
def test_elements_of_wrong_types_are_refused(column, value):
    data = json.loads(table("a = Placeholder()\nb = Relu(a)").to_json())
    data[column] = value
    with pytest.raises(CorruptModel):
        NodeTable.from_json(json.dumps(data))


def test_text_that_is_no_json_is_refused():
    with pytest.raises(CorruptModel):
        NodeTable.from_json("{")


def test_4588_nodes_are_under_a_megabyte():
    found = layered(360)
    assert len(found) > 4588
    assert len(found.to_json()) < 1_000_000


def test_a_real_graph():
    data = data_path("models/seed/iris/frozen.pb").read_bytes()
    iris = Graph.of(parse(GraphDef, data, "frozen.pb", "GraphDef"))
    found = build_node_table(iris, shapes={}, weights={})
    assert len(found) == len(iris.nodes)
    again = NodeTable.from_json(found.to_json())
    for number, node in enumerate(iris.nodes):
        assert again.find(node.name) == number
        assert again.op_of(number) == node.op
