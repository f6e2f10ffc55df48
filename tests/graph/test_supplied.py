"""A placeholder whose default does not do in a run is an input of the model."""

from __future__ import annotations

import pytest

import inspector
from inspector.graph.graph import Graph
from inspector.graph.supplied import supplied_placeholders
from inspector.model.model import Model
from tests.graphs import const, graph, node
from tests.passes import text


def read_through(op: str) -> Graph:
    return graph(
        node("source", "IteratorV2"),
        node("next", op, "source"),
        node("decoded", "Identity", "next", T="float32"),
        node("image", "PlaceholderWithDefault", "decoded", dtype="float32", shape=[2, 2]),
        node("features", "Tanh", "image", T="float32"),
        node("bottleneck", "PlaceholderWithDefault", "features", dtype="float32", shape=[2, 2]),
        const("one", 1.0, "float32"),
        node("rate", "PlaceholderWithDefault", "one", dtype="float32", shape=[]),
        node("scaled", "Mul", "bottleneck", "rate", T="float32"),
        node("y", "Softmax", "scaled", T="float32"),
    )


@pytest.mark.parametrize("op", ["IteratorGetNext", "QueueDequeueManyV2", "ReaderReadV2"])
def test_the_first_one_behind_a_queue_is_fed(op: str) -> None:
    assert supplied_placeholders(read_through(op)) == {"image"}


def test_without_a_queue_a_default_is_a_default() -> None:
    assert supplied_placeholders(read_through("Tanh")) == set()
    assert supplied_placeholders(graph(node("next", "IteratorGetNext", "gone"))) == set()


def test_the_frozen_model_has_it_as_its_input_and_needs_no_queue() -> None:
    model = Model("GraphDef", "m", read_through("IteratorGetNext"))
    frozen = inspector.freeze(model, ["y"])
    assert [info.name for info in frozen.signatures["serving_default"].inputs.values()] == [
        "image:0"
    ]
    result = inspector.optimise(model, outputs=["y"], transforms="strip_unused_nodes")
    assert result.inputs == ("image",)
    ops = {item.name: item.op for item in result.model.graph}
    assert ops["image"] == "Placeholder"
    assert not {"next", "source"} & set(ops)
    assert set(result.model.signatures["serving_default"].inputs) == {"image"}


@pytest.mark.parametrize(("sizes", "is_input"), [([-1, 6], True), ([4, 6], False)])
def test_an_open_shape_of_a_sparse_tensor_is_fed(sizes: list[int], is_input: bool) -> None:
    made = text.graph(
        f"size = Const(value={sizes}, dtype=int64) ; i = Placeholder(dtype=int64)"
        " ; v = Placeholder() ; s = PlaceholderWithDefault(size, dtype=int64)"
        " ; n = PlaceholderWithDefault(size, dtype=int64) ; m = Neg(n)"
        " ; w = Const(value=ones(6, 3)) ; y = SparseTensorDenseMatMul(i, v, s, w)"
    )
    assert supplied_placeholders(made) == ({"s"} if is_input else set())
