"""GraphDef files: the reader, and the writer of what stands alone without any other file.

Source: tensorflow/core/framework/graph.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspector.model import LazyGraph, Model
from inspector.wire import GraphBytes


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a GraphDef. It has no tag-sets, so a tag-set asked for is passed over.

    Raises: CorruptModel.
    """
    source = GraphBytes(data, 0, len(data), path.name)
    model = Model(
        format="GraphDef",
        name=path.name,
        path=path,
        graph=LazyGraph(source),
        source=source,
        files=[(path.name, len(data))],
        bytes={"graph": len(data), "variables": 0, "assets": 0, "total": len(data)},
    )
    # Parsed here, so that a damaged file is told when it is opened and not when it is looked at.
    _ = model.outline.nodes
    return model
