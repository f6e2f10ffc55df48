"""What the nodes at the end of a graph give: probabilities, pictures, detections, a handle.

Nodes are numbers of `Columns`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from inspector.analysis.inference_part import HEADS
from inspector.graph import opdefs, tensors
from inspector.graph.columns import Columns, Mask
from inspector.graph.op_sets import CALLS, CONTROL_FLOW, MERGES
from inspector.graph.protos import DTypeEnum, NodeDef, OpDef

# What a signature key or a node's last name part says about a float output, best first.
_HINTS = (
    re.compile(r"prob", re.I),
    re.compile(r"softmax|sigmoid", re.I),
    re.compile(r"score|logistic", re.I),
    re.compile(r"predict|output|result|y_hat|detection", re.I),
)
NO_HINT = len(_HINTS)
"""What `hint` gives for a name that says nothing."""

PLAIN = 2
"""The kind of a last node of which nothing more is known."""

_PASSING = {"Identity", "Reshape", "Squeeze", "ExpandDims", "StridedSlice", "StopGradient", "Cast"}
_LEAVING = re.compile(r"Exit|RefExit|TensorArray(?:Gather|Concat|Read)(?:V2|V3)?|TensorListStack")
_LOOP_OPS = (CONTROL_FLOW - MERGES) | {"TensorArrayV3"}
_REDUCTIONS = {"Mean", "Sum", "Max", "Min", "Prod", "All", "Any", "Neg", "Pow", "Square", "Sub"}

_DETECTIONS = (
    "detection_boxes", "detection_scores", "detection_classes", "num_detections",
    "detection_masks", "detection_keypoints",
)  # fmt: skip
_HANDLES = {"resource", "variant"}
_IN_PARTS = {
    "IdentityN", "TopK", "TopKV2", "Split", "SplitV", "Unpack", "CombinedNonMaxSuppression",
    "NonMaxSuppressionV4", "NonMaxSuppressionV5", "CTCGreedyDecoder", "CTCBeamSearchDecoder",
}  # fmt: skip
"""Ops all of whose outputs are of use to whoever runs the model."""
_OUTPUT_TYPES = "_output_types"
"""Attribute in which an op of TFLite's own states its output dtypes."""
_MOST_PORTS = 20

