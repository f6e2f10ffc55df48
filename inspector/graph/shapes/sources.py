"""Shape rules of ops where tensors come from, and of those that steer: feeds, variables, tables,
parsed examples, sparse tensors, lists, branches and loops.

Source: tensorflow/core/ops/state_ops.cc, resource_variable_ops.cc, control_flow_ops.cc,
functional_ops.cc, lookup_ops.cc, parsing_ops.cc, sparse_ops.cc, data_flow_ops.cc, list_ops.cc.
"""

from __future__ import annotations

from inspector.graph import tensors
from inspector.graph.shapes.dims import (
    MAX_RANK,
    Contradiction,
    Shapes,
    View,
    join,
    merge,
    merge_dim,
    table,
)
from inspector.graph.tensors import Shape

OLD_PLACEHOLDER = 24
"""Graphs before this GraphDef version wrote an unknown shape as that of a scalar."""


def const(view: View) -> Shapes:
    """``Const``: the shape is written in the tensor."""
    value = view.attr("value")
    if value is None:
        return [None]
    proto = value.tensor.tensor_shape
    if proto.unknown_rank or len(proto.dim) > MAX_RANK:
        return [None]
    return [[dim.size for dim in proto.dim]]


def placeholder(view: View) -> Shapes:
    """``Placeholder``: the ``shape`` attribute; of old graphs a scalar's says nothing."""
    shape = shape_attr(view, "shape")
    return [None if shape == [] and view.producer < OLD_PLACEHOLDER else shape]


def declared(view: View) -> Shapes:
    """The ``shape`` attribute."""
    return [shape_attr(view, "shape")]


def ensure_shape(view: View) -> Shapes:
    """``EnsureShape``: the input's shape, and the attribute's."""
    return [merge(view.shapes[0], shape_attr(view, "shape"))]


def variable_v1(view: View) -> Shapes:
    """``Variable``: an empty shape says nothing."""
    return [shape_attr(view, "shape") or None]


def var_handle(view: View) -> Shapes:
    """``VarHandleOp``: a scalar; its variable has the ``shape`` attribute."""
    view.new_handle = shape_attr(view, "shape")
    return [[]]


def read_variable(view: View) -> Shapes:
    """``ReadVariableOp``: the shape of the variable."""
    return [view.handle]


def resource_gather(view: View) -> Shapes:
    """``ResourceGather``: rows of a variable."""
    data, indices, batch = view.handle, view.shapes[1], view.number("batch_dims")
    if data is None or indices is None or not 0 <= batch <= len(indices):
        return [None]
    if len(data) <= batch:
        raise Contradiction("nothing to gather from")
    return [[*data[:batch], *indices[batch:], *data[batch + 1 :]]]


def resource_gather_nd(view: View) -> Shapes:
    """``ResourceGatherNd``: the last axis of the indices names axes of the variable."""
    data, indices = view.handle, view.shapes[1]
    depth = indices[-1] if indices else None
    if data is None or indices is None or depth is None or depth > len(data):
        return [None]
    return [[*indices[:-1], *data[depth:]]]


def variable_shape(view: View) -> Shapes:
    """``VariableShape``: a vector as long as the variable's rank."""
    return [[None if view.handle is None else len(view.handle)]]


def simple_table(view: View) -> Shapes:
    """``HashTableV2`` and kin: each key has one value."""
    view.new_handle = []
    return [[]]


def table_of_tensors(view: View) -> Shapes:
    """``MutableHashTableOfTensorsV2``: each key has a tensor."""
    view.new_handle = shape_attr(view, "value_shape")
    return [[]]


def table_find(view: View) -> Shapes:
    """``LookupTableFindV2``: a value for every key."""
    keys = view.shapes[1]
    return [None if keys is None or view.handle is None else [*keys, *view.handle]]


def switch(view: View) -> Shapes:
    """``Switch``: the data goes one way or the other."""
    return [view.shapes[0]] * view.outputs


def merge_op(view: View) -> Shapes:
    """``Merge``: whichever input comes; and its number."""
    common = view.shapes[0]
    for shape in view.shapes[1:]:
        common = join(common, shape)
    return [common, []]


