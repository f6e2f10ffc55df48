"""fix_batch: the inputs and the lists of loops over time get the batch, and no other list does."""

from __future__ import annotations

import numpy as np
import pytest

import inspector
from inspector.errors import BadParameter
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.passes.pipeline import run
from tests.conftest import ROOT
from tests.graphs import const, graph, node, placeholder

KERAS = ROOT / "tests" / "models" / "tf24" / "keras"


def loop(steps: list[int | None], perm: list[int]) -> Graph:
    """A loop over the second dimension of its input, as Keras writes it; its body is missing."""
    element = const("element", [-1, 4], "int32")
    while_ = node("while", "While", "list", "results")
    while_.attr["T"].list.type.extend([21, 21])
    while_.attr["body"].func.name, while_.attr["cond"].func.name = "body", "cond"
    while_.attr["output_shapes"].list.shape.add()
    return graph(
        placeholder("x", steps),
        const("perm", perm, "int32"),
        node("transpose", "Transpose", "x", "perm", T="float32", Tperm="int32"),
        element,
        listed("list", "TensorListFromTensor", "transpose", "element"),
        const("count", 5, "int32"),
        listed("results", "TensorListReserve", "element", "count"),
        while_,
        const("any", [-1, 7], "int32"),
        listed("y", "TensorListStack", "while:1", "any", num_elements=-1),
    )


def listed(name: str, op: str, *inputs: str, **attrs: int) -> NodeDef:
    made = node(name, op, *inputs, **attrs)
    made.attr["element_dtype"].type = tensors.FLOAT
    if op != "TensorListStack":
        made.attr["shape_type"].type = tensors.dtype_enum("int32")
    return made


def sizes(after: Graph, name: str, place: int) -> list[int]:
    element = after.node(after.node(name).input[place])
    values: list[int] = tensors.to_numpy(element.attr["value"].tensor).tolist()
    return values


def test_the_lists_of_a_loop_over_time_get_the_batch() -> None:
    before = loop([None, 5, 4], [1, 0, 2])
    result = run(before, ["x"], ["y"], "fix_batch(batch=3)")
    after = result.graph
    assert tensors.shape_of(after.node("x").attr["shape"].shape) == [3, 5, 4]
    assert sizes(after, "list", 1) == [3, 4]
    assert sizes(after, "results", 0) == [3, 4]
    assert sizes(after, "y", 1) == [3, 7]
    assert "output_shapes" not in after.node("while").attr
    # What was handed in stays as it is.
    assert sizes(before, "list", 1) == [-1, 4]
    assert "output_shapes" in before.node("while").attr


@pytest.mark.parametrize("perm", [[0, 1, 2], [2, 1, 0]])
def test_a_loop_over_something_else_keeps_its_lists(perm: list[int]) -> None:
    result = run(loop([None, 5, 4], perm), ["x"], ["y"], "fix_batch(batch=3)")
    assert sizes(result.graph, "list", 1) == sizes(result.graph, "results", 0) == [-1, 4]
    assert [(skip.name, skip.why) for skip in result.steps[0].skipped] == [
        ("while", "what its lists hold is not known to begin with the batch")
    ]


def test_bodies_get_it_too() -> None:
    model = inspector.open_model(KERAS)
    result = inspector.optimise(model, transforms="strip_unused_nodes fix_batch(batch=2)")
    assert not result.steps[1].skipped
    items = [
        (item, {inner.name: inner for inner in function.node_def})
        for function in result.model.graph.library.function
        for item in function.node_def
        if item.op == "TensorListGetItem"
    ]
    assert len(items) == 3
    for item, by_name in items:
        element = by_name[item.input[2].partition(":")[0]]
        assert tensors.to_numpy(element.attr["value"].tensor)[0] == 2
    changes = [change.name for change in result.steps[1].changed if "()/" in change.name]
    assert len(changes) == 6


def test_a_batch_has_at_least_one_row() -> None:
    with pytest.raises(BadParameter, match="batch"):
        run(loop([None, 5, 4], [1, 0, 2]), ["x"], ["y"], "fix_batch(batch=0)")


@pytest.mark.tensorflow
def test_the_answers_stay() -> None:
    model = inspector.open_model(KERAS)
    result = inspector.optimise(model, transforms="strip_unused_nodes fix_batch(batch=2)")
    infos = inspector.describe(model).to_dict()["signatures"]["serving_default"]["inputs"]
    rng = np.random.default_rng(0)
    rows = {
        key: rng.random([2, *info["shape"][1:]]).astype(info["dtype"])
        for key, info in infos.items()
    }
    before, after = (inspector.predict(item, rows).outputs for item in (model, result.model))
    assert before.keys() == after.keys()
    for key, value in before.items():
        np.testing.assert_array_equal(after[key], value)
