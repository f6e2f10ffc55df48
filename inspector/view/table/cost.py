"""Arithmetic operations (FLOPs) of each node, from the shapes in the node table.

Multiplications and additions count one each. An unknown dimension, usually the batch, counts as
one, so the figures are those of a single row. Constants fold into their consumers and cost nothing.

Source: the kernels' definitions; tensorflow/core/util/stat_summarizer counts convolutions alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector.graph import tensors
from inspector.view.table.node_table import NodeTable
from inspector.view.table.op_kinds import camel

_CONV = re.compile(r"(Quantized|_Fused|_FusedDepthwise|)(Conv2D|Conv3D|Conv)(With.*|V2|)")
_DEPTHWISE = re.compile(r"(Quantized|_Fused|)DepthwiseConv2d(Native)?(With.*|)")
_CONV_BACK = re.compile(r"Conv[23]DBackpropInput(V2)?|TransposeConv")
# TFLite's filters have the output's channels in front, and a depthwise one a 1.
_LITE_CONV, _LITE_DEPTHWISE = re.compile(r"CONV_2D"), re.compile(r"DEPTHWISE_CONV_2D")
_MATMUL = re.compile(
    r"(Quantized|_Fused|Sparse|)MatMul(With.*|)|(_Fused|)BatchMatMul(V\d)?|Einsum|FullyConnected|"
    r"BatchMatmul"
)
_FREE = re.compile(
    r"Const|HostConst|Placeholder.*|Identity.*|Reshape|Squeeze|ExpandDims|Shape.*|Rank|Size|NoOp|"
    r"Variable.*|VarHandleOp|ReadVariableOp|Pack|Unpack|Stack|StridedSlice|Slice|Concat.*|Split.*|"
    r"Gather.*|ResourceGather.*|Transpose|Pad.*|MirrorPad|Fill|Range|Cast|Tile|Switch|Merge|Enter|"
    r"Exit|NextIteration|LoopCond|StopGradient|PreventGradient|CheckNumerics|Assert|"
    r"TensorList.*|TensorArray.*|.*Call|While|StatelessWhile|If|StatelessIf|Case|StatelessCase|"
    r"HashTable.*|LookupTable.*|OneHot|Where|ZerosLike|OnesLike|_Arg|_Retval|Space.*|Batch.*Space.*|"
    r"Depth.*Space"
)
_NORM = re.compile(r"FusedBatchNorm.*|.*LayerNorm.*|BatchNorm.*|LRN|L2Normalize")
_POOL = re.compile(r".*Pool.*|Mean|Sum|Max|Min|Prod|All|Any|.*ArgMax|.*ArgMin|TopK.*|Cumsum")
_COSTLY = re.compile(
    r".*Softmax.*|Softplus|Sigmoid|Logistic|Tanh|Exp|Log.*|Elu|Selu|Gelu|Erf|Erfc|Pow|Sin|Cos"
)
_PER_NORM, _PER_COSTLY = 2, 4


def flops(table: NodeTable) -> list[float]:
    """Per node, its FLOPs for one row of a batch; 0 where a shape that matters is unknown."""
    kinds = [_kind(op) for op in table.ops]
    costs = []
    for node in range(len(table)):
        kind = kinds[table.op[node]]
        costs.append(0.0 if kind == "free" else _cost(table, node, kind))
    return costs


def _kind(op: str) -> str:
    op = op[:80]
    for kind, pattern in (("lite conv", _LITE_CONV), ("lite depthwise", _LITE_DEPTHWISE)):
        if pattern.fullmatch(op):
            return kind
    op = camel(op)
    for kind, pattern in (
        ("free", _FREE), ("depthwise", _DEPTHWISE), ("back", _CONV_BACK), ("conv", _CONV),
        ("matmul", _MATMUL), ("norm", _NORM), ("pool", _POOL), ("costly", _COSTLY),
    ):  # fmt: skip
        if pattern.fullmatch(op):
            return kind
    return "each"


def _cost(table: NodeTable, node: int, kind: str) -> float:
    shapes = table.shapes_of(node)
    outputs = _elements(shapes[0]) if shapes else 0
    if kind in ("conv", "depthwise", "back", "matmul", "lite conv", "lite depthwise"):
        first, second = _input_shape(table, node, 0), _input_shape(table, node, 1)
        if kind == "matmul":
            return 2.0 * outputs * _depth(first, shapes[0] if shapes else None)
        if kind == "back":
            # Inputs are sizes, filter, values; each value is multiplied with the whole filter.
            values = _elements(_input_shape(table, node, 2))
            return 2.0 * values * _elements(second[:-1] if second else None)
        if second is None or len(second) < 3:
            return 0.0
        taps = {
            "depthwise": second[:-2],
            "lite conv": second[1:],
            "lite depthwise": second[1:-1],
        }.get(kind, second[:-1])
        return 2.0 * outputs * _elements(taps)
    if kind == "pool":
        return float(_elements(_input_shape(table, node, 0)))
    return float(outputs * {"norm": _PER_NORM, "costly": _PER_COSTLY}.get(kind, 1))


def _depth(first: Sequence[int | None] | None, out: Sequence[int | None] | None) -> int:
    """The length of the inner dimension of a matrix product."""
    if first is None or out is None or not first:
        return 0
    rows = [size for size in out[:-1] if size]
    sizes = [size for size in first if size]
    return max(1, tensors.count(sizes) // max(1, tensors.count(rows)))


def _input_shape(table: NodeTable, node: int, place: int) -> Sequence[int | None] | None:
    flat = table.inputs[node]
    if 2 * place + 1 >= len(flat) or flat[2 * place] < 0:
        return None
    shapes = table.shapes_of(flat[2 * place])
    port = flat[2 * place + 1]
    return shapes[port] if port < len(shapes) else None


def _elements(shape: Sequence[int | None] | None) -> int:
    """Elements of a shape; an unknown dimension counts as one, an unknown shape as nothing."""
    return 0 if shape is None else tensors.count(1 if size is None else size for size in shape)
