"""Refuses feeds whose shape a downstream op rejects, before TensorFlow runs the graph.

TensorFlow checks shapes when it imports a graph, except downstream of placeholders without a shape.
Some kernels do not check either and crash the process. This module infers the shapes of the graph
from those of the feeds and compares them with the ranks that each op takes.

Source: tensorflow/core/ops/nn_ops.cc, image_ops.cc, rnn_ops.cc, array_ops.cc and the kernels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import zip_longest

from inspector.errors import BadFeed, InspectorError
from inspector.freezing.flatten import flatten
from inspector.graph.control_flow import names_inside
from inspector.graph.graph import Graph, data_inputs, node_name, split_input, tensor_name
from inspector.graph.protos import NodeDef
from inspector.graph.shapes import infer
from inspector.graph.shapes.dims import MAX_RANK
from inspector.graph.tensors import Shape
from inspector.model.model import Model
from inspector.text import shape as shape_text

Ranks = tuple[int, int]
"""The lowest and the highest rank that an input may have."""

ANY: Ranks = (0, MAX_RANK)
SCALAR: Ranks = (0, 0)
VECTOR: Ranks = (1, 1)
MATRIX: Ranks = (2, 2)
CUBE: Ranks = (3, 3)
IMAGES: Ranks = (4, 4)
VOLUMES: Ranks = (5, 5)
IMAGES_OR_VOLUMES: Ranks = (4, 5)
FROM_VECTOR: Ranks = (1, MAX_RANK)
FROM_MATRIX: Ranks = (2, MAX_RANK)

_RANKS: tuple[tuple[str, tuple[Ranks, ...]], ...] = (
    ("Conv2D _FusedConv2D QuantizedConv2D DepthwiseConv2dNative", (IMAGES, IMAGES)),
    ("_FusedDepthwiseConv2dNative", (IMAGES, IMAGES)),
    ("Conv3D _FusedConv3D", (VOLUMES, VOLUMES)),
    ("Conv2DBackpropInput DepthwiseConv2dNativeBackpropInput", (VECTOR, IMAGES, IMAGES)),
    ("Conv2DBackpropFilter DepthwiseConv2dNativeBackpropFilter", (IMAGES, VECTOR, IMAGES)),
    ("Conv3DBackpropInputV2", (VECTOR, VOLUMES, VOLUMES)),
    ("Conv3DBackpropFilterV2", (VOLUMES, VECTOR, VOLUMES)),
    ("MaxPool AvgPool MaxPoolV2 MaxPoolWithArgmax FractionalMaxPool FractionalAvgPool", (IMAGES,)),
    ("QuantizedMaxPool QuantizedAvgPool LRN SpaceToBatch BatchToSpace", (IMAGES,)),
    ("ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea", (IMAGES, VECTOR)),
    ("CropAndResize", (IMAGES, MATRIX, VECTOR, VECTOR)),
    ("ExtractImagePatches", (IMAGES,)),
    ("SpaceToDepth DepthToSpace", (IMAGES_OR_VOLUMES,)),
    ("Dilation2D", (IMAGES, CUBE)),
    ("MaxPool3D AvgPool3D", (VOLUMES,)),
    ("FusedBatchNorm FusedBatchNormV2", (IMAGES, VECTOR, VECTOR, VECTOR, VECTOR)),
    ("FusedBatchNormV3", (IMAGES_OR_VOLUMES, VECTOR, VECTOR, VECTOR, VECTOR)),
    ("BiasAdd BiasAddV1", (FROM_MATRIX, VECTOR)),
    ("MatMul SparseMatMul _FusedMatMul", (MATRIX, MATRIX)),
    ("BatchMatMul BatchMatMulV2 BatchMatMulV3", (FROM_MATRIX, FROM_MATRIX)),
    ("Softmax LogSoftmax TopK TopKV2", (FROM_VECTOR,)),
    ("InTopK InTopKV2 SparseSoftmaxCrossEntropyWithLogits", (MATRIX, VECTOR)),
    ("NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3", (MATRIX, VECTOR, SCALAR)),
    ("NonMaxSuppressionV4 NonMaxSuppressionV5", (MATRIX, VECTOR, SCALAR)),
    ("CombinedNonMaxSuppression", (IMAGES, CUBE)),
    ("FakeQuantWithMinMaxVarsPerChannel", (FROM_VECTOR, VECTOR, VECTOR)),
    ("CTCGreedyDecoder CTCBeamSearchDecoder", (CUBE, VECTOR)),
    ("GRUBlockCell", (MATRIX, MATRIX, MATRIX, MATRIX, VECTOR, VECTOR)),
    ("LSTMBlockCell", (MATRIX, MATRIX, MATRIX, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR)),
    (
        "BlockLSTM BlockLSTMV2",
        (SCALAR, CUBE, MATRIX, MATRIX, MATRIX, VECTOR, VECTOR, VECTOR, VECTOR),
    ),
)
RANKS: Mapping[str, tuple[Ranks, ...]] = {op: ranks for ops, ranks in _RANKS for op in ops.split()}
"""Op to the ranks of its inputs; inputs behind these may have any."""

_SCATTERS: Mapping[str, int] = {
    "ScatterNd": 0,
    "ScatterNdNonAliasingAdd": 1,
    **dict.fromkeys(("TensorScatterUpdate", "TensorScatterAdd", "TensorScatterSub"), 1),
    **dict.fromkeys(("TensorScatterMax", "TensorScatterMin"), 1),
}
"""Op to the number of its input ``indices``; the next input is ``updates``."""

_LISTED_SIZES = 12


def refuse(
    model: Model,
    fed: Mapping[str, tuple[int, ...]],
    fetches: Collection[str],
    keys: Mapping[str, str] | None = None,
) -> None:
    """Raise BadFeed where an op that the fetches need would get a shape that it rejects.

    Skips the branches of TensorFlow 1: whether they run is not known before.

    Args:
        fed: Tensor name to the shape of its feed.
        keys: Tensor name to its key in the caller's feeds, for the error.
    """
    ends = [node_name(name) for name in fetches]
    graph = _without_calls(model, ends, fed)
    needed = graph.ancestors(ends, stop=[node_name(name) for name in fed])
    checked = [node for node in graph if node.op in RANKS or node.op in _SCATTERS]
    checked = [node for node in checked if node.name in needed]
    if not checked:
        return
    unsure = names_inside(graph)  # a run may leave these out
    variables = {item.name: item.shape for item in model.variables}
    inferred = infer.infer(graph, variables, {tensor_name(name): [*fed[name]] for name in fed})
    for node in checked:
        if node.name in unsure:
            continue
        shapes = [_shape_of(text, inferred) for text in data_inputs(node)]
        if (fault := _fault(node, shapes)) is not None:
            raise BadFeed("feeds", _source(graph, node, fed, keys or {}), fault)


def _without_calls(model: Model, ends: list[str], fed: Iterable[str]) -> Graph:
    graph = model.outline
    try:
        return flatten(graph, ends, [node_name(name) for name in fed], model.custom_ops)[0]
    except InspectorError:  # whatever is wrong with it, TensorFlow has read it
        return graph


def _shape_of(text: str, inferred: Mapping[str, list[Shape | None]]) -> Shape | None:
    source = split_input(text)
    shapes = inferred.get(source.name, [])
    return shapes[source.port] if source.port < len(shapes) else None


def _fault(node: NodeDef, shapes: list[Shape | None]) -> str | None:
    """Which input shape the op rejects, as the reason of a BadFeed; None if it takes all."""
    for number, (shape, ranks) in enumerate(
        zip_longest(shapes, RANKS.get(node.op, ()), fillvalue=None)
    ):
        if shape is None or ranks is None or ranks[0] <= len(shape) <= ranks[1]:
            continue
        need = str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]} or more"
        if ranks[0] < ranks[1] < MAX_RANK:
            need = f"{ranks[0]} to {ranks[1]}"
        return (
            f"gives input {number} of the node '{node.name[:200]}' ({node.op}) the shape "
            f"{_text(shape)}, of rank {len(shape)}: it takes rank {need}"
        )
    return _scatter_fault(node, shapes) if node.op in _SCATTERS else None


def _scatter_fault(node: NodeDef, shapes: list[Shape | None]) -> str | None:
    at = _SCATTERS[node.op]
    indices, updates = (*shapes, None, None)[at : at + 2]
    if indices is None or updates is None:
        return None
    begin = indices[:-1]
    if not indices:
        need = "it takes indices of rank 1 or more"
    elif len(updates) < len(begin) or any(
        a is not None and b is not None and a != b for a, b in zip(begin, updates, strict=False)
    ):
        need = f"it takes updates whose shape begins with {_text(begin)}"
    else:
        return None
    return (
        f"gives the node '{node.name[:200]}' ({node.op}) indices of shape {_text(indices)} and "
        f"updates of shape {_text(updates)}: {need}"
    )


def _text(shape: Shape) -> str:
    return shape_text(shape, _LISTED_SIZES)


def _source(
    graph: Graph, node: NodeDef, fed: Mapping[str, tuple[int, ...]], keys: Mapping[str, str]
) -> str:
    """The feeds that reach a node, with their shapes."""
    reached = graph.ancestors([node.name], stop=[node_name(name) for name in fed])
    names = [name for name in fed if node_name(name) in reached] or list(fed)
    return ", ".join(
        f"{keys.get(name, node_name(name))} of shape {_text([*fed[name]])}" for name in names[:3]
    )
