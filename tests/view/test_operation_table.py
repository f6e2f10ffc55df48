"""The table of all operations: its rows, and what a search finds."""

from __future__ import annotations

import json

import pytest

from inspector.view.table.operation_table import COLUMNS, OperationTable
from tests.view.graphs import table

BODY = ("inner", "Tanh", "inner:0 float32 [7]", "arg, ^go", "/cpu:0", "step")


def operations(text: str, **options: object) -> OperationTable:
    beside = {
        "functions": {"y": "outer"},
        "bodies": {key: [value] for key, value in zip(COLUMNS, BODY, strict=True)},
    }
    return OperationTable(table(text, **options), json.dumps(beside).encode())


TEXT = """
x = Placeholder()
Weights/w = Const()
y = MatMul(x, Weights/w)
parts = Split(y, x)
z = Relu(parts:1, ^x, gone:2)
"""
SHAPES = {"y": [[None, 4]], "x": [None]}


@pytest.fixture(scope="module")
def listed() -> OperationTable:
    return operations(TEXT, shapes=SHAPES)


def test_rows_are_the_nodes_and_then_what_other_bodies_hold(listed: OperationTable) -> None:
    assert len(listed) == 6
    rows = listed.rows([2, 4, 5])
    assert rows["name"] == ["y", "z", "inner"]
    assert rows["outputs"] == [
        "y:0 float32 [None, 4]",
        "z:0 float32 unknown",
        "inner:0 float32 [7]",
    ]
    assert rows["inputs"] == ["x, Weights/w", "parts:1, gone:2, ^x", "arg, ^go"]
    assert rows["function"] == ["outer", "", "step"]
    assert listed.names() == {"x", "Weights/w", "y", "parts", "z", "inner"}


def test_ops_are_counted_the_most_frequent_first() -> None:
    counts = operations("a = Relu()\nb = Tanh(a)\nc = Add(a, b)").op_counts()
    assert next(iter(counts.items())) == ("Tanh", 2)
    assert counts == {"Tanh": 2, "Relu": 1, "Add": 1}


@pytest.mark.parametrize(
    ("words", "ops", "names"),
    [
        ("", [], ["x", "Weights/w", "y", "parts", "z", "inner"]),
        ("weights", [], ["Weights/w", "y"]),
        ("relu", [], ["z"]),
        ("4]", [], ["y"]),
        ("[None, 4]", [], ["y"]),
        ("float32 [7]", [], ["inner"]),
        ("parts:1", [], ["parts", "z"]),
        ("parts:1,", [], ["parts", "z"]),
        ("gone:2", [], ["z"]),
        ("gone", [], ["z"]),
        ("^x", [], ["z"]),
        ("^go", [], ["inner"]),
        ("y relu", [], []),
        ("", ["Tanh", "Relu"], ["z", "inner"]),
        ("/^(y|inner)$/", [], ["y", "inner"]),
        ("/^(y|inner)$/", ["Tanh"], ["inner"]),
    ],
)
def test_a_search_finds(
    listed: OperationTable, words: str, ops: list[str], names: list[str]
) -> None:
    assert listed.rows(listed.find(words, ops))["name"] == names


def test_many_tensors_are_cut() -> None:
    text = "x = Placeholder()\n" + f"y = AddN({', '.join(['x'] * 15)})"
    (inputs,) = operations(text).rows([1])["inputs"]
    assert inputs == ", ".join(["x"] * 12) + ", … 3 more"
