"""MetaGraphDefs: the reader of ``.meta`` files, and what all files with a MetaGraphDef share.

A ``.meta`` file is written beside each checkpoint of TensorFlow 1; its graph is the one that was
trained, with the ops that save and restore it. The values are in the checkpoint.

Source: tensorflow/core/protobuf/meta_graph.proto; python/framework/meta_graph.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector.errors import CorruptModel, InspectorError
from inspector.files import git_lfs
from inspector.formats.checkpoint import locate
from inspector.graph import wire
from inspector.graph.graph import node_name
from inspector.graph.op_sets import VARIABLES
from inspector.graph.protos import MetaGraphDef, parse
from inspector.graph.wire import GraphBytes
from inspector.model.checkpoint import Checkpoint
from inspector.model.lazy_graph import LazyGraph
from inspector.model.model import Model

SUFFIX = ".meta"

MAX_PARTS = 2_000_000
"""Most messages and texts of a MetaGraphDef without its graph: each is looked at."""

_GRAPH_DEF, _OBJECT_GRAPH = 2, 7
_LISTED = 5
_INIT_TABLES = "table_initializer"


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a MetaGraphDef; values come from the checkpoint of the same prefix, if there is one.

    It has no tag-sets to choose from, so `tag_set` is ignored.

    Raises: CorruptModel.
    """
    warnings: list[str] = []
    checkpoint, no_values = _beside(path, warnings)
    model = of("MetaGraphDef", path, data, checkpoint, warnings)
    model.no_values = no_values
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
        meta, graph, _objects = split(data, 0, len(data), path.name)
    except wire.WireError as err:
        raise wire.read_error(err, path.name, "MetaGraphDef") from err
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
    # Parsed now, so that a damaged file is an error of opening and not of a later step.
    model.init_op = _init_op(model)
    return model


def split(
    data: memoryview, start: int, end: int, name: str
) -> tuple[MetaGraphDef, GraphBytes, memoryview | None]:
    """The MetaGraphDef at these bytes without its GraphDef and object graph, and these two.

    Raises: CorruptModel, LimitExceeded, WireError.
    """
    graph = GraphBytes(data, end, end, name)
    objects: memoryview | None = None
    parts, copied = [], start
    for field in wire.fields(data, start, end):
        if field.wire != wire.BYTES:
            continue
        if field.number == _GRAPH_DEF:
            if graph.end > graph.start:
                raise CorruptModel(name, "MetaGraphDef", "it holds two GraphDefs")
            graph = GraphBytes(data, field.start, field.end, name)
        if field.number == _OBJECT_GRAPH:
            objects = data[field.start : field.end]
        if field.number in (_GRAPH_DEF, _OBJECT_GRAPH):
            parts.append(data[copied : field.tag])
            copied = field.end
    parts.append(data[copied:end])
    return parse(MetaGraphDef, b"".join(parts), name, "MetaGraphDef", MAX_PARTS), graph, objects


def missing_shards(checkpoint: Checkpoint) -> list[str]:
    """A warning each where files with values are not there, or only their Git LFS pointers."""
    pointers = [
        f"The data file {name} is {reason}. What needs its variables cannot be frozen or run."
        for name, reason in git_lfs.pointers(checkpoint.files()).items()
    ][:_LISTED]
    names = checkpoint.missing()
    if not names:
        return pointers
    more = f", and {len(names) - 1} more," if len(names) > 1 else ""
    verb = "are" if len(names) > 1 else "is"
    return [
        *pointers,
        f"The data file {names[0]}{more} {verb} not there: values of variables are missing, and "
        "what needs them cannot be frozen or run. Put it beside the other files of the checkpoint.",
    ]


def _beside(path: Path, warnings: list[str]) -> tuple[Checkpoint | None, str]:
    """The checkpoint of a ``.meta`` file, or None and the reason for `Model.no_values`."""
    name = path.name.removesuffix(SUFFIX)
    missing = f"the checkpoint '{name}' is not beside it ({name}.index and its data files)"
    try:
        place = locate.find(path.with_name(name)) if path.suffix == SUFFIX else None
        if place is None:
            return None, missing
        checkpoint = locate.open_at(place)
    except InspectorError as err:
        warnings.append(f"The values of the variables cannot be read: {err}.")
        return None, f"the checkpoint cannot be read: {err}"
    warnings += missing_shards(checkpoint)
    return checkpoint, ""


def _init_op(model: Model) -> str | None:
    """The node that fills all tables: their only initialiser, or the NoOp that runs them all.

    A Saver does not record it; the graph's collection lists the initialisers.
    """
    graph, meta = model.outline, model.meta_graph
    if meta is None or _INIT_TABLES not in meta.collection_def:
        return None
    names = {node_name(name) for name in meta.collection_def[_INIT_TABLES].node_list.value}
    initialisers = names & {node.name for node in graph}
    if len(initialisers) == 1:
        return initialisers.pop()
    for node in graph if initialisers else ():
        if node.op == "NoOp" and {node_name(text) for text in node.input} == initialisers:
            return str(node.name)
    return None
