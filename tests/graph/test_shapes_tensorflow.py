"""Every shape we claim agrees with TensorFlow's own inference, and most are as precise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.graph.shapes.infer import infer
from tests.conftest import ROOT, data_path
from tests.graphs import read_model

pytest.importorskip("tensorflow")
import tensorflow as tf

pytestmark = pytest.mark.tensorflow
v1 = tf.compat.v1
Shape = list[int | None] | None


def theirs(tensor: Any) -> Shape:
    return None if tensor.shape.rank is None else tensor.shape.as_list()


def agree(ours: Shape, other: Shape) -> bool:
    if ours is None or other is None:
        return True
    return len(ours) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(ours, other, strict=True)
    )


def vaguer(ours: Shape, other: Shape) -> bool:
    """True where TensorFlow knows a rank or dimension that we do not."""
    if ours is None or other is None:
        return ours is None and other is not None
    return any(a is None and b is not None for a, b in zip(ours, other, strict=True))


def compare(imported: Any, ours: dict[str, list[Shape]]) -> tuple[int, int, list[str]]:
    """Tensors, those of which we know less, and a line for each contradiction."""
    count, less, wrong = 0, 0, []
    for op in imported.get_operations():
        if len(ours[op.name]) != len(op.outputs):
            wrong.append(f"{op.name} ({op.type}): {len(ours[op.name])} outputs")
            continue
        for shape, tensor in zip(ours[op.name], op.outputs, strict=True):
            count += 1
            other = theirs(tensor)
            if not agree(shape, other):
                wrong.append(f"{tensor.name} ({op.type}): {shape}, TensorFlow {other}")
            elif vaguer(shape, other):
                less += 1
    return count, less, wrong


def check(proto: Any) -> tuple[int, int, list[str]]:
    for node in proto.node:
        node.attr.pop("_output_shapes", None)
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(proto, name="")
    return compare(imported, infer(Graph.of(GraphDef.FromString(proto.SerializeToString()))))


# File below tests/data/models, which MetaGraphDef, the share of tensors known as well as by
# TensorFlow.
FILES = [
    ("seed/iris/saved_model/saved_model.pb", 0, 0.95),
    ("seed/iris/frozen.pb", 0, 1.0),
    ("seed/iris/optimised.pb", 0, 1.0),
    ("seed/ppscore/simple_save/saved_model.pb", 0, 0.95),
    ("seed/ppscore/two_metagraphs/saved_model.pb", 1, 1.0),
    ("seed/keras/prod_model.pb", 0, 1.0),
    ("public/mlnet_cifar_frozen/frozen.pb", 0, 1.0),
    ("public/mlnet_cifar_saved_model/model/saved_model.pb", 0, 0.98),
    ("public/tribuo_cnn_mnist/graph.pb", 0, 1.0),
    ("public/tf2onnx_ae0/frozen.pb", 0, 1.0),
    ("public/tfnet_example1/model/saved_model.pb", 0, 1.0),
    ("public/tfx_taxi_trained/model/saved_model.pb", 0, 1.0),
    ("public/tfnet_meta_att_rnn_untrained/graph.meta", 0, 0.97),
    ("public/tfnet_meta_lstm_crf_ner/graph.meta", 0, 0.97),
]


@pytest.mark.parametrize(("path", "index", "share"), FILES)
def test_real_models_have_tensorflows_shapes(path: str, index: int, share: float) -> None:
    graph = read_model(data_path(f"models/{path}"), index).graph
    proto = v1.GraphDef.FromString(graph.to_proto().SerializeToString())
    count, less, wrong = check(proto)
    assert not wrong
    assert (count - less) / count >= share


@pytest.mark.parametrize("name", ["bikes", "forecast", "iris", "reviews", "shapes"])
def test_frozen_samples_have_tensorflows_shapes(name: str) -> None:
    frozen = freeze(open_model(ROOT / "sample_models" / name / "saved_model"))
    count, less, wrong = check(v1.GraphDef.FromString(frozen.graph.to_proto().SerializeToString()))
    assert not wrong
    assert less == 0
    assert count > 20


def test_a_frozen_network_has_tensorflows_shapes() -> None:
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    kernel = tf.Variable(np.zeros((3, 3, 3, 8), np.float32))
    per_channel = tf.Variable(np.zeros((3, 3, 8, 2), np.float32))
    scale, offset = tf.Variable(tf.ones(16)), tf.Variable(tf.zeros(16))
    dense = tf.Variable(np.zeros((16, 10), np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 32, 32, 3])])
    def network(x: Any) -> Any:
        x = tf.nn.relu(
            tf.nn.conv2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), kernel, 2, "VALID")
        )
        x = tf.nn.depthwise_conv2d(x, per_channel, [1, 1, 1, 1], "SAME")
        x = tf.nn.batch_normalization(x, 0.0, 1.0, offset, scale, 1e-3)
        x = tf.compat.v1.nn.fused_batch_norm(x, scale, offset, scale, offset, is_training=False)[0]
        x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        x = tf.image.resize(x, [tf.shape(x)[1] * 2, 16])
        x = tf.concat([x, x], axis=-1)
        a, b = tf.split(x, 2, axis=-1)
        x = tf.reduce_mean(a * b, axis=[1, 2])
        x = tf.reshape(x, [tf.shape(x)[0], -1])
        return tf.nn.softmax(tf.matmul(x, dense))

    frozen = convert_variables_to_constants_v2(network.get_concrete_function())
    count, less, wrong = check(frozen.graph.as_graph_def())
    assert not wrong
    assert less == 0
    assert count > 40


def attempt(op: Any, **arguments: Any) -> Any:
    """Add an op to the graph; None where TensorFlow refuses it."""
    try:
        return op(**arguments)
    except (ValueError, tf.errors.InvalidArgumentError):
        event(f"{op.__name__} refused")
        return None


def one(build: Any) -> None:
    """Compare all tensors of a graph built by TensorFlow."""
    with tf.Graph().as_default() as graph:
        build()
    proto = GraphDef.FromString(graph.as_graph_def().SerializeToString())
    _, less, wrong = compare(graph, infer(Graph.of(proto)))
    assert not wrong
    assert less == 0


DIM = st.one_of(st.none(), st.integers(1, 9))
SMALL = st.integers(1, 3)
PADDING = st.sampled_from(["SAME", "VALID"])


@given(
    image=st.tuples(DIM, DIM, DIM),
    window=st.tuples(SMALL, SMALL),
    stride=SMALL,
    dilation=SMALL,
    padding=PADDING,
    depthwise=st.booleans(),
)
def test_convolutions(
    image: Any, window: Any, stride: int, dilation: int, padding: str, depthwise: bool
) -> None:
    def build() -> None:
        x = v1.placeholder(tf.float32, [*image, 2])
        weights = v1.placeholder(tf.float32, [*window, 2, 4])
        if depthwise:
            attempt(
                tf.raw_ops.DepthwiseConv2dNative,
                input=x,
                filter=weights,
                strides=[1, stride, stride, 1],
                padding=padding,
                dilations=[1, dilation, dilation, 1],
            )
        else:
            attempt(
                tf.raw_ops.Conv2D,
                input=x,
                filter=weights,
                strides=[1, stride, stride, 1],
                padding=padding,
                dilations=[1, dilation, dilation, 1],
            )

    one(build)


@given(
    image=st.tuples(DIM, DIM, DIM),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    channels_first=st.booleans(),
)
def test_explicit_padding_and_channels_first(image: Any, pads: Any, channels_first: bool) -> None:
    spatial, none = [pads[:2], pads[2:]], [(0, 0)]
    pairs = [*none, *none, *spatial] if channels_first else [*none, *spatial, *none]

    def build() -> None:
        n, h, w = image
        x = v1.placeholder(tf.float32, [n, 2, h, w] if channels_first else [n, h, w, 2])
        attempt(
            tf.raw_ops.Conv2D,
            input=x,
            filter=v1.placeholder(tf.float32, [3, 2, 2, 4]),
            strides=[1, 1, 2, 2] if channels_first else [1, 2, 2, 1],
            padding="EXPLICIT",
            explicit_paddings=np.ravel(pairs).tolist(),
            data_format="NCHW" if channels_first else "NHWC",
        )

    one(build)


@given(
    image=st.tuples(DIM, DIM, DIM), size=SMALL, stride=SMALL, padding=PADDING, best=st.booleans()
)
def test_pools(image: Any, size: int, stride: int, padding: str, best: bool) -> None:
    def build() -> None:
        x = v1.placeholder(tf.float32, [*image, 3])
        pool = tf.nn.max_pool2d if best else tf.nn.avg_pool2d
        attempt(pool, input=x, ksize=[size, size + 1], strides=[stride, 1], padding=padding)
        bias = v1.placeholder(tf.float32, [3])
        attempt(tf.raw_ops.BiasAdd, value=x, bias=bias)
        turned = v1.placeholder(tf.float32, [image[0], None, *image[1:]])
        attempt(tf.raw_ops.BiasAdd, value=turned, bias=bias, data_format="NCHW")

    one(build)


BOUND = st.integers(-6, 6)


@given(
    dims=st.lists(DIM, min_size=1, max_size=4),
    spec=st.lists(st.tuples(BOUND, BOUND, st.sampled_from([-2, -1, 1, 2])), min_size=1, max_size=4),
    masks=st.tuples(*[st.integers(0, 15)] * 5),
)
def test_strided_slices(dims: Any, spec: Any, masks: Any) -> None:
    def build() -> None:
        begin, end, strides = zip(*spec, strict=True)
        attempt(
            tf.raw_ops.StridedSlice,
            input=v1.placeholder(tf.float32, dims),
            begin=list(begin),
            end=list(end),
            strides=list(strides),
            begin_mask=masks[0],
            end_mask=masks[1],
            ellipsis_mask=masks[2],
            new_axis_mask=masks[3],
            shrink_axis_mask=masks[4],
        )

    one(build)


@given(a=st.lists(DIM, max_size=4), b=st.lists(st.sampled_from([None, 1, 2, 3]), max_size=4))
def test_broadcasts(a: Any, b: Any) -> None:
    one(
        lambda: attempt(
            tf.raw_ops.AddV2, x=v1.placeholder("float", a), y=v1.placeholder("float", b)
        )
    )


@given(dims=st.lists(DIM, max_size=4), target=st.lists(st.integers(-1, 12), max_size=4))
def test_reshapes(dims: Any, target: Any) -> None:
    def build() -> None:
        shape = tf.constant(target, tf.int32)
        attempt(tf.raw_ops.Reshape, tensor=v1.placeholder(tf.float32, dims), shape=shape)

    one(build)


@given(
    dims=st.lists(DIM, min_size=1, max_size=4),
    axes=st.lists(st.integers(-4, 3), max_size=2),
    keep=st.booleans(),
)
def test_reductions_and_axes(dims: Any, axes: Any, keep: bool) -> None:
    def build() -> None:
        x = v1.placeholder(tf.float32, dims)
        attempt(tf.raw_ops.Sum, input=x, axis=axes, keep_dims=keep)
        axis = axes[0] if axes else 0
        attempt(tf.raw_ops.ArgMax, input=x, dimension=axis)
        attempt(tf.raw_ops.ExpandDims, input=x, axis=axis)
        attempt(tf.raw_ops.Pack, values=[x, x], axis=axis)
        attempt(tf.raw_ops.ConcatV2, values=[x, x], axis=axis)
        attempt(
            tf.raw_ops.OneHot,
            indices=tf.cast(x, tf.int32),
            depth=5,
            on_value=1,
            off_value=0,
            axis=-1,
        )
        attempt(tf.raw_ops.Transpose, x=x, perm=list(range(len(dims)))[::-1])
        attempt(tf.raw_ops.Tile, input=x, multiples=[2] * len(dims))
        attempt(tf.raw_ops.Pad, input=x, paddings=[[1, 2]] * len(dims))
        attempt(tf.raw_ops.TopKV2, input=x, k=1)
        attempt(tf.raw_ops.GatherV2, params=x, indices=[[0, 0]], axis=axis)
        attempt(tf.raw_ops.Where, condition=tf.cast(x, tf.bool))
        attempt(tf.raw_ops.Squeeze, input=x, axis=axes)

    one(build)


@given(
    a=st.lists(st.sampled_from([None, 1, 2]), max_size=2),
    b=st.lists(st.sampled_from([None, 1, 2]), max_size=2),
    turn=st.tuples(st.booleans(), st.booleans()),
)
def test_products(a: Any, b: Any, turn: Any) -> None:
    def build() -> None:
        x = v1.placeholder(tf.float32, [*a, *((4, None) if turn[0] else (None, 4))])
        y = v1.placeholder(tf.float32, [*b, *((5, 4) if turn[1] else (4, 5))])
        attempt(tf.raw_ops.BatchMatMulV2, x=x, y=y, adj_x=turn[0], adj_y=turn[1])

    one(build)


@given(
    equation=st.sampled_from(
        ["ab,bc->ac", "abc,cd->abd", "...a,ab->...b", "aecd,abcd->acbe", "ab,ab->", "abc->cba"]
    ),
    sizes=st.lists(st.sampled_from([None, 2, 3]), min_size=6, max_size=6),
)
def test_einsum(equation: str, sizes: Any) -> None:
    def build() -> None:
        dims = dict(zip("abcdef", sizes, strict=True))
        inputs = [
            v1.placeholder(tf.float32, [dims.get(x, 7) for x in term.replace("...", "xy")])
            for term in equation.split("->", 1)[0].split(",")
        ]
        attempt(tf.raw_ops.Einsum, inputs=inputs, equation=equation)

    one(build)


@given(image=st.tuples(DIM, DIM, DIM), block=st.integers(1, 3), pads=st.integers(0, 2))
def test_blocks_and_sizes(image: Any, block: int, pads: int) -> None:
    def build() -> None:
        x = v1.placeholder(tf.float32, [*image, 4])
        amounts = [[pads, pads], [0, pads]]
        y = attempt(tf.raw_ops.SpaceToBatchND, input=x, block_shape=[block, 1], paddings=amounts)
        if y is not None:
            attempt(tf.raw_ops.BatchToSpaceND, input=y, block_shape=[block, 1], crops=amounts)
        attempt(tf.raw_ops.ResizeBilinear, images=x, size=[7, 5])
        attempt(tf.raw_ops.DepthToSpace, input=x, block_size=2)
        attempt(tf.raw_ops.SpaceToDepth, input=x, block_size=block)
        attempt(tf.raw_ops.MirrorPad, input=x, paddings=[[0, 0], *amounts, [0, 0]], mode="REFLECT")
        attempt(
            tf.raw_ops.Conv2DBackpropInput,
            input_sizes=[2, 8, 8, 3],
            filter=v1.placeholder(tf.float32, [3, 3, 3, 4]),
            out_backprop=x,
            strides=[1, 2, 2, 1],
            padding="SAME",
        )

    one(build)
