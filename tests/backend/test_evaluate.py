"""Folding's kernels: the values are a session's bit for bit, and failures stay where they are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf
from tensorflow.python.framework import function as tf1_function

from inspector.backend.evaluate import evaluate
from inspector.backend.sessions import quiet_config, to_tensorflow
from inspector.graph.protos import GraphDef
from inspector.graph.tensors import dtype_enum, from_numpy, to_numpy

pytestmark = pytest.mark.tensorflow
v1 = tf.compat.v1


def ours(graph):
    """Nodes in order, library and versions of a TensorFlow graph, as our messages."""
    proto = GraphDef.FromString(graph.as_graph_def().SerializeToString())
    return list(proto.node), proto.library, proto.versions


def check(build, **options):
    """Build a graph, evaluate its tensors, compare with a session bit for bit."""
    with tf.Graph().as_default() as graph:
        wanted = build()
        wanted = wanted if isinstance(wanted, (list, tuple)) else [wanted]
        with v1.Session(config=quiet_config()) as session:
            expected = session.run(list(wanted))
    nodes, library, versions = ours(graph)
    names = [tensor.name for tensor in wanted]
    results = evaluate(nodes, names, library, versions=versions, **options)
    assert list(results) == names
    for tensor, value in zip(wanted, expected, strict=True):
        got = results[tensor.name]
        assert not isinstance(got, str), got
        assert got.dtype == tensor.dtype.as_datatype_enum
        array, want = to_numpy(got), np.asarray(value)
        if want.dtype.fields:
            want = want.view(array.dtype)
        assert array.shape == want.shape
        if want.dtype == object:
            assert array.tolist() == want.tolist()
        else:
            assert array.tobytes() == want.astype(array.dtype).tobytes()


RNG = np.random.default_rng(1)
X = RNG.normal(size=(4, 6)).astype(np.float32)
IMAGE = RNG.normal(size=(1, 9, 9, 3)).astype(np.float32)
KERNEL = RNG.normal(size=(3, 3, 3, 4)).astype(np.float32)


CASES = {
    "arithmetic": lambda: tf.sqrt(tf.abs(tf.constant(X) * 3.0 - 1.0)) / 7.0,
    "matmul": lambda: v1.matmul(tf.constant(X), tf.constant(X), transpose_b=True),
    "conv": lambda: v1.nn.conv2d(tf.constant(IMAGE), tf.constant(KERNEL), [1, 2, 2, 1], "SAME"),
    "batch norm": lambda: v1.nn.fused_batch_norm(
        tf.constant(IMAGE), [1.0, 2.0, 3.0], [0.0] * 3, [0.1] * 3, [1.5] * 3, is_training=False
    )[0],
    "shape list": lambda: tf.stack([tf.shape(tf.constant(IMAGE))[0], 27]),
    "strided slice": lambda: tf.constant(IMAGE)[:, ::2, tf.newaxis, ..., -1],
    "two outputs": lambda: list(tf.split(tf.constant(X), [2, 4], axis=1)),
    "top k": lambda: list(v1.nn.top_k(tf.constant(X), 2)),
    "cast": lambda: [tf.cast(tf.constant(X), t) for t in (tf.int32, tf.float16, tf.bfloat16)],
    "bool": lambda: tf.constant(X) > 0.0,
    "complex": lambda: tf.signal.fft(tf.cast(tf.constant(X), tf.complex64)),
    "strings": lambda: [v1.strings.join([["a", "b\xff"], "c"]), v1.as_string(tf.constant(X))],
    "int64": lambda: tf.range(tf.constant(5, tf.int64)) * 2**40,
    "einsum": lambda: tf.einsum("ij,kj->ik", tf.constant(X), tf.constant(X)),
    "quantise": lambda: list(tf.quantization.quantize(tf.constant(X), -2.0, 2.0, tf.quint8)),
    "scalar": lambda: tf.reduce_sum(tf.constant(X)),
    "empty": lambda: tf.zeros([0, 3]),
    "splat": lambda: tf.fill([3, 4], 2.5),
}


@pytest.mark.parametrize("name", CASES)
def test_equal_to_a_session_bit_for_bit(name):
    check(CASES[name])


QUANTISED = {
    "qint8": np.int8,
    "quint8": np.uint8,
    "qint16": np.int16,
    "quint16": np.uint16,
    "qint32": np.int32,
}


@pytest.mark.parametrize(("dtype", "plain"), QUANTISED.items())
def test_quantised_constants_go_in_and_out(dtype, plain):
    values = np.array([0, 7, 100], plain)
    graph = GraphDef()
    const = graph.node.add(name="c", op="Const")
    const.attr["dtype"].type = dtype_enum(dtype)
    const.attr["value"].tensor.CopyFrom(from_numpy(values, dtype_enum(dtype)))
    same = graph.node.add(name="same", op="Identity", input=["c"])
    same.attr["T"].type = dtype_enum(dtype)
    real = graph.node.add(name="real", op="Dequantize", input=["c", "low", "high"])
    real.attr["T"].type = dtype_enum(dtype)
    for name, limit in (("low", -1.0), ("high", 1.0)):
        bound = graph.node.add(name=name, op="Const")
        bound.attr["dtype"].type = 1
        bound.attr["value"].tensor.CopyFrom(from_numpy(np.float32(limit)))
    nodes = [const, same, *graph.node[3:], real]
    results = evaluate(nodes, ["same:0", "real:0"], versions=graph.versions)
    assert results["same:0"] == const.attr["value"].tensor
    with tf.Graph().as_default(), v1.Session(config=quiet_config()) as session:
        v1.import_graph_def(to_tensorflow(graph), name="")
        expected = session.run("real:0")
    assert to_numpy(results["real:0"]).tobytes() == expected.tobytes()


def test_control_flow_of_tensorflow_1():
    def build():
        v1.disable_control_flow_v2()
        try:
            cond = v1.cond(tf.constant(True), lambda: tf.constant(1.5), lambda: tf.constant(2.5))
            loop = v1.while_loop(lambda i: i < 10, lambda i: i + 3, [tf.constant(0)])
        finally:
            v1.enable_control_flow_v2()
        return [cond, tf.identity(loop)]

    check(build)


def test_calls_of_functions():
    @tf.function(autograph=False)
    def double(x):
        return x * 2.0

    check(lambda: double(tf.constant(X)))

    @tf1_function.Defun(tf.float32)
    def triple(x):
        return x * 3.0

    check(lambda: triple(tf.constant(X)))


def test_an_op_of_old_producers_only():
    nodes, library, versions = ours(tf.Graph())
    graph = GraphDef(library=library, versions=versions)
    graph.versions.producer = 8
    for name, value in {
        "t": IMAGE,
        "m": [0.1] * 3,
        "v": [1.5] * 3,
        "b": [0.0] * 3,
        "g": [1.0] * 3,
    }.items():
        with tf.Graph().as_default() as one:
            tf.constant(value, tf.float32, name=name)
        nodes += ours(one)[0]
    bn = graph.node.add(name="bn", op="BatchNormWithGlobalNormalization", input=list("tmvbg"))
    bn.attr["T"].type = 1
    bn.attr["variance_epsilon"].f = 0.001
    bn.attr["scale_after_normalization"].b = True
    nodes.append(bn)
    got = evaluate(nodes, ["bn:0"], graph.library, versions=graph.versions)["bn:0"]
    expected = (IMAGE - np.float32(0.1)) / np.sqrt(1.501)
    assert not isinstance(got, str), got
    np.testing.assert_allclose(to_numpy(got), expected, rtol=1e-5)
    graph.versions.producer = 27
    assert isinstance(evaluate(nodes, ["bn:0"], versions=graph.versions)["bn:0"], str)


def test_one_failing_kernel_fails_only_its_dependants():
    with tf.Graph().as_default() as graph:
        good = tf.constant(X) + 1.0
        bad = tf.raw_ops.Gather(params=tf.constant(X), indices=[99], name="bad")
        after = tf.identity(bad, name="after")
        with tf.control_dependencies([bad]):
            waits = tf.identity(good, name="waits")
    nodes, library, versions = ours(graph)
    names = [t.name for t in (good, bad, after, waits)]
    results = evaluate(nodes, names, library, versions=versions)
    assert np.array_equal(to_numpy(results[names[0]]), X + 1)
    for name in names[1:]:
        assert "99" in results[name], results[name]


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: tf.io.read_file("/etc/hostname"), "ReadFile reads any file"),
        (lambda: tf.raw_ops.MatchingFiles(pattern="/etc/*"), "MatchingFiles reads any file"),
        (lambda: v1.random.uniform([2]), "RandomUniform gives different values"),
        (lambda: v1.placeholder(tf.float32, [2]), "Placeholder stands for a value that is fed"),
        (
            lambda: tf.raw_ops.ImmutableConst(
                dtype=tf.uint8, shape=[4], memory_region_name="/etc/hostname"
            ),
            "ImmutableConst reads any file",
        ),
    ],
)
def test_unsafe_and_stateful_ops_never_run(build, says):
    with tf.Graph().as_default() as graph:
        first = build()
        names = [first.name, tf.identity(first).name]
    nodes, library, versions = ours(graph)
    results = evaluate(nodes, names, library, versions=versions)
    assert all(says in results[name] for name in names), results


def test_unsafe_ops_inside_functions_never_run():
    @tf.function(autograph=False)
    def inner():
        return tf.io.read_file("/etc/hostname")

    @tf.function(autograph=False)
    def outer():
        return tf.identity(inner())

    with tf.Graph().as_default() as graph:
        name = outer().name
    nodes, library, versions = ours(graph)
    for node in nodes:  # as a model would that wants to look harmless
        node.op = node.op.replace("StatefulPartitionedCall", "PartitionedCall")
    results = evaluate(nodes, [name], library, versions=versions)
    assert "ReadFile reads any file" in results[name]


def test_a_function_that_calls_itself_does_not_hang_the_check():
    with tf.Graph().as_default() as graph:
        tf.constant(1.0, name="c")
    nodes, library, _versions = ours(graph)
    function = library.function.add()
    function.signature.name = "again"
    inner = function.node_def.add(name="x", op="PartitionedCall")
    inner.attr["f"].func.name = "again"
    function.node_def.add(name="read", op="ReadFile")
    call = GraphDef().node.add(name="call", op="PartitionedCall")
    call.attr["f"].func.name = "again"
    assert "ReadFile" in evaluate([*nodes, call], ["call:0"], library)["call:0"]


def test_a_large_result_is_refused_with_its_size():
    with tf.Graph().as_default() as graph:
        name = tf.fill([1000, 1000], 1.0).name
        part = tf.fill([1000, 1000], 1.0)[0].name
        text = v1.strings.join([tf.fill([100], "x" * 100), "y"]).name
    nodes, library, versions = ours(graph)
    results = evaluate(nodes, [name, part, text], library, versions=versions, max_bytes=5000)
    assert results[name] == "would be 4,000,000 bytes, the limit is 5,000"
    assert to_numpy(results[part]).shape == (1000,)
    assert results[text].startswith("would be 10,100 bytes")


def test_bad_constants_and_missing_nodes_are_reasons():
    node = GraphDef().node.add(name="c", op="Const")
    node.attr["dtype"].type = 1
    tensor = node.attr["value"].tensor
    tensor.dtype = 1
    for size in (1 << 20, 1 << 20):
        tensor.tensor_shape.dim.add(size=size)
    tensor.float_val.append(1.0)
    reader = GraphDef().node.add(name="r", op="Identity", input=["gone"])
    reader.attr["T"].type = 1
    results = evaluate([node, reader], ["c:0", "r:0", "c:5", "nowhere:0"])
    assert all(isinstance(value, str) for value in results.values()), results
    assert "gone" in results["r:0"]
    assert "not in the graph" in results["nowhere:0"]


@pytest.mark.parametrize("first", [True, False])
def test_what_goes_to_a_session_takes_no_refused_op_along(first, tmp_path):
    """The other input is a call, which only a session runs: the whole part must be judged."""
    secret = tmp_path / "secret"
    secret.write_text("secret")

    @tf.function(autograph=False)
    def text():
        return tf.constant("text")

    with tf.Graph().as_default() as graph:
        read, called = tf.io.read_file(str(secret)), text()
        both = tf.strings.join([read, called] if first else [called, read])
        behind = tf.io.read_file(called)
        names = [both.name, tf.identity(behind).name]
    nodes, library, versions = ours(graph)
    results = evaluate(nodes, names, library, versions=versions)
    assert all("ReadFile reads any file" in results[name] for name in names), results
