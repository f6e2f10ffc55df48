"""A small network, and the same with one fault for each way in which a transform can go wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inspector.graph.graph import Graph
from inspector.model.model import Model
from tests.graphs import const, graph, node, placeholder

OUTPUT = ["y"]
RNG = np.random.default_rng(0)
FEEDS = {"x": RNG.standard_normal((4, 6, 6, 3)).astype(np.float32)}


def network() -> Graph:
    """Two convolutions with a way around the second, and a dense layer."""
    rng = np.random.default_rng(1)

    def weights(name: str, *shape: int):
        return const(name, rng.standard_normal(shape).astype(np.float32) * 0.5)

    def conv(name: str, source: str):
        return node(
            name, "Conv2D", source, f"{name}/w", T="float32", strides=[1, 1, 1, 1], padding="SAME"
        )

    return graph(
        placeholder("x", [None, 6, 6, 3]),
        weights("conv1/w", 3, 3, 3, 4),
        conv("conv1", "x"),
        weights("bias1/b", 4),
        node("bias1", "BiasAdd", "conv1", "bias1/b", T="float32"),
        node("relu1", "Relu6", "bias1", T="float32"),
        weights("conv2/w", 3, 3, 4, 4),
        conv("conv2", "relu1"),
        node("tanh2", "Tanh", "conv2", T="float32"),
        node("sum", "AddV2", "tanh2", "relu1", T="float32"),
        const("axes", np.int32([1, 2])),
        node("mean", "Mean", "sum", "axes", T="float32", Tidx="int32"),
        weights("dense/w", 4, 5),
        node("dense", "MatMul", "mean", "dense/w", T="float32"),
        node("y", "Softmax", "dense", T="float32"),
    )


def as_model(of: Graph) -> Model:
    return Model("GraphDef", "network.pb", of)


def edited(edit: Callable[[dict], None]) -> Model:
    proto = network().to_proto()
    nodes = {one.name: one for one in proto.node}
    edit(nodes)
    return as_model(Graph.of(proto))


def wrong_constant(nodes: dict) -> None:
    nodes["conv2/w"].CopyFrom(const("conv2/w", np.ones((3, 3, 4, 4), np.float32)))


def wrong_attribute(nodes: dict) -> None:
    nodes["conv2"].attr["dilations"].list.i.extend([1, 2, 2, 1])


def wrong_op(nodes: dict) -> None:
    nodes["tanh2"].op = "Sigmoid"


def dropped_op(nodes: dict) -> None:
    nodes["sum"].input[0] = "conv2"


def dropped_bias(nodes: dict) -> None:
    nodes["relu1"].input[0] = "conv1"


def wrong_input(nodes: dict) -> None:
    nodes["sum"].input[1] = "tanh2"


def wrong_axes(nodes: dict) -> None:
    nodes["axes"].CopyFrom(const("axes", np.int32([2, 0])))


FAULTS = {
    wrong_constant: ("conv2", {"conv2/w": ["attr:value"]}),
    wrong_attribute: ("conv2", {"conv2": ["attr:dilations"]}),
    wrong_op: ("tanh2", {"tanh2": ["op"]}),
    dropped_op: ("sum", {"sum": ["inputs"]}),
    dropped_bias: ("relu1", {"relu1": ["inputs"]}),
    wrong_input: ("sum", {"sum": ["inputs"]}),
    wrong_axes: ("mean", {"axes": ["attr:value"]}),
}
