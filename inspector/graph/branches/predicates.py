"""Predicates that constants decide: their values, computed with numpy and without kernels.

Followed are the ops that graphs compute a predicate with: copies, casts, comparisons, logic. A
Switch hands its data on, so a predicate that passes through the branches around it is followed too;
what comes out of a Merge or of an iteration is not.

Source: tensorflow/core/kernels/cwise_ops.h, tensorflow/core/kernels/functional_ops.cc (ToBool).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import data_inputs, split_input
from inspector.graph.op_sets import SWITCHES
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array

COPIES = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "Snapshot", "GuaranteeConst", "Squeeze"}
)
"""Ops that copy a scalar."""
_HANDS_ON = COPIES | SWITCHES | {"Enter"}
_COMPUTE: dict[str, Callable[..., Array]] = {
    "LogicalNot": np.logical_not,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
}
PURE = COPIES | _COMPUTE.keys() | {"Const", "Cast", "ToBool"}
"""Ops without side effects that may make up a predicate; each runs wherever it is."""


class Predicates:
    """Values of scalars in a graph, as far as constants decide them.

    Args:
        feeds: Nodes whose value is unknown, whatever their op.
    """

    def __init__(self, edit: GraphEdit, feeds: Collection[str] = ()) -> None:
        self._edit = edit
        self._feeds = feeds
        self._values: dict[str, Array | None] = {}

    def value(self, text: str) -> Array | None:
        """The value of a tensor of shape [] (an input string); None where it is not known."""
        name, _, control = split_input(text)
        if control:
            return None
        todo = [name]
        while todo:
            name = todo[-1]
            if name not in self._values:
                self._values[name] = None  # also ends the walk in a cycle
                todo += [source for source in self._sources(name) if source not in self._values]
                continue
            todo.pop()
            if self._values[name] is None:
                self._values[name] = self._compute(name)
        return self._values[split_input(text).name]

    def _sources(self, name: str) -> list[str]:
        node = self._edit.get(name)
        if node is None or name in self._feeds:
            return []
        count = 1 if node.op in _HANDS_ON or node.op in ("Cast", "ToBool", "LogicalNot") else 0
        count = 2 if node.op in _COMPUTE and node.op != "LogicalNot" else count
        return [split_input(text).name for text in data_inputs(node)[:count]]

    def _compute(self, name: str) -> Array | None:
        node = self._edit.get(name)
        if node is None or name in self._feeds:
            return None
        if node.op == "Const":
            return _constant(node)
        args = [self._values.get(source) for source in self._sources(name)]
        if node.op in ("LogicalAnd", "LogicalOr") and len(args) == 2:
            decides = node.op == "LogicalOr"
            if any(arg is not None and bool(arg) is decides for arg in args):
                return np.asarray(decides)
        present = [arg for arg in args if arg is not None]
        if not present or len(present) < len(args):
            return None
        if node.op in _HANDS_ON:
            return present[0]
        if node.op == "ToBool":
            return np.asarray(bool(present[0].item()))
        if node.op == "Cast":
            return _cast(node, present[0])
        if len(present) != (1 if node.op == "LogicalNot" else 2):
            return None
        try:
            return np.asarray(_COMPUTE[node.op](*present))
        except TypeError:  # the node compares text with a number: TensorFlow refuses it
            return None


def _constant(node: NodeDef) -> Array | None:
    if "value" not in node.attr or tensors.elements(node.attr["value"].tensor) != 1:
        return None
    try:
        array = tensors.to_numpy(node.attr["value"].tensor)
    except InspectorError:
        return None
    return array if array.shape == () else None


def _cast(node: NodeDef, value: Array) -> Array | None:
    dtype = tensors.numpy_dtype(node.attr["DstT"].type) if "DstT" in node.attr else None
    if dtype is None or dtype.kind not in "biuf" or value.dtype.kind not in "biuf":
        return None
    if dtype.kind in "iu" and not np.isfinite(value.astype(np.float64)):
        return None
    with np.errstate(all="ignore"):
        return value.astype(dtype)
