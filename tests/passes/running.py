"""TensorFlow as the judge: runs graphs, and the C++ tool that its wheel still carries."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from inspector.graph import tensors
from inspector.graph.graph import Graph, split_input
from inspector.graph.protos import GraphDef, NodeDef
from inspector.passes.base import PassContext
from inspector.passes.rewrite.channels import layout
from inspector.passes.rewrite.constants import constant
from tests.conftest import data_path
from tests.passes.text import node as text_node


def run(
    graph: Graph, fetches: list[str], feeds: dict[str, Any] | None = None, first: str = ""
) -> list[Any]:
    """Values of tensors, from a session of one thread that rewrites nothing.

    Args:
        first: A node to run before, e.g. one that fills tables.
    """
    import tensorflow as tf

    proto = tf.compat.v1.GraphDef.FromString(channels_last(graph).to_bytes())
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=1, allow_soft_placement=True
    )
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default() as imported:
        tf.graph_util.import_graph_def(proto, name="")
        with tf.compat.v1.Session(graph=imported, config=config) as session:
            names = [f"{source.name}:{source.port}" for source in map(split_input, fetches)]
            values = {
                f"{name}:0" if ":" not in name else name: v for name, v in (feeds or {}).items()
            }
            if first:
                session.run(imported.get_operation_by_name(first))
            return list(session.run(names, values))


def channels_last(graph: Graph) -> Graph:
    """The graph with what the CPU cannot do channels first done channels last, between transposes.

    Their names are such that data goes through them unseen: ``n`` is the transposed result.
    """
    nodes: list[NodeDef] = []
    for node in graph.nodes:
        first = node.op.startswith(("Conv2D", "FusedBatchNorm")) and layout(node) == "NCHW"
        if not first:
            nodes.append(node)
            continue
        name, made = node.name, NodeDef()
        made.CopyFrom(node)
        made.name = f"{name}/last"
        made.input[0] = f"{name}/in"
        made.attr["data_format"].s = b"NHWC"
        for key, perm in (("to_last", [0, 2, 3, 1]), ("to_first", [0, 3, 1, 2])):
            nodes.append(constant(f"{name}/{key}", perm, tensors.INT32))
        nodes += [
            text_node(f"{name}/in = Transpose({node.input[0]}, {name}/to_last)"),
            made,
            text_node(f"{name} = Transpose({name}/last, {name}/to_first)"),
        ]
    return graph.with_nodes(nodes)


def feeds_for(graph: Graph, seed: int = 0) -> dict[str, Any]:
    """Random values for every Placeholder; an unknown dimension is 2."""
    rng = np.random.RandomState(seed)
    found: dict[str, Any] = {}
    for node in graph.nodes:
        if node.op == "Placeholder":
            shape = tensors.shape_of(node.attr["shape"].shape) or []
            sizes = [2 if size is None else size for size in shape]
            dtype = tensors.numpy_dtype(node.attr["dtype"].type)
            found[node.name] = (rng.standard_normal(sizes) * 2).astype(dtype)
    return found


def assert_same_values(
    before: Graph,
    after: Graph,
    fetches: list[str],
    rtol: float = 0.0,
    atol: float = 0.0,
    first: str = "",
) -> None:
    """Both graphs give the same values on the same random feeds, within a tolerance.

    `atol` is multiplied with the largest value, where that is over 1; `first` is run before the
    second graph's values are fetched.
    """
    feeds = feeds_for(before)
    kept = {name: value for name, value in feeds.items() if name in after}
    results = run(after, fetches, kept, first)
    for expected, found in zip(run(before, fetches, feeds), results, strict=True):
        assert expected.dtype == found.dtype
        sizes = np.abs(expected.astype(float))
        scale = max(1.0, float(sizes[np.isfinite(sizes)].max(initial=0.0)))
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol * scale)


def evaluate(*args: Any, **options: Any) -> Any:
    """Kernels for fold_constants, in this process."""
    from inspector.backend.evaluate import evaluate as run_kernels

    return run_kernels(*args, **options)


def context(inputs: Any = ("x",), outputs: Any = ("y",), **options: Any) -> PassContext:
    """A context with kernels and Grappler at hand, and files open."""
    return PassContext(
        tuple(inputs), tuple(outputs), evaluate, optimise_graph, **{"files": True, **options}
    )


def optimise_graph(*args: Any) -> Graph:
    """Grappler, in this process."""
    from inspector.backend.grappler import optimise_graph as grappler

    return grappler(*args)


def cpp_tool(graph: Graph, inputs: list[str], outputs: list[str], transforms: str) -> Graph:
    """The C++ tool's own result."""
    import tensorflow  # noqa: F401 - the binding needs its library loaded
    from tensorflow.python.util import _pywrap_transform_graph as binding

    data = binding.TransformGraphWithStringInputs(
        graph.to_bytes(), ",".join(inputs).encode(), ",".join(outputs).encode(), transforms.encode()
    )
    return Graph.of(GraphDef.FromString(data))


def differences(
    reference: Graph, candidate: Graph, inputs: list[str], outputs: list[str], **options: Any
) -> list[str]:
    """What the judge of tests/data/gtt sees between two graphs."""
    import tensorflow as tf

    sys.path.insert(0, str(data_path("gtt")))
    try:
        import compare
    finally:
        sys.path.pop(0)

    kind = tf.compat.v1.GraphDef
    found: list[str] = compare.structural_diff(
        kind.FromString(reference.to_bytes()),
        kind.FromString(candidate.to_bytes()),
        inputs,
        outputs,
        **options,
    )
    return found
