"""The two doors of TensorFlow 1's Graph Transform Tool: its Python function and its binary.

A script or notebook of TensorFlow 1 changes one import line:

    from inspector import TransformGraph

Kernels and Grappler run in a worker, as everywhere: the graph is not trusted.

Source: tensorflow/tools/graph_transforms/__init__.py and transform_graph.cc of TensorFlow 1.15.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector import settings
from inspector.errors import CorruptModel, LimitExceeded, MissingFile
from inspector.files import storing
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model import foreign_classes
from inspector.passes import pipeline

Texts = Sequence[str | bytes] | str | bytes


def TransformGraph(  # noqa: N802 - the name that scripts call
    input_graph_def: GraphDef,
    inputs: Texts,
    outputs: Texts,
    transforms: Texts,
) -> GraphDef:
    """Run transforms on a GraphDef and return a new one; the argument stays as it is.

    Args:
        input_graph_def: A GraphDef of any kind, TensorFlow's own or Inspector's.
        inputs: Names of the nodes or tensors that are fed, as a list or separated by commas; here
            and below str or bytes.
        outputs: Names of the nodes or tensors that are fetched, likewise.
        transforms: E.g. ``["fold_constants(ignore_errors=true)", "fold_batch_norms"]``.
    Returns: A GraphDef of the class of the argument.
    Raises: TransformError, GraphError, JobError: see `inspector.errors`.
    """
    graph = foreign_classes.graph_of(input_graph_def)
    calls = [_text(item) for item in _listed(transforms)]
    after = _run(graph, _names(inputs), _names(outputs), calls)
    result: GraphDef = foreign_classes.graph_def_of(after, type(input_graph_def))
    return result


def transform_graph_file(
    source: Path,
    target: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    transforms: str,
    *,
    as_text: bool = False,
) -> None:
    """Read a GraphDef, run transforms on it, and write the result, as the tool's binary did.

    Overwrites the target.

    Args:
        source: A GraphDef, binary or text.
        as_text: Write protobuf's text format.
    Raises: MissingFile, CorruptModel, LimitExceeded; TransformError, GraphError, JobError.
    """
    from google.protobuf import text_format

    pipeline.plan(transforms)  # syntax errors come before those of the file
    after = _run(Graph.of(_read(source)), inputs, outputs, transforms)
    with storing.new_file(target, force=True) as file:
        if as_text:
            file.write_text(text_format.MessageToString(after.to_proto()), encoding="utf-8")
        else:
            file.write_bytes(after.to_bytes())


def _run(
    graph: Graph, inputs: Sequence[str], outputs: Sequence[str], transforms: pipeline.Transforms
) -> Graph:
    from inspector.jobs.client import kernels

    options = pipeline.PipelineOptions(kernels.evaluate, kernels.grappler, files=True)
    return pipeline.run(graph, inputs, outputs, transforms, options).graph


def _read(path: Path) -> GraphDef:
    """A GraphDef, binary or text; tries binary first, as the tool did.

    Raises: MissingFile, CorruptModel, LimitExceeded.
    """
    from google.protobuf import text_format

    if path.exists() and not path.is_file():
        raise MissingFile(path.name, "in_graph", "is no file")  # a pipe would never end
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as err:
        why = err.strerror if isinstance(err, OSError) else None
        raise MissingFile(path.name, "in_graph", why or str(err)) from err
    graph_def = GraphDef()
    try:
        graph_def.ParseFromString(data)
        return graph_def
    except Exception as binary:  # protobuf's own error, of a class that depends on its engine
        if b"\0" in data[:4096]:
            raise CorruptModel(path.name, "GraphDef", str(binary)) from binary
    if len(data) > (most := settings.TEXT_SIZE()):
        why = f"text graphs are read up to {most >> 20} MiB"
        raise LimitExceeded(path.name, "GraphDef", why)
    try:
        return text_format.Parse(data, GraphDef())
    except (text_format.ParseError, UnicodeDecodeError) as err:
        raise CorruptModel(path.name, "GraphDef", f"neither binary nor text: {err}") from err


def _names(names: Texts) -> list[str]:
    text = ",".join(map(_text, _listed(names)))
    return [name.strip() for name in text.split(",") if name.strip()]


def _listed(texts: Texts) -> Sequence[str | bytes]:
    return [texts] if isinstance(texts, str | bytes) else texts


def _text(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text
