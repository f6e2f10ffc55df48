"""TFLite files: the reader. `file` reads the contents, `graph` makes the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector.formats.tflite import facts, metadata
from inspector.formats.tflite.file import FORMAT, LiteFile
from inspector.formats.tflite.graph import LiteGraph
from inspector.formats.tflite.lite_model import LiteModel
from inspector.formats.tflite.values import dtype_enum
from inspector.graph.graph import Graph, tensor_name
from inspector.graph.protos import SignatureDef, TensorInfo
from inspector.graph.tensors import make_shape
from inspector.model.model import Model


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a TFLite model. It has no tag-sets, so `tag_set` is ignored.

    Raises: CorruptModel, LimitExceeded.
    """
    file = LiteFile(data, path.name)
    lite = LiteGraph(file)
    size = len(data)

    def infos(subgraph: int, numbers: Mapping[str, int]) -> dict[str, TensorInfo]:
        tensors = file.subgraphs[subgraph].tensors
        return {
            key: TensorInfo(
                name=tensor_name(lite.source.get((subgraph, number), tensors[number].label)),
                dtype=dtype_enum(tensors[number]),
                tensor_shape=make_shape(tensors[number].dims),
            )
            for key, number in numbers.items()
        }

    return LiteModel(
        format=FORMAT,
        name=path.name,
        path=path,
        graph=Graph(lite.nodes),
        lite=lite,
        associated_files=metadata.files(path, data),
        signatures={
            item.key: SignatureDef(
                inputs=infos(item.subgraph, item.inputs),
                outputs=infos(item.subgraph, item.outputs),
            )
            for item in file.signatures
        },
        files=[(path.name, size)],
        bytes={"graph": size, "variables": 0, "assets": 0, "total": size},
        warnings=facts.warnings(file),
    )