_PICTURE_ENDS = {"Tanh", "Sigmoid"}
_TO_PICTURE = re.compile(r"Conv2D|Conv2DBackpropInput|DepthToSpace|Resize.*|DepthwiseConv2dNative")
_SCALING = _PASSING | {"Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "Round"}
_TO_LAYER = re.compile(r"BiasAdd|Add|AddV2|Mul|Identity|FusedBatchNorm.*|Transpose|Pad|MirrorPad")
_PICTURE_RANK = 4
_MOST_STEPS = 10


def hint(name: str) -> int:
    """How much the last part of a name says for an output, 0 the most; `NO_HINT` for nothing."""
    last = name.rpartition("/")[2]
    return next((rank for rank, pattern in enumerate(_HINTS) if pattern.search(last)), NO_HINT)


def ends(columns: Columns, idle: Mask, passing: Collection[str]) -> Mask:
    """Per node, whether no reader of it takes part in a prediction.

    Readers of an op in `passing` do not count either.
    """
    reader = columns.first[columns.reader]
    uses = ~(idle | columns.of_ops(passing))[reader] & (reader != columns.source)
    last = np.ones(len(columns) + len(columns.missing), np.bool_)
    last[columns.source[uses]] = False
    return last[: len(columns)]


def rank(op: str, dtype: DTypeEnum | None, last: bool, scores: bool, head: str) -> tuple[int, str]:
    """How likely (0 best) an output of a node is one of the model, and a sentence with the reason.

    Args:
        dtype: None where it is not known.
        last: Nothing reads it.
        scores: Only decisions read it.
        head: What `head_behind` gives.
    """
    if head and last:
        return 0, f"last node, {head}" if op in HEADS else f"last node, a {head} right before it"
    if head:
        # What is computed from it, and is no decision, is what the model gives: decoded boxes.
        return 1 if scores else 3, f"{head}, with no weights after it"
    if scores:
        return 2, "the scores that an ArgMax or TopK decides on"
    if not last:
        return 4, "its name says that it is an output"
    if dtype is None or op in _LOOP_OPS:
        return 4, "last node"
    if op in MERGES:
        return 4, "last node, of one of two branches"
    name = tensors.dtype_name(tensors.base_dtype(dtype))
    if op in ("ArgMax", "ArgMin"):
        return 3, f"last node, {op}"
    if name.startswith(("float", "bfloat")):
        # A mean or a maximum is more often a figure to look at than the answer.
        return 4 if op in _REDUCTIONS else PLAIN, "last node"
    return 4 if name == "bool" or op in _REDUCTIONS else 3, f"last node, {name}"


def ports(node: NodeDef, signatures: Mapping[str, OpDef]) -> list[tuple[int, DTypeEnum | None]]:
    """The outputs of a node that may be outputs of the model, each with its dtype.

    All of an IdentityN, of a call, of an op that gives an answer in several parts and of one that
    says its dtypes itself; of others the first one. A handle of a variable, table or data set is
    none.
    """
    dtypes = opdefs.output_dtypes(node, signatures)
    several = node.op in _IN_PARTS or node.op in CALLS or node.op in signatures
    if dtypes is None and _OUTPUT_TYPES in node.attr:
        dtypes, several = list(node.attr[_OUTPUT_TYPES].list.type), True
    if dtypes is None:
        return [(0, None)]
    return [
        (port, dtype)
        for port, dtype in enumerate(dtypes[: _MOST_PORTS if several else 1])
        if tensors.dtype_name(tensors.base_dtype(dtype)) not in _HANDLES
    ]


def head_behind(columns: Columns, at: int, port: int = 0) -> str:
    """``softmax`` or ``sigmoid`` where an output of a node is one, or only reshapes one."""
    if columns.op_of(at) == "IdentityN":
        sources = columns.data(at)
        if port >= len(sources) or sources[port] >= len(columns):
            return ""
        at = sources[port]
    for _ in range(_MOST_STEPS):
        op = columns.op_of(at)
        if op in HEADS:
            return HEADS[op]
        source = _first_source(columns, at) if op in _PASSING else None
        if source is None:
            return ""
        at = source
    return ""


def leaves_loop(columns: Columns, at: int) -> bool:
    """True for a loop's result as it is. A recurrent layer makes them all, needed or not."""
    for _ in range(_MOST_STEPS):
        op = columns.op_of(at)
        if _LEAVING.fullmatch(op):
            return True
        source = _first_source(columns, at) if op in _PASSING or op == "Transpose" else None
        if source is None:
            return False
        at = source
    return False


def is_picture(columns: Columns, at: int) -> bool:
    """True for the tanh or sigmoid of a picture, as a generator gives it, and for it rescaled."""
    after_end = False
    for _ in range(2 * _MOST_STEPS):
        op = columns.op_of(at)
        if after_end and (_TO_PICTURE.fullmatch(op) or _is_to_rank(columns, at, _PICTURE_RANK)):
            return True
        if op in _PICTURE_ENDS and not after_end:
            after_end = True
        elif not (_TO_LAYER.fullmatch(op) if after_end else op in _SCALING):
            return False
        source = _computed_source(columns, at)
        if source is None:
            return False
        at = source
    return False


def detections(columns: Columns, candidates: Iterable[int]) -> dict[int, int]:
    """The outputs of an object detector to their places in the usual order; none without boxes."""
    names = {at: columns.names[at].rpartition("/")[2] for at in candidates}
    if not {"detection_boxes", "detection_scores"} <= set(names.values()):
        return {}
    return {at: _DETECTIONS.index(name) for at, name in names.items() if name in _DETECTIONS}


def _is_to_rank(columns: Columns, at: int, rank: int) -> bool:
    """Whether a node reshapes to this rank, as far as the graph says so."""
    read = columns.data(at) if columns.op_of(at) == "Reshape" else []
    if len(read) != 2 or read[1] >= len(columns):
        return False
    if columns.op_of(read[1]) == "Pack":
        return len(columns.data(read[1])) == rank
    node = columns.kinds[columns.kind[read[1]]]
    if node.op != "Const" or "value" not in node.attr:
        return False
    return [dim.size for dim in node.attr["value"].tensor.tensor_shape.dim] == [rank]


def _first_source(columns: Columns, node: int) -> int | None:
    """The node of the first tensor that one reads."""
    sources = columns.data(node)
    return sources[0] if sources and sources[0] < len(columns) else None


def _computed_source(columns: Columns, node: int) -> int | None:
    """The first node that one reads and that is no constant."""
    computed = (
        source
        for source in columns.data(node)
        if source < len(columns) and columns.op_of(source) != "Const"
    )
    return next(computed, None)