def stated(view: View) -> Shapes:
    """``If``, ``While``, ``Case``, iterators: the ``output_shapes`` attribute."""
    value = view.attr("output_shapes")
    shapes = [] if value is None else list(value.list.shape)
    if len(shapes) != view.outputs:
        return [None] * view.outputs
    return [_short(tensors.shape_of(shape)) for shape in shapes]


def argument(view: View) -> Shapes:
    """``_Arg``: unknown but for ``_output_shapes``, which the engine reads."""
    return [None]


def parse_example(view: View) -> Shapes:
    """``ParseExample`` and V2: indices, values and shapes of the sparse, then the dense."""
    ranks = {"ParseExample": 1, "ParseSingleExample": 0}
    rank = ranks.get(view.node.op)
    batch = view.shapes[0] if rank is None else view.ranked(0, rank)
    attr = view.attr("dense_shapes")
    dense = [] if attr is None else [tensors.shape_of(shape) for shape in attr.list.shape]
    sparse_attr = view.attr("sparse_types")
    sparse = 0 if sparse_attr is None else len(sparse_attr.list.type)
    if batch is None or sparse * 3 > view.outputs:
        return [None] * view.outputs
    indices: Shape = [None, len(batch) + 1]
    values: Shape = [None]
    shape: Shape = [len(batch) + 1]
    out: list[Shape | None] = []
    for kind in (indices, values, shape):
        out += [kind] * sparse
    out += [None if item is None else [*batch, *item] for item in dense]
    return out[: view.outputs] + [None] * (view.outputs - len(out))


def decode_raw(view: View) -> Shapes:
    """``DecodeRaw``: the bytes of each string along a new axis."""
    return [None if view.shapes[0] is None else [*view.shapes[0], None]]


def string_split(view: View) -> Shapes:
    """``StringSplit``: a sparse matrix."""
    return [[None, 2], [None], [2]]


def string_join(view: View) -> Shapes:
    """``StringJoin``: scalars join with tensors of one shape."""
    common: Shape | None = []
    for shape in view.shapes:
        if shape != []:
            common = shape if common == [] else merge(common, shape)
    return [common if None not in view.shapes else None]


def sparse_to_dense(view: View) -> Shapes:
    """``SparseToDense``: input 1 spells the shape."""
    return [view.dims(1)]


def sparse_reshape(view: View) -> Shapes:
    """``SparseReshape``: new indices, and the new shape."""
    rows, target = view.ranked(0, 2)[0], view.ranked(2, 1)
    return [[rows, target[0]], target]


def sparse_fill_empty_rows(view: View) -> Shapes:
    """``SparseFillEmptyRows``: indices, values, a flag per row, and where each row went."""
    rows, columns = view.ranked(0, 2)
    dense = view.dims(3)
    return [[None, columns], [None], [dense[0] if dense else None], [rows]]


def segments(view: View) -> Shapes:
    """``SegmentSum`` and kin: as many rows as there are segments."""
    data = view.shapes[0]
    return [None if not data else [None, *data[1:]]]


def unsorted_segments(view: View) -> Shapes:
    """``UnsortedSegmentSum`` and kin: the number of segments is given."""
    data, ids = view.shapes[0], view.shapes[1]
    if data is None or ids is None:
        return [None]
    if len(ids) > len(data):
        raise Contradiction("ids of a higher rank than the data")
    return [[view.scalar(2), *data[len(ids) :]]]


def sparse_dense_matmul(view: View) -> Shapes:
    """``SparseTensorDenseMatMul``: rows of the sparse, columns of the dense matrix."""
    shape, dense = view.dims(2), view.ranked(3, 2)
    turned_a, turned_b = view.flag("adjoint_a"), view.flag("adjoint_b")
    rows = None if shape is None or len(shape) != 2 else shape[1 if turned_a else 0]
    return [[rows, dense[0 if turned_b else 1]]]


def scatter_nd(view: View) -> Shapes:
    """``ScatterNd``: input 2 spells the shape."""
    return [view.dims(2)]


