"""What the readers of a fed tensor ask of it: a shape, a value, a range, or encoded bytes.

A placeholder without a shape may be an image, a learning rate or a switch. The ops that read it
decide: the predicate of a branch is a scalar, the input of a convolution has four dimensions, the
indices of a gather stay below the number of rows. Where an op would take any value, `feed_values`
chooses one as in prediction.

Source: the shape functions in tensorflow/core/ops/*.cc.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph, data_inputs, node_name, split_input
from inspector.graph.op_sets import ENTERS, SWITCHES
from inspector.graph.protos import NodeDef
from inspector.graph.shapes import elementwise, infer
from inspector.graph.tensors import Shape
from inspector.optimisation import feed_contents, feed_values, sparse_feeds
from inspector.optimisation.feed_contents import Content
from inspector.optimisation.feed_shapes import RANKS
from inspector.optimisation.feed_values import Read

_MOST_READS = 500
"""Readers that are looked at for one fed tensor."""
_WIDTH = 8
"""Of a sparse tensor where no reader asks for another one."""
_ALL_READS, _FEW_READS = 100_000, 20
"""Readers for all fed tensors, about, and for one where there are thousands: they may share all."""


@dataclass(frozen=True)
class Role:
    """What generated values of a fed tensor should be like.

    Attributes:
        shape: What its readers take; None where they take any, a None inside for any size.
        value: The value of every element; None for random ones.
        below: Whole numbers are smaller than this; None where there is no limit.
        content: What a text holds that the graph decodes; None for plain text.
        splits: The row splits of a ragged tensor: one more than its rows, in rising order.
        sparse: The part of a sparse tensor that it is; None for another tensor.
        width: Of the shape of a sparse tensor: the dimensions after the first.
    """

    shape: Shape | None = None
    value: float | None = None
    below: int | None = None
    content: Content | None = None
    splits: bool = False
    sparse: sparse_feeds.Part | None = None
    width: int = _WIDTH


def _table(*rows: tuple[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
    return {op: places for ops, places in rows for op in ops.split()}


_PREDICATES = _table(
    ("Switch RefSwitch", (1,)), ("If StatelessIf Case StatelessCase LoopCond Assert", (0,))
)
_COUNTS = _table(
    ("Range", (0, 1, 2)),
    ("LinSpace", (2,)),
    ("ExpandDims TopKV2 ArgMax ArgMin Cumsum Cumprod TensorListGetItem TensorListSetItem", (1,)),
    ("TensorArrayReadV3 TensorArrayWriteV3 TensorListReserve TensorListResize Bincount", (1,)),
    ("Split Concat RandomUniformIntV2", (0,)),
    ("SplitV GatherV2 UnsortedSegmentSum UnsortedSegmentMean UnsortedSegmentMax", (2,)),
    ("OneHot MatrixBandPart", (1,)),
    ("TensorArrayV3 TensorListFromTensor", (0,)),
    ("NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4", (2,)),
    ("NonMaxSuppressionV5", (2,)),
)
"""Inputs that are whole scalars: numbers of elements, axes, positions."""
_SCALARS = _table(
    ("LinSpace", (0, 1)),
    ("OneHot", (2, 3)),
    ("Fill EncodeWav Mfcc", (1,)),
    ("FakeQuantWithMinMaxVars QuantizeV2 Dequantize QuantizedRelu Requantize", (1, 2)),
    ("SparseToDense", (3,)),
    ("LookupTableFindV2 LookupTableFind", (2,)),
    ("ApplyGradientDescent ResourceApplyGradientDescent", (1,)),
    ("ApplyMomentum ResourceApplyMomentum ApplyAdagrad ResourceApplyAdagrad", (2,)),
    ("ApplyAdam ResourceApplyAdam", (3, 4, 5, 6, 7, 8)),
    ("ApplyRMSProp ResourceApplyRMSProp", (3, 4, 5, 6)),
    ("ScalarSummary", (1,)),
    ("NonMaxSuppressionV2 NonMaxSuppressionV3", (3, 4)),
    ("NonMaxSuppressionV4 NonMaxSuppressionV5", (3, 4)),
)
_SHAPE_INPUTS = _table(
    ("Fill RandomUniform RandomStandardNormal TruncatedNormal RandomUniformInt ScatterNd", (0,)),
    ("StatelessRandomUniform StatelessRandomUniformV2 StatelessRandomNormalV2", (0,)),
    ("Reshape Tile BroadcastTo Transpose ResizeBilinear ResizeNearestNeighbor", (1,)),
    ("Slice", (1, 2)),
    ("StridedSlice", (1, 2, 3)),
)
"""Inputs that are vectors of sizes."""
_SPLITS = _table(
    ("StringNGrams UnicodeEncode", (1,)),
    ("RaggedBincount RaggedCountSparseOutput RaggedTensorToVariant RaggedGather", (0,)),
)
_ROW_SPLITS = re.compile(r"(^|/)row_splits(_[0-9]+)*$")
_FROM_SPLITS = "/RowPartitionFromRowSplits"
"""The scope in which TensorFlow makes a ragged tensor of values and row splits."""
_INDICES = _table(
    ("Gather GatherV2 ResourceGather", (1,)),
    ("SparseSoftmaxCrossEntropyWithLogits", (1,)),
    ("InTopK InTopKV2", (1,)),
)
"""Inputs whose elements are positions along an axis of another input."""
_FLIPS: Mapping[str, tuple[str, str]] = {
    "MatMul": ("transpose_a", "transpose_b"),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), ("adj_x", "adj_y")),
}
"""Products of matrices to the attributes that transpose their inputs."""
_CARRIES = frozenset(
    {"PlaceholderWithDefault", "Reshape", "Squeeze", "ExpandDims", "EnsureShape", "Unique"}
)
"""Ops that hand values on in another shape."""


class Roles:
    """The roles of the fed tensors of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._columns = graph.columns()
        self._inferred = infer.Inferred(graph)
        self._tensors = 0

    def of(self, tensor: str, dtype: str, shape: Shape | None) -> Role:
        """The role of a fed tensor.

        Args:
            dtype: Its dtype by name, e.g. ``float32``.
            shape: What the graph says of its shape; None where nothing.
        """
        self._tensors += 1
        if dtype == "string":
            most = self._share(feed_contents.MOST_NODES)
            content = feed_contents.decoded(self._graph, tensor, most)
            scalar: Shape | None = [] if content is not None and content.is_single else None
            return Role(shape=scalar, content=content)
        if _kind(dtype) == "i" and self._is_splits(tensor):
            return Role(shape=[None], splits=True)
        if dtype == "int64":
            part = sparse_feeds.part_of(self._graph, tensor, self._carried(tensor))
            if part is not None:
                return self._of_sparse(tensor, part)
        reads = list(self._reads(tensor))
        likely = None if shape is not None and None not in shape else self._shape(reads)
        kind = _kind(dtype)
        role = Role(shape=likely, below=self._below(tensor) if kind in "iu" else None)
        open_shape = shape if shape is not None else likely
        if open_shape:
            return role
        value = self._value(tensor, kind, reads)
        if open_shape is None and value is not None:  # its readers are out of sight, in functions
            return replace(role, shape=[], value=value)
        return replace(role, value=value) if open_shape == [] else role

    def _of_sparse(self, tensor: str, part: sparse_feeds.Part) -> Role:
        width = sparse_feeds.columns_of(self._inferred, self._carried(tensor)) or _WIDTH
        return Role(shape=[None, 2] if part == "indices" else [2], sparse=part, width=width)

    def _share(self, most: int) -> int:
        """How many readers to look at for this tensor: fewer after many others."""
        return max(_FEW_READS, min(most, _ALL_READS // self._tensors))

    def _reads(self, tensor: str) -> Iterator[Read]:
        """The inputs that a tensor reaches through elementwise ops, the nearest first."""
        source = split_input(tensor)
        number = self._columns.index.get(source.name)
        if number is None:
            return
        todo: deque[tuple[int, int, bool]] = deque([(number, source.port, True)])
        visited = {(number, source.port)}
        reads, most = 0, self._share(_MOST_READS)
        while todo and reads < most:
            number, port, same_shape = todo.popleft()
            for reader, at in self._edges(number, port):
                reads += 1
                if reads > most:
                    return
                node = self._graph.nodes[reader]
                yield Read(node, at, same_shape)
                is_same = same_shape
                if infer.RULES.get(node.op) is elementwise.binary:
                    is_same = same_shape and self._is_small(node, 1 - at)
                elif node.op == "Squeeze":  # of a scalar nothing but a scalar comes
                    is_same = False
                elif not _keeps_shape(node.op, at):
                    continue
                for out in (0, 1) if node.op in SWITCHES else (0,):
                    if (reader, out) not in visited:
                        visited.add((reader, out))
                        todo.append((reader, out, is_same))

    def _edges(self, number: int, port: int) -> Iterator[tuple[int, int]]:
        """Each reader of an output, and which of its inputs that is."""
        order, starts = self._by_source
        for edge in order[starts[number] : starts[number + 1]].tolist():
            if int(self._columns.port[edge]) == port:
                reader = int(self._columns.reader[edge])
                yield reader, edge - int(self._columns.start[reader])

    @cached_property
    def _by_source(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The edges by the node they come from, and where those of each node begin."""
        columns = self._columns
        total = len(columns) + len(columns.missing)
        order = np.argsort(columns.source, kind="stable")
        counts = np.bincount(columns.source, minlength=total)
        return order, np.concatenate(([0], np.cumsum(counts)))

    def _is_small(self, node: NodeDef, at: int) -> bool:
        """Whether an input of an elementwise op is a constant scalar or vector."""
        other = self._inferred.of(_input(node, at))
        constant = self._graph.get(node_name(_input(node, at)))
        return other is not None and len(other) < 2 and constant is not None

    def _shape(self, reads: list[Read]) -> Shape | None:
        """The shape that readers ask for: of the first that needs one, else what broadcasts."""
        broadcasts, at_least = False, None
        for read in reads:
            node, at = read.node, read.at
            if self._wants_scalar(node, at):
                return []
            if not read.same_shape:
                continue
            shape = self._wants_rank(node, at)
            if shape is not None and RANKS[node.op][at][0] == RANKS[node.op][at][1]:
                return shape
            at_least = at_least or shape
            if node.op == "Reshape" and at == 0:
                at_least = at_least or self._sizes(_input(node, 1))
            if infer.RULES.get(node.op) is elementwise.binary and at < 2:
                broadcasts |= bool(self._inferred.of(_input(node, 1 - at)))
        return at_least or ([] if broadcasts else None)

    def _wants_scalar(self, node: NodeDef, at: int) -> bool:
        for table in (_PREDICATES, _COUNTS, _SCALARS):
            if at in table.get(node.op, ()):
                return True
        if node.op == "ConcatV2":
            return at == len(data_inputs(node)) - 1
        return node.op == "Pack" and self._packs_scalars(node)

    def _packs_scalars(self, node: NodeDef) -> bool:
        """Whether a Pack makes a vector: it packs a scalar too, or its result spells a shape."""
        texts = data_inputs(node)[:_MOST_READS]
        if any(self._inferred.of(text) == [] for text in texts):
            return True
        number = self._columns.index[node.name]
        return any(
            at in _SHAPE_INPUTS.get(self._columns.op_of(reader), ())
            for reader, at in self._edges(number, 0)
        )

    def _wants_rank(self, node: NodeDef, at: int) -> Shape | None:
        """A shape of the least rank that an op takes, with the sizes that its other inputs settle.

        None where that rank says nothing.
        """
        ranks = RANKS.get(node.op, ())
        if at >= len(ranks) or (ranks[at][0] < ranks[at][1] and ranks[at][0] < 2):
            return None
        shape: Shape = [None] * ranks[at][0]
        if at:
            return shape
        if node.op.startswith("NonMaxSuppression"):
            return [None, 4]
        other = self._inferred.of(_input(node, 1)) if len(data_inputs(node)) > 1 else None
        if other is None:
            return shape
        if node.op in ("Conv2D", "DepthwiseConv2dNative", "Conv3D") and len(other) == len(shape):
            layout = opdefs.attr(node, "data_format")
            is_first = layout is not None and layout.s.startswith(b"NC")
            shape[1 if is_first else -1] = other[-2]
        keys = _FLIPS.get(node.op)
        if keys is not None and len(other) > 1:
            flags = [opdefs.attr(node, key) for key in keys]
            a, b = (flag is not None and flag.b for flag in flags)
            shape[-2 if a else -1] = other[-1 if b else -2]
        if node.op in ("BiasAdd", "BiasAddV1") and len(other) == 1:
            shape[-1] = other[0]
        return shape

    def _sizes(self, text: str) -> Shape | None:
        """The sizes that a constant spells for a Reshape; None where it spells one at most."""
        sizes = feed_contents.whole_numbers(self._graph, text)
        return [size if size >= 0 else None for size in sizes] if len(sizes) > 1 else None

    def _is_splits(self, tensor: str) -> bool:
        """Whether a tensor holds row splits, by its reader or as tf.ragged.placeholder names it."""
        if _ROW_SPLITS.search(node_name(tensor)):
            return True
        return any(
            at in _SPLITS.get(node.op, ()) or _FROM_SPLITS in node.name
            for node, at in self._carried(tensor)
        )

    def _below(self, tensor: str) -> int | None:
        """The number of rows that whole numbers choose from."""
        limits = []
        for node, at in self._carried(tensor):
            if at not in _INDICES.get(node.op, ()):
                continue
            data = self._inferred.of(_input(node, 0))
            axis = 0 if node.op.startswith(("Gather", "ResourceGather")) else -1
            if node.op == "GatherV2":
                axis = sum(feed_contents.whole_numbers(self._graph, _input(node, 2))[:1])
            if data and -len(data) <= axis < len(data) and data[axis]:
                limits.append(data[axis])
        return min((limit for limit in limits if limit is not None), default=None)

    def _carried(self, tensor: str) -> Iterator[tuple[NodeDef, int]]:
        """The inputs that the values of a tensor reach, in whatever shape."""
        source = split_input(tensor)
        todo, visited = [(source.name, source.port)], {(source.name, source.port)}
        most = self._share(_MOST_READS)
        while todo and len(visited) < most:
            name, port = todo.pop()
            number = self._columns.index.get(name)
            for reader, at in () if number is None else self._edges(number, port):
                node = self._graph.nodes[reader]
                yield node, at
                is_data = node.op in _CARRIES or _keeps_shape(node.op, at)
                if at == 0 and is_data and (node.name, 0) not in visited:
                    visited.add((node.name, 0))
                    todo.append((node.name, 0))

    def _value(self, tensor: str, kind: str, reads: list[Read]) -> float | None:
        """The value of a scalar; None for a random one."""
        value = feed_values.of_scalar(self._graph, tensor, kind, reads)
        if value is not None or kind not in "iu":
            return value
        is_count = any(
            read.at in _COUNTS.get(read.node.op, ()) or read.node.op == "Pack" for read in reads
        )
        return 1.0 if is_count else None


def _input(node: NodeDef, at: int) -> str:
    """An input string; empty where a damaged graph has fewer."""
    return node.input[at] if at < len(node.input) else ""


def _keeps_shape(op: str, at: int) -> bool:
    rule = infer.RULES.get(op)
    is_handed_on = op in SWITCHES or op in ENTERS or op == "PlaceholderWithDefault"
    return at == 0 and (rule is elementwise.same or is_handed_on)


def _kind(dtype: str) -> str:
    """Numpy's letter for the kind of a dtype; empty where numpy has none."""
    try:
        numpy = tensors.numpy_dtype(tensors.dtype_enum(dtype))
    except KeyError:
        return ""
    return "" if numpy is None else numpy.kind
