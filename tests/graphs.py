"""Graphs for tests: written as text, or read from tests/data without any reader of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, MetaGraphDef, NodeDef, SavedModel
from inspector.model.model import Model, Variable


def node(name: str, op: str, *inputs: str, **attrs: Any) -> NodeDef:
    """A NodeDef; each attr becomes what its Python type and its key say, a dtype by name."""
    made = NodeDef(name=name, op=op, input=list(inputs))
    for key, value in attrs.items():
        attr = made.attr[key]
        if isinstance(value, np.ndarray):
            attr.tensor.CopyFrom(tensors.from_numpy(value))
        elif key in ("dtype", "Tidx", "out_type", "output_type") or key.startswith(
            ("T", "DstT", "SrcT")
        ):
            attr.type = tensors.dtype_enum(value)
        elif isinstance(value, bool):
            attr.b = value
        elif isinstance(value, int):
            attr.i = value
        elif isinstance(value, float):
            attr.f = value
        elif isinstance(value, str):
            attr.s = value.encode()
        elif isinstance(value, list) and key == "shape":
            attr.shape.CopyFrom(tensors.make_shape(value))
        elif isinstance(value, list):
            attr.list.i.extend(value)
        elif value is None:
            attr.shape.unknown_rank = True
        else:
            attr.CopyFrom(value)
    return made


def const(name: str, value: Any, dtype: Any = None) -> NodeDef:
    """A Const of a numpy array."""
    array = np.asarray(value, dtype)
    made = node(name, "Const", value=array)
    made.attr["dtype"].type = tensors.enum_of(array)
    return made


def placeholder(name: str, shape: list[int | None] | None, dtype: str = "float32") -> NodeDef:
    """A Placeholder of this shape."""
    return node(name, "Placeholder", dtype=dtype, shape=shape)


def graph(*nodes: NodeDef, producer: int = 2000) -> Graph:
    """A graph of these nodes, written by a TensorFlow of this GraphDef version."""
    proto = GraphDef(node=list(nodes))
    proto.versions.producer = producer
    return Graph.of(proto)


def read_model(path: Path, index: int = 0, variables: list[Variable] | None = None) -> Model:
    """A model from a .pb or .meta file, a SavedModel's MetaGraphDef number `index`."""
    data = path.read_bytes()
    if path.name == "saved_model.pb":
        metas = SavedModel.FromString(data).meta_graphs
        meta = metas[index]
        tag_sets = [list(item.meta_info_def.tags) for item in metas]
        kind = "SavedModel"
    elif path.suffix == ".meta":
        meta = MetaGraphDef.FromString(data)
        tag_sets, kind = [], "MetaGraphDef"
    else:
        return Model("GraphDef", path.name, Graph.of(GraphDef.FromString(data)))
    return Model(
        kind,
        path.parent.name,
        Graph.of(meta.graph_def),
        tag_sets=tag_sets,
        tag_set=list(meta.meta_info_def.tags),
        signatures=dict(meta.signature_def),
        producer=meta.meta_info_def.tensorflow_version,
        variables=variables or [],
        meta_graph=meta,
    )
