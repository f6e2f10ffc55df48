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

Texts = Sequence[str | bytes] | str | bytes


def TransformGraph(  # noqa: N802 - the name that scripts call
    input_graph_def: Any,
    inputs: Texts,
    outputs: Texts,
    transforms: Texts,
) -> Any:
    """Run transforms on a GraphDef and return a new one; the one given in stays as it is.

    Args:
        input_graph_def: A GraphDef of any kind, TensorFlow's own or Inspector's.
        inputs: Names of the nodes or tensors that are fed, as a list or with commas between; here
            and below bytes do too.
        outputs: Names of the nodes or tensors that are fetched, likewise.
        transforms: What to do, e.g. ``["fold_constants(ignore_errors=true)", "fold_batch_norms"]``.
    Returns: A GraphDef of the class given in.
    Raises: TransformError, GraphError: see `inspector.errors`.
    """
    kind = type(input_graph_def)
    graph = Graph.of(input_graph_def) if kind is GraphDef else _ours(input_graph_def)
    calls = [_text(item) for item in _listed(transforms)]
    done = pipeline.run(
        graph,
        _names(inputs),
        _names(outputs),
        calls,
        evaluate=evaluate,
        grappler=grappler,
        files=True,
    )
    result = done.graph
    return result.to_proto() if kind is GraphDef else _theirs(result, kind)


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


def grappler(
    graph: Graph, inputs: Sequence[str], outputs: Sequence[str], optimizers: Sequence[str]
) -> Graph:
    """TensorFlow's graph optimiser in this process, imported likewise."""
    from inspector.backend.grappler import optimise_graph

    return optimise_graph(graph, inputs, outputs, optimizers)


def _ours(proto: Any) -> Graph:
    """A foreign GraphDef, node by node: its own way of serialising moves the weights many times."""

    def convert(kind: Any, message: Any) -> Any:
        return parse(kind, message.SerializeToString(), "input_graph_def", "GraphDef")

    nodes = [convert(NodeDef, node) for node in proto.node]
    library = convert(FunctionDefLibrary, proto.library)
    return Graph(nodes, library, convert(VersionDef, proto.versions))


def _theirs(graph: Graph, kind: Any) -> Any:
    proto = kind()
    for node in graph.nodes:
        proto.node.add().MergeFromString(node.SerializeToString())
    if graph.library.ByteSize():
        proto.library.MergeFromString(graph.library.SerializeToString())
    if graph.versions.ByteSize():
        proto.versions.MergeFromString(graph.versions.SerializeToString())
    return proto


def _names(names: Texts) -> list[str]:
    text = ",".join(map(_text, _listed(names)))
    return [name.strip() for name in text.split(",") if name.strip()]


def _listed(texts: Texts) -> Sequence[str | bytes]:
    return [texts] if isinstance(texts, str | bytes) else texts


def _text(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text
