"""TensorFlow's own graph optimiser, Grappler, on a frozen graph.

Grappler does not check what it is given: a bad graph ends the process. So TensorFlow imports the
graph first, which refuses what is wrong with it. Grappler also computes constants, with ops that
are declared stateless; some of these read files, and a graph that has them is refused.

Source: tensorflow/core/grappler/optimizers/meta_optimizer.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.python.grappler import tf_optimizer

from inspector.backend.loading import translated
from inspector.backend.sessions import to_tensorflow
from inspector.errors import BlockedOp, TransformFailed
from inspector.graph import op_safety, opdefs
from inspector.graph.graph import Graph, node_name
from inspector.graph.op_sets import REQUIRED_PLACEHOLDERS
from inspector.graph.protos import GraphDef, parse
from inspector.model.model import Model
from inspector.passes.transforms.grappler import tidied

_CPU = "/device:CPU:0"
ROUNDS = 2
"""Some optimisers make work for others."""


def optimise_graph(
    graph: Graph, inputs: Sequence[str], outputs: Sequence[str], optimizers: Sequence[str]
) -> Graph:
    """The graph after these optimisers; see `passes.base.Grappler`.

    Raises: BlockedOp; RunFailed where TensorFlow refuses the graph; TransformFailed.
    """
    _refuse(graph)
    with translated(Model(format="GraphDef", name="grappler", graph=graph), "import"):
        imported = tf.Graph()
        with imported.as_default():
            tf.compat.v1.import_graph_def(to_tensorflow(_prepared(graph).to_proto()), name="")
    meta = tf.compat.v1.MetaGraphDef()
    meta.graph_def.CopyFrom(to_tensorflow(_prepared(graph).to_proto()))
    protected = dict.fromkeys([*map(node_name, outputs), *map(node_name, inputs)])
    meta.collection_def["train_op"].node_list.value.extend(protected)
    signature = meta.signature_def["serving_default"]
    for name in dict.fromkeys(map(node_name, inputs)):
        info = signature.inputs[name]
        info.name, info.dtype = (
            f"{name}:0",
            imported.get_tensor_by_name(f"{name}:0").dtype.as_datatype_enum,
        )
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    options = config.graph_options.rewrite_options
    options.optimizers.extend(optimizers)
    options.meta_optimizer_iterations = ROUNDS
    options.min_graph_nodes = -1
    options.fail_on_optimizer_errors = True
    try:
        optimised = tf_optimizer.OptimizeGraph(config, meta)
    except (tf.errors.OpError, ValueError, RuntimeError) as err:
        raise TransformFailed("grappler", ", ".join(optimizers), str(err)) from err
    after = parse(GraphDef, optimised.SerializeToString(), "grappler", "GraphDef")
    after.versions.CopyFrom(graph.versions)
    return tidied(graph, Graph.of(after), _CPU)


def _refuse(graph: Graph) -> None:
    """Raise BlockedOp for an op that reaches beyond the model and may be computed ahead."""
    bodies = [function.node_def for function in graph.library.function]
    for node in (node for nodes in (graph.nodes, *bodies) for node in nodes):
        ruling = op_safety.ruling(node)
        declared = opdefs.get(node.op)
        if ruling.severity == op_safety.BLOCK and declared is not None and not declared.is_stateful:
            why = f"is not computed for a model you may not know: {ruling.why}"
            raise BlockedOp("grappler", node.op, why)


def _prepared(graph: Graph) -> Graph:
    """Write out default attributes and devices; without these some optimisers do nothing."""
    nodes = []
    for node in graph.nodes:
        full = opdefs.with_defaults(node)
        if full.op in REQUIRED_PLACEHOLDERS and "shape" not in full.attr:
            full.attr["shape"].shape.unknown_rank = True
        full.device = full.device or _CPU
        full.attr.pop("_output_shapes", None)
        nodes.append(full)
    return graph.with_nodes(nodes)
