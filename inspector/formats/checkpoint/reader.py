"""Checkpoints: the reader. With its ``.meta`` file a checkpoint is a model like a SavedModel.

Source: python/training/saver.py; python/checkpoint/checkpoint.py for those of TensorFlow 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector.errors import InspectorError
from inspector.files.paths import is_file
from inspector.formats import foreign, meta_graph, recognise
from inspector.formats.checkpoint import locate
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model.checkpoint import OBJECT_GRAPH, Checkpoint
from inspector.model.model import Model


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a checkpoint from the file that lists its variables; no value is read.

    It has no tag-sets, so `tag_set` is ignored. Without a readable graph the Model has the
    variables only, and a warning.

    Raises: CorruptModel, LimitExceeded.
    """
    checkpoint = locate.open_at(path)
    warnings = meta_graph.missing_shards(checkpoint)
    meta = checkpoint.prefix.with_name(checkpoint.name + meta_graph.SUFFIX)
    model = None
    if is_file(meta):
        try:
            kind, message = recognise.load(meta)
            if kind == "MetaGraphDef":
                model = meta_graph.of("Checkpoint", meta, message, checkpoint, warnings)
            else:
                reason = foreign.describe(message, meta.name) or "no MetaGraphDef"
                warnings.insert(0, f"There is no graph: the file {meta.name} is {reason}.")
        except InspectorError as err:
            warnings.insert(0, f"The graph cannot be read: {err}.")
    else:
        warnings.insert(0, _no_graph(checkpoint))
    if model is None:
        model = _without_graph(checkpoint, warnings)
    model.name, model.path = checkpoint.name, path
    return model


def _no_graph(checkpoint: Checkpoint) -> str:
    if OBJECT_GRAPH in checkpoint:
        return (
            "This is a checkpoint of TensorFlow 2: it holds the variables of objects and no graph. "
            "Only the variables can be shown; the graph is in the SavedModel, or in the program."
        )
    name = checkpoint.name + meta_graph.SUFFIX
    return f"There is no graph: the file {name} is not beside it. Only the variables can be shown."


def _without_graph(checkpoint: Checkpoint, warnings: list[str]) -> Model:
    files = [(file.name, file.stat().st_size) for file in checkpoint.files()]
    size = sum(size for _, size in files)
    return Model(
        format="Checkpoint",
        name=checkpoint.name,
        graph=Graph.of(GraphDef()),
        variables=checkpoint.variables(),
        files=files,
        bytes={"graph": 0, "variables": size, "assets": 0, "total": size},
        checkpoint=checkpoint,
        warnings=warnings,
    )
