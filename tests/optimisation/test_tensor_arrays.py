"""TensorArrays of TensorFlow 1 become lists; TensorFlow computes the same with both, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf

import inspector
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model.model import Model
from inspector.optimisation.tflite.tensor_arrays import with_lists
from tests.conftest import ROOT

pytestmark = pytest.mark.tensorflow

ROWS = np.arange(8, dtype=np.float32).reshape(4, 2)
TensorArray = tf.TensorArray


def built(build: Callable[[Any], Any], shape: tuple[int | None, ...] = (None, 2)) -> Model:
    """The graph with the output ``y`` of TensorFlow 1's ops on an input ``x``."""
    v1 = tf.compat.v1
    was_on = v1.control_flow_v2_enabled()
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, shape, name="x")
            tf.identity(build(x), name="y")
    finally:
        if was_on:
            v1.enable_control_flow_v2()
    proto = GraphDef.FromString(graph.as_graph_def().SerializeToString())
    return Model("GraphDef", "m", Graph.of(proto))


def mapped(x: Any) -> Any:
    return tf.map_fn(lambda row: 2 * row + 1, x)


def read_backwards(x: Any) -> Any:
    array = TensorArray(tf.float32, 4).unstack(x)
    step = tf.constant(3), tf.zeros([2])
    return tf.compat.v1.while_loop(
        lambda at, _: at >= 0, lambda at, total: (at - 1, 2 * total + array.read(at)), step
    )[1]


def gathered(x: Any) -> Any:
    array = TensorArray(tf.float32, 3).write(2, x).write(0, x + 1).write(1, x + 2)
    return array.gather([2, 0])


def empty(x: Any) -> Any:
    return mapped(x[:0])


LIKE_LISTS = [mapped, read_backwards, gathered, empty]


def both(model: Model) -> tuple[Model, Any, Any]:
    """The model with lists, and the output of both."""
    lists = replace(model, graph=with_lists(model.graph, ["y:0"]))
    run = [inspector.predict(each, {"x": ROWS}, ["y:0"])["y:0"] for each in (model, lists)]
    return lists, run[0], run[1]


@pytest.mark.parametrize("build", LIKE_LISTS)
def test_the_values_stay_the_same(build: Callable[[Any], Any]) -> None:
    lists, before, after = both(built(build))
    assert not [node.name for node in lists.graph if node.op.startswith("TensorArray")]
    np.testing.assert_array_equal(after, before)
    assert after.dtype == before.dtype


@pytest.mark.parametrize(
    "build", [mapped, read_backwards, gathered], ids=lambda each: each.__name__
)
def test_they_convert(build: Callable[[Any], Any]) -> None:
    model = built(build, (4, 2))
    lite = inspector.convert(model, outputs=["y"])
    before = inspector.predict(model, {"x": ROWS}, ["y:0"])["y:0"]
    (after,) = inspector.predict(lite, {"x": ROWS}).outputs.values()
    np.testing.assert_allclose(after, before, rtol=1e-6)


def test_the_shape_of_the_elements_is_that_of_what_is_written() -> None:
    lists, _before, _after = both(built(gathered, (4, 2)))
    shapes = [
        tensors.to_numpy(node.attr["value"].tensor)
        for node in lists.graph
        if node.op == "Const" and "element_shape" in node.name
    ]
    assert [shape.tolist() for shape in shapes] == [[4, 2], [4, 2]]


def growing(x: Any) -> Any:
    array = TensorArray(tf.float32, 0, dynamic_size=True).write(0, x).write(1, x)
    return array.stack()


def concatenated(x: Any) -> Any:
    return TensorArray(tf.float32, 2).write(0, x).write(1, x).concat()


def filled_in_parts(x: Any) -> Any:
    return TensorArray(tf.float32, 4).scatter([1, 0, 3, 2], x).stack()


@pytest.mark.parametrize("build", [growing, concatenated, filled_in_parts])
def test_an_array_that_is_no_list_is_left_alone(build: Callable[[Any], Any]) -> None:
    graph = built(build).graph
    assert with_lists(graph, ["y:0"]) is graph


def test_an_array_that_is_fetched_is_left_alone() -> None:
    graph = built(gathered).graph
    (array,) = [node.name for node in graph if node.op == "TensorArrayV3"]
    assert with_lists(graph, [f"{array}:1"]) is graph


@pytest.mark.parametrize("release", ["tf110", "tf115"])
def test_the_loops_of_the_corpus(release: str) -> None:
    model = inspector.open_model(ROOT / "tests" / "models" / release / "control_flow")
    lite = inspector.convert(model)
    values = {"x": np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 4, 3), "n": np.int32(3)}
    before, after = (inspector.predict(each, values) for each in (model, lite))
    for key, expected in before.outputs.items():
        np.testing.assert_allclose(after[key], expected, rtol=1e-5, atol=1e-6)
