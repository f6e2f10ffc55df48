"""insert_logging: a Print after chosen nodes, and values that stay."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.graph import tensors
from inspector.graph.graph import Graph, validate
from inspector.passes import pipeline
from inspector.passes.pipeline import plan
from tests.passes.running import assert_same_values, context, run
from tests.passes.test_edits import BRANCH, LOOP
from tests.passes.text import graph, show

SPLIT = """
axis = Const(value=0, dtype=int32)
x = Placeholder(shape=[6])
s = Split(axis, x, num_split=3)
a = Relu(s:2)
y = Sub(a, s:1, ^s)
"""


def log(before: Graph, args: str = "") -> Any:
    (item,) = plan(f"insert_logging({args})")
    return item.transform(before, context(), **item.params)


@pytest.mark.tensorflow
def test_only_the_outputs_that_are_read_are_logged():
    before = graph(SPLIT.replace("^s", "^a"))
    after = log(before, "op=Split").graph
    assert show(after).splitlines()[3] == "s__print__ = Print(s, s:1, s:2)"
    assert list(after.node("s__print__").attr["U"].list.type) == [tensors.FLOAT] * 2
    assert_same_values(before, after, ["y", "a"])


@pytest.mark.tensorflow
def test_a_control_input_counts_as_a_read_of_the_first_output():
    before = graph(SPLIT)
    after = log(before, "op=Split").graph
    assert list(after.node("s__print__").input) == ["s", "s", "s:1", "s:2"]
    assert list(after.node("y").input) == ["a", "s:1", "^s"]
    assert_same_values(before, after, ["y"])


@pytest.mark.tensorflow
def test_the_log_says_what_it_was_asked_to(capfd):
    args = 'op=Relu, show_name=true, show_op=true, message="vals:", first_n=2, summarize=1'
    after = log(graph(SPLIT), args).graph
    attrs = after.node("a__print__").attr
    assert attrs["message"].s == b";Relu;;a__print__;vals:"
    assert (attrs["first_n"].i, attrs["summarize"].i) == (2, 1)
    run(after, ["y"], {"x": [0, 0, 0, 0, 7, 8]})
    assert ";Relu;;a__print__;vals:[7...]" in capfd.readouterr().err


def test_only_the_ops_and_names_asked_for_are_logged():
    text = "x = Placeholder() ; n/a = Relu(x) ; n/b = Neg(n/a) ; m = Relu(n/b) ; y = Neg(m)"

    def logged(args: str) -> list[str]:
        return [change.name for change in log(graph(text), args).changed if change.kind == "added"]

    assert logged("") == ["x__print__", "n/a__print__", "n/b__print__", "m__print__"]
    assert logged("op=Relu") == ["n/a__print__", "m__print__"]
    assert logged("prefix=n/, prefix=x") == ["x__print__", "n/a__print__", "n/b__print__"]
    assert logged("op=Relu, prefix=n/") == ["n/a__print__"]


@pytest.mark.tensorflow
def test_a_node_without_outputs_is_left_alone():
    before = graph("x = Placeholder(shape=[2]) ; n = NoOp(^x) ; y = Neg(x, ^n)")
    result = log(before)
    assert [(skip.name, skip.why) for skip in result.skipped] == [("n", "has no output")]
    assert_same_values(before, result.graph, ["y"])


@pytest.mark.tensorflow
def test_logging_twice_logs_twice(capfd):
    transforms = "insert_logging(op=Relu, message=one) insert_logging(op=Relu, message=two)"
    before = graph(SPLIT)
    after = pipeline.run(before, ["x"], ["y"], transforms).graph
    validate(after)
    assert after.op_counts()["Print"] == 2
    assert list(after.node("a__print__").input) == ["a__print___1", "a__print___1"]
    assert_same_values(before, after, ["y"])
    said = capfd.readouterr().err
    assert "one" in said
    assert "two" in said


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", [LOOP, BRANCH])
def test_loops_and_branches_still_run(text):
    before = graph(text)
    result = log(before)
    assert result.graph.op_counts()["Print"] > 3
    for value in (3.0, 300.0):
        feeds = {"x": value}
        assert run(before, ["y"], feeds) == run(result.graph, ["y"], feeds)


@pytest.mark.tensorflow
def test_attributes_that_are_left_out_have_their_default():
    text = "x = Placeholder(shape=[4]) ; k = Const(value=2, dtype=int32) ; t = TopKV2(x, k)"
    before = graph(text + " ; y = Neg(t, T=float) ; z = Neg(t:1, T=int32)")
    after = log(before, "op=TopKV2").graph
    types = list(after.node("t__print__").attr["U"].list.type)
    assert types == [tensors.FLOAT, tensors.INT32]
    assert_same_values(before, after, ["y", "z"])


def test_a_reference_variable_and_an_unknown_op_are_left_alone():
    text = (
        "v = VariableV2(shape=[2], dtype=float) ; a = Assign(v, k) ; k = Const(value=[1,2])"
        " ; s = Strange(k) ; y = Neg(s) ; z = Neg(a:3)"
    )
    result = log(graph(text))
    whys = {skip.name: skip.why for skip in result.skipped}
    assert whys == {
        "v": "its readers need the variable itself",
        "a": "is read at output 3, and has 1",
        "s": "Strange: what it gives is not known",
    }
