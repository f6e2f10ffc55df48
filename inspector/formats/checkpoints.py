"""Checkpoints: the reader. With the ``.meta`` beside it a checkpoint is a model like a SavedModel.

Source: python/training/saver.py; python/checkpoint/checkpoint.py for those of TensorFlow 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector.checkpoint import OBJECT_GRAPH, Checkpoint
from inspector.errors import InspectorError
from inspector.formats import checkpoint_files, meta_graph, recognising
from inspector.graph import Graph
from inspector.model import Model
from inspector.paths import is_file
from inspector.protos import GraphDef


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a checkpoint from the file that tells what it holds; its values stay where they are.

    It has no tag-sets, so a tag-set asked for is passed over. Without a graph, or with one that
    cannot be read, there are the variables to look at, and a warning.

    Raises: CorruptModel, LimitExceeded.
    """
    checkpoint = checkpoint_files.open_at(path)
    warnings = meta_graph.missing_shards(checkpoint)
    meta = checkpoint.prefix.with_name(checkpoint.name + meta_graph.SUFFIX)
    model = None
    if is_file(meta):
        try:
            kind, message = recognising.load(meta)
            if kind == "MetaGraphDef":
                model = meta_graph.of("Checkpoint", meta, message, checkpoint, warnings)
            else:
                warnings.insert(0, f"The file {meta.name} is no MetaGraphDef: there is no graph.")
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
