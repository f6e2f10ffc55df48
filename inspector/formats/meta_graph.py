"""MetaGraphDefs: the reader of ``.meta`` files, and what all files with a MetaGraphDef share.

A ``.meta`` file is written beside each checkpoint of TensorFlow 1; its graph is the one that was
trained, with the ops that save and restore it. The values are in the checkpoint.

Source: tensorflow/core/protobuf/meta_graph.proto; python/framework/meta_graph.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector import wire
from inspector.checkpoint import Checkpoint
from inspector.errors import CorruptModel, InspectorError
from inspector.formats import checkpoint_files
from inspector.graph import node_name
from inspector.model import LazyGraph, Model
from inspector.protos import MetaGraphDef, parse
from inspector.variable_flow import VARIABLES
from inspector.wire import GraphBytes

SUFFIX = ".meta"

MAX_PARTS = 2_000_000
"""Most messages and texts of a MetaGraphDef without its graph: each is looked at."""

_GRAPH_DEF, _OBJECT_GRAPH = 2, 7
_INIT_TABLES = "table_initializer"


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a MetaGraphDef; the checkpoint of the same prefix gives the values if it is there.

    It has no tag-sets to choose from, so a tag-set asked for is passed over.

    Raises: CorruptModel.
    """
    warnings: list[str] = []
    prefix = path.with_name(path.name.removesuffix(SUFFIX)) if path.suffix == SUFFIX else None
    checkpoint = None if prefix is None else _beside(prefix, warnings)
    model = of("MetaGraphDef", path, data, checkpoint, warnings)
    if (
        checkpoint is None
        and not warnings
        and not model.outline.op_counts().keys().isdisjoint(VARIABLES)
    ):
        warnings.append("No checkpoint lies beside the file: its variables have no values.")
    return model


def of(
    format: str,
    path: Path,
    data: memoryview,
    checkpoint: Checkpoint | None,
    warnings: list[str],
) -> Model:
    """The Model of a ``.meta`` file and the checkpoint beside it. Raises: CorruptModel."""
    try:
        meta, graph = split(data, 0, len(data), path.name)
    except wire.WireError as err:
        raise wire.told(err, path.name, "MetaGraphDef") from err
    values = [] if checkpoint is None else checkpoint.files()
    files = sorted((file.name, file.stat().st_size) for file in (path, *values))
    sizes = {"graph": path.stat().st_size, "variables": 0, "assets": 0}
    sizes["variables"] = sum(size for _, size in files) - sizes["graph"]
    tags = list(meta.meta_info_def.tags)
    model = Model(
        format=format,
        name=path.name,
        path=path,
        graph=LazyGraph(graph),
        source=graph,
        tag_sets=[tags] if tags else [],
        tag_set=tags,
        signatures={key: meta.signature_def[key] for key in sorted(meta.signature_def)},
        producer=meta.meta_info_def.tensorflow_version,
        variables=[] if checkpoint is None else checkpoint.variables(),
        files=files,
        bytes={**sizes, "total": sum(sizes.values())},
        meta_graph=meta,
        checkpoint=checkpoint,
        warnings=warnings,
    )
    # Parsed here, so that a damaged file is told when it is opened and not when it is looked at.
    model.init_op = _init_op(model)
    return model


def split(data: memoryview, start: int, end: int, name: str) -> tuple[MetaGraphDef, GraphBytes]:
    """The MetaGraphDef at these bytes without its GraphDef and object graph, and the GraphDef.

    Raises: CorruptModel, LimitExceeded, WireError.
    """
    graph = GraphBytes(data, end, end, name)
    parts, copied = [], start
    for field in wire.fields(data, start, end):
        if field.number == _GRAPH_DEF:
            if graph.end > graph.start:
                raise CorruptModel(name, "MetaGraphDef", "it holds two GraphDefs")
            graph = GraphBytes(data, field.start, field.end, name)
        if field.number in (_GRAPH_DEF, _OBJECT_GRAPH):
            parts.append(data[copied : field.tag])
            copied = field.end
    parts.append(data[copied:end])
    return parse(MetaGraphDef, b"".join(parts), name, "MetaGraphDef", MAX_PARTS), graph


def missing_shards(checkpoint: Checkpoint) -> list[str]:
    """A warning where files with values are not there, else nothing."""
    names = checkpoint.missing()
    if not names:
        return []
    more = f", and {len(names) - 1} more," if len(names) > 1 else ""
    verb = "are" if len(names) > 1 else "is"
    return [
        f"The data file {names[0]}{more} {verb} not there: values of variables are missing, and "
        "what needs them cannot be frozen or run. Put it beside the other files of the checkpoint."
    ]


def _beside(prefix: Path, warnings: list[str]) -> Checkpoint | None:
    try:
        place = checkpoint_files.find(prefix)
        if place is None:
            return None
        checkpoint = checkpoint_files.open_at(place)
    except InspectorError as err:
        warnings.append(f"The values of the variables cannot be read: {err}.")
        return None
    warnings += missing_shards(checkpoint)
    return checkpoint


def _init_op(model: Model) -> str | None:
    """The node that fills all tables: their one initialiser, or the NoOp that waits for them all.

    A Saver does not keep it: the collection of the graph names the initialisers.
    """
    graph, meta = model.outline, model.meta_graph
    if meta is None or _INIT_TABLES not in meta.collection_def:
        return None
    names = {node_name(name) for name in meta.collection_def[_INIT_TABLES].node_list.value}
    known = names & {node.name for node in graph}
    if len(known) == 1:
        return known.pop()
    for node in graph if known else ():
        if node.op == "NoOp" and {node_name(text) for text in node.input} == known:
            return str(node.name)
    if known:
        model.warnings.append("No op fills all of its tables: freezing leaves them empty.")
    return None
