"""TransformGraph, with the signature of the removed tensorflow.tools.graph_transforms.

A script or notebook of TensorFlow 1 changes one import line:

    from inspector import TransformGraph

Source: tensorflow/tools/graph_transforms/__init__.py of TensorFlow 1.15.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspector.graph import Graph
from inspector.passes import pipeline
from inspector.passes.base import MAX_CONSTANT
from inspector.protos import FunctionDefLibrary, GraphDef, NodeDef, TensorProto, VersionDef, parse


def TransformGraph(  # noqa: N802 - the name that scripts call
    input_graph_def: Any,
    inputs: Sequence[str] | str,
    outputs: Sequence[str] | str,
    transforms: Sequence[str] | str,
) -> Any:
    """Run transforms on a GraphDef and return a new one; the one given in stays as it is.

    Args:
        input_graph_def: A GraphDef of any kind, TensorFlow's own or Inspector's.
        inputs: Names of the nodes or tensors that are fed, as a list or with commas between.
        outputs: Names of the nodes or tensors that are fetched, likewise.
        transforms: What to do, e.g. ``["fold_constants(ignore_errors=true)", "fold_batch_norms"]``.
    Returns: A GraphDef of the class given in.
    Raises: TransformError, GraphError: see `inspector.errors`.
    """
    kind = type(input_graph_def)
    if kind is GraphDef:
        graph = Graph.of(input_graph_def)
    else:
        graph = Graph.of(
            parse(GraphDef, input_graph_def.SerializeToString(), "input_graph_def", "GraphDef")
        )
    result = pipeline.run(
        graph, _names(inputs), _names(outputs), transforms, evaluate=evaluate
    ).graph
    return result.to_proto() if kind is GraphDef else kind.FromString(result.to_bytes())


def evaluate(
    nodes: Sequence[NodeDef],
    fetches: Sequence[str],
    library: FunctionDefLibrary,
    *,
    versions: VersionDef | None = None,
    max_bytes: int = MAX_CONSTANT,
) -> Mapping[str, TensorProto | str]:
    """TensorFlow's kernels in this process, imported when something is first to be computed."""
    from inspector.backend.evaluate import evaluate as run_kernels

    return run_kernels(nodes, fetches, library, versions=versions, max_bytes=max_bytes)


def _names(names: Sequence[str] | str) -> list[str]:
    text = names if isinstance(names, str) else ",".join(names)
    return [name.strip() for name in text.split(",") if name.strip()]
