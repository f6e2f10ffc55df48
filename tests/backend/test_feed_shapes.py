"""Feeds of a wrong shape are refused before a kernel sees them, and right ones are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf

from inspector import api
from inspector.backend.predict import predict
from inspector.errors import BadFeed
from inspector.formats import open_model
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model.model import Model
from inspector.optimisation.feed_shapes import _SCATTERS, RANKS, refuse

pytestmark = pytest.mark.tensorflow
v1 = tf.compat.v1
IMAGE = np.ones((1, 4, 4, 3), np.float32)
KERNEL = np.ones((3, 3, 3, 2), np.float32)


def model_of(build: Any) -> Model:
    """What is built in a graph, as a Model."""
    with v1.Graph().as_default() as graph:
        build()
    proto = GraphDef.FromString(graph.as_graph_def().SerializeToString())
    return Model(format="GraphDef", name="m", graph=Graph.of(proto))


def open_(name: str = "x", dtype: Any = tf.float32) -> Any:
    """A placeholder without a shape."""
    return v1.placeholder(dtype, None, name)


def convolution(x: Any = None) -> Any:
    return tf.nn.conv2d(open_() if x is None else x, KERNEL, 1, "SAME", name="conv")


SHAPES = [(), (3,), (4, 3), (4, 4, 3), (1, 1, 4, 4, 3), (2, 1, 1, 4, 4, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_feed_of_the_wrong_rank_before_a_convolution(shape: tuple[int, ...]) -> None:
    model = model_of(convolution)
    text = str(list(shape)).replace("[", r"\[").replace("]", r"\]")
    told = (
        rf"feeds: x of shape {text}: gives input 0 of the node 'conv' \(Conv2D\) the shape {text}, "
        rf"of rank {len(shape)}: it takes rank 4"
    )
    with pytest.raises(BadFeed, match=told):
        predict(model, {"x": np.ones(shape, np.float32)}, ["conv"])
    assert predict(model, {"x": IMAGE}, ["conv"]).outputs["conv"].shape == (1, 4, 4, 2)


def test_what_a_worker_says_is_the_same(tmp_path: Any) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(model_of(convolution).graph.to_bytes())
    with pytest.raises(BadFeed, match="it takes rank 4"):
        api.predict(open_model(path), {"x": np.ones((4, 3), np.float32)}, ["conv"])


CASES = {
    "behind other ops": (
        lambda: convolution(tf.nn.relu(tf.cast(open_() * 2.0, tf.float32))),
        {"x": (4, 3)},
        "conv",
    ),
    "a reshape that is fed": (
        lambda: convolution(tf.reshape(open_("y"), v1.placeholder(tf.int32, [None], "shape"))),
        {"y": (48,), "shape": (2,)},
        "conv",
    ),
    "weights": (
        lambda: tf.linalg.matmul(np.ones((2, 3), "f"), open_(), name="y"),
        {"x": (3,)},
        "y",
    ),
    "a bias": (lambda: tf.nn.bias_add(IMAGE, open_(), name="y"), {"x": (3, 1)}, "y"),
    "boxes": (
        lambda: tf.raw_ops.CombinedNonMaxSuppression(
            boxes=np.ones((1, 2, 1, 4), "f"),
            scores=open_(),
            max_output_size_per_class=1,
            max_total_size=1,
            iou_threshold=0.5,
            score_threshold=0.5,
            name="y",
        ),
        {"x": (2, 1)},
        "y",
    ),
    "channels": (
        lambda: tf.quantization.fake_quant_with_min_max_vars_per_channel(
            open_(), np.zeros(2, "f"), np.ones(2, "f"), name="y"
        ),
        {"x": ()},
        "y",
    ),
    "scatter": (
        lambda: tf.scatter_nd(open_("x", tf.int32), np.ones(1, "f"), [4], name="y"),
        {"x": (1, 1, 1)},
        "y",
    ),
    "tensor scatter": (
        lambda: tf.tensor_scatter_nd_update(
            np.zeros(4, "f"), open_("x", tf.int32), np.ones(1, "f"), name="y"
        ),
        {"x": (1, 1, 1)},
        "y",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_found_wherever_the_feed_comes_from(case: str) -> None:
    build, shapes, fetch = CASES[case]
    model = model_of(build)
    dtypes = {node.name: node.attr["dtype"].type for node in model.graph if node.name in shapes}
    feeds = {name: np.ones(shape, tf.as_dtype(dtypes[name]).name) for name, shape in shapes.items()}
    with pytest.raises(BadFeed, match=f"the node '{fetch}'"):
        predict(model, feeds, [fetch])


def test_it_is_found_inside_of_a_function(tmp_path: Any) -> None:
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            return tf.nn.conv2d(x, KERNEL, 1, "SAME")

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.__call__)
    model = open_model(tmp_path / "m")
    with pytest.raises(BadFeed, match=r"x of shape \[4, 3\]: .*Conv2D.* takes rank 4"):
        predict(model, {"x": np.ones((4, 3), np.float32)})
    (value,) = predict(model, {"x": IMAGE}).outputs.values()
    assert value.shape == (1, 4, 4, 2)


def test_a_branch_that_does_not_run_refuses_nothing() -> None:
    def build() -> None:
        v1.disable_control_flow_v2()
        x = open_()
        v1.cond(
            tf.equal(tf.rank(x), 4),
            lambda: tf.reduce_sum(convolution(x)),
            lambda: tf.reduce_sum(x),
            name="cond",
        )

    model = model_of(build)
    assert "Switch" in model.graph.op_counts()
    (merge,) = (node.name for node in model.graph if node.op == "Merge")
    assert predict(model, {"x": np.ones((4, 3), np.float32)}, [merge]).outputs[merge] == 12


def test_what_is_not_fetched_refuses_nothing() -> None:
    def build() -> None:
        x = open_()
        convolution(x)
        tf.identity(x, "y")

    value = predict(model_of(build), {"x": np.ones((4, 3), np.float32)}, ["y"]).outputs["y"]
    assert value.shape == (4, 3)


def test_what_is_fed_itself_refuses_nothing() -> None:
    model = model_of(convolution)
    fed = np.ones((1, 4, 4, 2), np.float32)
    assert predict(model, {"conv": fed}, ["conv"]).outputs["conv"].shape == fed.shape


ATTRS: dict[str, dict[str, Any]] = {
    "ksize": {"list": {"i": [1, 1, 1, 1]}},
    "strides": {"list": {"i": [1, 1, 1, 1]}},
    "rates": {"list": {"i": [1, 1, 1, 1]}},
    "ksizes": {"list": {"i": [1, 1, 1, 1]}},
    "pooling_ratio": {"list": {"f": [1.0, 1.0, 1.0, 1.0]}},
    "padding": {"s": b"SAME"},
    "block_size": {"i": 2},
    "k": {"i": 1},
    "beam_width": {"i": 1},
    "top_paths": {"i": 1},
}
NOT_READ = {"_FusedConv2D", "_FusedConv3D", "_FusedDepthwiseConv2dNative", "_FusedMatMul"}
NOT_READ |= {"TopK"}  # removed
BY_THE_KERNEL = {"LSTMBlockCell", "GRUBlockCell", "BlockLSTM", "BlockLSTMV2"}
BY_THE_KERNEL |= {op for op in RANKS if "Backprop" in op}
"""Their shape functions pass over some inputs: what an input must be, only the kernel says."""


@pytest.mark.parametrize("op", sorted(RANKS.keys() - NOT_READ - BY_THE_KERNEL))
def test_tensorflow_takes_no_other_ranks(op: str) -> None:
    """Shapes that the graph states are checked by TensorFlow; ours must be refused there too."""
    count = len(_definition(op).input_arg)
    for number, (lowest, highest) in enumerate(RANKS[op][:count]):
        for rank in {lowest - 1, highest + 1} & set(range(9)):
            refused, why = _imports(op, number, rank)
            assert not refused, (op, number, rank, why)


def _definition(op: str) -> Any:
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(op)


def _imports(op: str, number: int, rank: int) -> tuple[bool, str]:
    definition = _definition(op)
    graph = v1.GraphDef()
    graph.versions.producer = tf.version.GRAPH_DEF_VERSION  # before 24, no size is no shape
    node = graph.node.add(name="y", op=op)
    types: dict[str, int] = {}
    volumes = "3D" in op
    for attr in definition.attr:
        if attr.type == "type":
            allowed = list(attr.allowed_values.list.type)
            default = attr.default_value.type
            types[attr.name] = default or (1 if not allowed or 1 in allowed else allowed[0])
            node.attr[attr.name].type = types[attr.name]
        elif attr.name == "is_training":  # else mean and variance are passed over
            node.attr[attr.name].b = False
        elif attr.name in ATTRS and not attr.HasField("default_value"):
            for kind, value in ATTRS[attr.name].items():
                if kind == "list":
                    for part, items in value.items():
                        more = items[:1] if volumes and len(items) == 4 else []
                        getattr(node.attr[attr.name].list, part).extend([*items, *more])
                else:
                    setattr(node.attr[attr.name], kind, value)
    for at, arg in enumerate(definition.input_arg):
        made = graph.node.add(name=f"x{at}", op="Placeholder")
        made.attr["dtype"].type = arg.type or types[arg.type_attr]
        shape = made.attr["shape"].shape
        if at == number:
            shape.SetInParent()
            for _ in range(rank):
                shape.dim.add(size=-1)
        else:
            shape.unknown_rank = True
        node.input.append(made.name)
    try:
        with v1.Graph().as_default():
            v1.import_graph_def(graph, name="")
    except ValueError as err:
        return "rank" not in str(err).lower(), str(err)
    return True, "it was read"


def test_only_what_has_indices_is_a_scatter() -> None:
    for op, at in _SCATTERS.items():
        assert [arg.name for arg in _definition(op).input_arg][at : at + 2] == [
            "indices",
            "updates",
        ]


def test_a_graph_without_such_ops_is_not_inferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.graph.shapes.infer.infer", lambda *_: pytest.fail("inferred"))
    refuse(model_of(lambda: tf.nn.relu(open_(), name="y")), {"x:0": (2,)}, ["y:0"])
