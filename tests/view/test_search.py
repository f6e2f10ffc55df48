"""Search: words, ops, shapes, expressions, and its bounds."""

from __future__ import annotations

import time

import pytest

from benchmarks.support.node_tables import layered
from inspector.view.table.builder import build_node_table
from inspector.view.table.search import SearchError, search
from tests.view.graphs import graph, table

TEXT = """
x = Placeholder()
dense/kernel = Const()
dense/MatMul = MatMul(x, dense/kernel)
dense_1/kernel = Const()
conv/Conv2D = Conv2D(x, x)
"""
SHAPES = {"dense/MatMul": [[None, 64]], "conv/Conv2D": [[None, 7, 7, 64]], "x": [[None, 4]]}


@pytest.fixture(scope="module")
def found():
    return table(TEXT, shapes=SHAPES)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("dense kernel", ["dense/kernel", "dense_1/kernel"]),
        ("MATMUL", ["dense/MatMul"]),
        ("const", ["dense/kernel", "dense_1/kernel"]),
        ("op:Conv2D", ["conv/Conv2D"]),
        ("op:conv*", ["conv/Conv2D"]),
        ("shape:*x64", ["dense/MatMul", "conv/Conv2D"]),
        ("shape:*x*x*x64", ["conv/Conv2D"]),
        ("shape:?x4", ["x"]),
        ("shape:[None,4]", ["x"]),
        ("shape:[*,*,*,64]", ["conv/Conv2D"]),
        ("shape:*×64 op:MatMul", ["dense/MatMul"]),
        ("/^dense.*kernel$/", ["dense/kernel", "dense_1/kernel"]),
        (r"/^dense(_\d+)+\/kernel$/", ["dense_1/kernel"]),
        ("x", ["x"]),
        ("nothing-like-it", []),
    ],
)
def test_what_is_found(found, text, names):
    assert [found.names[node] for node in search(found, text).nodes] == names


def test_the_best_comes_first():
    names = table("a/relu_x = Relu()\nrelu = Relu()\nb/relu = Relu()")
    assert [names.names[n] for n in search(names, "relu").nodes] == ["relu", "b/relu", "a/relu_x"]


def test_nodes_that_compute_come_before_weights_unless_a_weight_is_named():
    text = (
        "block/kernel = Const()\nblock/read = Identity(block/kernel)\nblock/step = VarHandleOp()\n"
        "block/Conv2D = Conv2D(block/read, block/read)\nblock/kernel_norm = L2Loss(block/read)"
    )
    names = table(text)

    def matches(words: str) -> list[str]:
        return [names.names[node] for node in search(names, words).nodes]

    assert matches("block")[:2] == ["block/Conv2D", "block/kernel_norm"]
    assert matches("kernel") == ["block/kernel", "block/kernel_norm"]


def test_what_an_input_reaches_comes_before_initialisers():
    names = table(
        "x = Placeholder()\nblock/init = RandomUniform()\nblock/w = VariableV2()\n"
        "block/MatMul = MatMul(x, block/w)"
    )
    listed = [names.names[node] for node in search(names, "block").nodes]
    assert listed == ["block/MatMul", "block/init", "block/w"]


def test_the_limit_cuts_and_the_total_tells():
    answer = search(layered(100), "relu", limit=5)
    assert len(answer.nodes) == 5
    assert answer.total == 200


def test_a_broken_expression_is_a_clear_error(found):
    with pytest.raises(SearchError, match="not a regular expression"):
        search(found, "/(/")


@pytest.mark.parametrize("pattern", [r"/^(a+)+$/", r"/^(a|aa)+$/", r"/a*a*a*a*a*a*a*b/"])
def test_an_expression_that_runs_for_ever_is_stopped(monkeypatch, pattern):
    monkeypatch.setattr("inspector.view.table.search.SECONDS", 0.5)
    hostile = table(f"{'a' * 300}! = Placeholder()")
    began = time.monotonic()
    with pytest.raises(SearchError, match="took longer"):
        search(hostile, pattern)
    assert time.monotonic() - began < 5


def test_100_000_names_are_searched_in_no_time():
    big = layered(7700)
    began = time.process_time()
    search(big, "block_77 conv")
    search(big, "/block_7.*relu$/")
    assert time.process_time() - began < 3


def test_attributes_are_searched_by_key_and_value():
    found = graph("a = Relu(x)\nx = Placeholder()\nb = MatMul(a, a)")
    for node in found.nodes:
        if node.op == "MatMul":
            node.attr["transpose_a"].b = True
            node.attr["strides"].list.i.extend([1, 2, 2, 1])
            node.attr["padding"].s = b"SAME"
    known = build_node_table(found, shapes={}, weights={})
    for text in (
        "attr:padding",
        "attr:padding=same",
        "attr:transpose_a=true",
        "attr:strides=*2,2*",
    ):
        assert search(known, text).nodes == [2], text
    for text in ("padding=VALID", "T", "gone"):
        assert search(known, f"attr:{text}").nodes == [], text