def tensor_array(view: View) -> Shapes:
    """``TensorArrayV3`` and its gradient: the handle, two of something by TensorFlow's own word,
    and the flow.
    """
    return [[2], []]


def tensor_array_gather(view: View) -> Shapes:
    """``TensorArrayGatherV3``: as many elements as indices."""
    count, element = view.ranked(1, 1)[0], shape_attr(view, "element_shape")
    return [None if element is None else [count, *element]]


def list_element(view: View) -> Shapes:
    """``TensorListGetItem``: input 2 spells the element's shape."""
    return [view.dims(2)]


def list_stack(view: View) -> Shapes:
    """``TensorListStack``: all elements along a new axis."""
    element, count = view.dims(1), view.number("num_elements", -1)
    return [None if element is None else [None if count < 0 else count, *element]]


def in_top_k(view: View) -> Shapes:
    """``InTopK``: a flag for each row."""
    return [[merge_dim(view.ranked(0, 2)[0], view.ranked(1, 1)[0])]]


def multinomial(view: View) -> Shapes:
    """``Multinomial``: draws for each row."""
    return [[view.ranked(0, 2)[0], view.scalar(1)]]


def two(view: View) -> Shapes:
    """``StackV2``, and handles of old: two strings."""
    return [[2]]


def shape_attr(view: View, key: str) -> Shape | None:
    """A shape attribute, unknown where it is missing."""
    value = view.attr(key)
    return None if value is None else _short(tensors.shape_of(value.shape))


def _short(shape: Shape | None) -> Shape | None:
    return None if shape is None or len(shape) > MAX_RANK else shape


RULES = table(
    (const, "Const"),
    (placeholder, "Placeholder"),
    (declared, "PlaceholderV2 PlaceholderWithDefault VariableV2 TemporaryVariable ImmutableConst"),
    (ensure_shape, "EnsureShape"),
    (variable_v1, "Variable"),
    (var_handle, "VarHandleOp"),
    (read_variable, "ReadVariableOp"),
    (resource_gather, "ResourceGather"),
    (resource_gather_nd, "ResourceGatherNd"),
    (variable_shape, "VariableShape"),
    (simple_table, "HashTableV2 MutableHashTableV2 AnonymousHashTable"),
    (table_of_tensors, "MutableHashTableOfTensorsV2"),
    (table_find, "LookupTableFindV2"),
    (two, "HashTable MutableHashTable FIFOQueue RandomShuffleQueue StackV2"),
    (switch, "Switch RefSwitch"),
    (merge_op, "Merge RefMerge"),
    (stated, "If StatelessIf While StatelessWhile Case StatelessCase IteratorGetNext"),
    (stated, "IteratorGetNextSync DatasetToSingleElement"),
    (argument, "_Arg"),
    (parse_example, "ParseExample ParseExampleV2 ParseSingleExample"),
    (decode_raw, "DecodeRaw"),
    (string_split, "StringSplit StringSplitV2"),
    (string_join, "StringJoin"),
    (sparse_to_dense, "SparseToDense Conv2DBackpropFilter DepthwiseConv2dNativeBackpropFilter"),
    (sparse_reshape, "SparseReshape"),
    (sparse_fill_empty_rows, "SparseFillEmptyRows"),
    (segments, "SegmentSum SegmentMean SegmentMax SegmentMin SegmentProd"),
    (segments, "SparseSegmentSum SparseSegmentMean SparseSegmentSqrtN"),
    (unsorted_segments, "UnsortedSegmentSum UnsortedSegmentMax UnsortedSegmentMin"),
    (sparse_dense_matmul, "SparseTensorDenseMatMul"),
    (scatter_nd, "ScatterNd"),
    (tensor_array, "TensorArrayV3 TensorArrayGradV3"),
    (tensor_array_gather, "TensorArrayGatherV3"),
    (list_element, "TensorListGetItem"),
    (list_stack, "TensorListStack"),
    (in_top_k, "InTopK InTopKV2"),
    (multinomial, "Multinomial"),
)
