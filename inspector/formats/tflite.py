"""TFLite files as a Model: `tflite_file` reads what is in them, `tflite_graph` makes the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector.graph import Graph, tensor_name
from inspector.model import Model
from inspector.protos import SignatureDef, TensorInfo
from inspector.tensors import make_shape


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a TFLite model. It has no tag-sets, so a tag-set asked for is passed over.

    Raises: CorruptModel, LimitExceeded.
    """
    # Here, so that models of other formats do not wait for LiteRT's classes.
    from inspector import tflite_facts
    from inspector.tflite_file import FORMAT, LiteFile
    from inspector.tflite_graph import LiteGraph
    from inspector.tflite_values import dtype_enum

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

    return Model(
        format=FORMAT,
        name=path.name,
        path=path,
        graph=Graph(lite.nodes),
        lite=lite,
        signatures={
            item.key: SignatureDef(
                inputs=infos(item.subgraph, item.inputs),
                outputs=infos(item.subgraph, item.outputs),
            )
            for item in file.signatures
        },
        files=[(path.name, size)],
        bytes={"graph": size, "variables": 0, "assets": 0, "total": size},
        warnings=tflite_facts.warnings(file),
    )
